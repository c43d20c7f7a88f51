"""Which order lines a caller may see at all.

Made by the guard, obeyed by the docks, checked again on the rows that come back.
It is part of every key that data is stored or shared under, by type. It is not
`OrderLineFilter`: a filter is what the caller asks for, this is what the caller
cannot ask beyond.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias


class Everything(Enum):
    """The one value `ALL`: a dimension without a restriction."""

    ALL = "ALL"

    # There is one in a process; an enum's own hash goes by its name, in Python.
    __hash__ = object.__hash__


ALL: Final = Everything.ALL
Restriction: TypeAlias = Literal[Everything.ALL] | frozenset[str]


@dataclass(frozen=True, slots=True)
class Visibility:
    """A row-level predicate over the header of an order line.

    Every dimension is `ALL` or a set of allowed values; an empty set sees
    nothing. There are no defaults: forgetting a dimension must not open it.

    Attributes:
        customers: Sold-to party numbers.
        channels: Names of `Channel`.
        warehouses: Owner nodes (the plant the order was placed on). A line
            without an owner node is invisible to a caller restricted here.
        is_unrestricted: Whether every row may be seen, so that no header is needed to
            decide.
    """

    customers: Restriction
    channels: Restriction
    warehouses: Restriction
    is_unrestricted: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sees_all = self.customers is ALL and self.channels is ALL and self.warehouses is ALL
        object.__setattr__(self, "is_unrestricted", sees_all)

    @classmethod
    def everything(cls) -> "Visibility":
        """See every row."""
        return cls(customers=ALL, channels=ALL, warehouses=ALL)

    @classmethod
    def nothing(cls) -> "Visibility":
        """See no row."""
        return cls(customers=frozenset(), channels=frozenset(), warehouses=frozenset())

    def admits(self, *, sold_to: str | None, channel: str, owner_node: str | None) -> bool:
        """Decide one row. What is not known (None) is not allowed where restricted."""
        return (
            (self.customers is ALL or sold_to in self.customers)
            and (self.channels is ALL or channel in self.channels)
            and (self.warehouses is ALL or owner_node in self.warehouses)
        )
