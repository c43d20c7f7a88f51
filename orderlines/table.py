"""Records of many lines, of which one value is read for all of them at once.

Whoever took the records out of an answer has looked at some texts of all of them
already, and hands on what they mean: then nobody reads them record by record again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar, overload

from orderlines.facets import Facet

F = TypeVar("F", bound=Facet)

Column: TypeAlias = Sequence[Any]
"""One value of each record; Any: the accessors of facets are of many types."""

Makers: TypeAlias = Mapping[str, Callable[["Table[Any]"], Column]]
"""What reads an accessor of all records faster than one by one, by its name."""

ONLY_SLICE_VALUE: Final = "the value of the only slice in force"
ONLY_SLICE_ON: Final = "the date of the only slice in force"
"""Columns of promises, known where each has one slice in force."""

NO_MAKERS: Final[Makers] = MappingProxyType({})


class Table(list[F]):
    """Records, each about one line.

    Args:
        records: In the order in which the system told them.
        columns: Accessors that are known of all of them, by name; it becomes the table's.
        makers: How others are read.

    Attributes:
        columns: Those that are known by now; `column` reads any.
        is_plain: Whether every text of the records is written in JSON as it is.
    """

    __slots__ = ("_makers", "columns", "is_plain")

    def __init__(
        self,
        records: Iterable[F],
        columns: dict[str, Column] | None = None,
        makers: Makers = NO_MAKERS,
        *,
        is_plain: bool = False,
    ) -> None:
        super().__init__(records)
        self.is_plain = is_plain
        self.columns = {} if columns is None else columns
        self._makers = makers

    def column(self, name: str) -> Column:
        """Read an accessor of each record; a column is read once."""
        found = self.columns.get(name)
        if found is None:
            maker = self._makers.get(name)
            if maker is not None:
                found = maker(self)
            # Named here rather than looked up by name: half the time, for what every page
            # is asked.
            elif name == "line_number":
                found = [one.line_number for one in self]
            elif name == "unit":
                found = [one.unit for one in self]
            elif name == "order_number":
                found = [one.order_number for one in self]
            else:
                found = [*map(attrgetter(name), self)]
            self.columns[name] = found
        return found

    def known(self, name: str) -> Column | None:
        """Give a column that whoever took the records said; None if it said nothing."""
        return self.columns.get(name)


class Single(Sequence[Sequence[F]], Generic[F]):
    """What a system told of lines that have one record each."""

    __slots__ = ("records",)

    def __init__(self, records: Table[F]) -> None:
        self.records = records

    @overload
    def __getitem__(self, index: int) -> Sequence[F]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[F]]: ...

    def __getitem__(self, index: int | slice) -> Sequence[F] | Sequence[Sequence[F]]:
        if isinstance(index, int):
            return (self.records[index],)
        return [(one,) for one in self.records[index]]

    def __iter__(self) -> Iterator[Sequence[F]]:
        return zip(self.records)

    def __len__(self) -> int:
        return len(self.records)
