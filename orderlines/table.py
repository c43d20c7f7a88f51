"""Records of many lines, of which one value is read for all of them at once.

Whoever took the records out of an answer has looked at some texts of all of them
already, and hands on what they mean: then nobody reads them record by record again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar, overload

from orderlines.facets import Facet

F = TypeVar("F", bound=Facet)

Column: TypeAlias = Sequence[Any]
"""One value of each record; Any: the accessors of facets are of many types."""

Makers: TypeAlias = Mapping[str, Callable[["Columns"], Column]]
"""What reads an accessor of all records faster than one by one, by its name."""

ONLY_SLICE_VALUE: Final = "the value of the only slice in force"
ONLY_SLICE_ON: Final = "the date of the only slice in force"
"""Columns of promises, known where each has one slice in force."""

NO_MAKERS: Final[Makers] = MappingProxyType({})


class Columns(dict[str, Column]):
    """Accessors of records by name; one that is not known yet is read when it is taken.

    What is asked with `get` is only what is known by now.

    Attributes:
        records: What the columns are of; put here by their table.
        makers: See there.
    """

    __slots__ = ("makers", "records")

    records: Sequence[Any]
    makers: Makers

    def __missing__(self, name: str) -> Column:
        maker = self.makers.get(name)
        if maker is not None:
            found = maker(self)
        # Named here rather than looked up by name: half the time, for what every page is
        # asked.
        elif name == "unit":
            found = [one.unit for one in self.records]
        elif name == "line_number":
            found = [one.line_number for one in self.records]
        elif name == "order_number":
            found = [one.order_number for one in self.records]
        else:
            found = [*map(attrgetter(name), self.records)]
        self[name] = found
        return found


class Table(Sequence[F]):
    """Records, each about one line, and not copied.

    Args:
        records: In the order in which the system told them.
        known: Accessors that are known of all of them, by name.
        makers: How others are read.

    Attributes:
        records: As they were given.
        columns: Each accessor of all records.
        is_plain: Whether every text of the records is written in JSON as it is, as far as
            whoever took them knows.
    """

    __slots__ = ("columns", "is_plain", "records")

    def __init__(
        self,
        records: Sequence[F],
        known: dict[str, Column] | tuple[()] = (),
        makers: Makers = NO_MAKERS,
    ) -> None:
        self.records = records
        self.is_plain = False
        self.columns = columns = Columns(known)
        columns.records = records
        columns.makers = makers

    @overload
    def __getitem__(self, index: int) -> F: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[F]: ...

    def __getitem__(self, index: int | slice) -> F | Sequence[F]:
        return self.records[index]

    def __iter__(self) -> Iterator[F]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


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
