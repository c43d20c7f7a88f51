"""What did not reconcile: the alternative to silence and to a zero.

A discrepancy is a value, never an exception: the rest of the answer stands. It
names the system, its record and the field, so that somebody can mend the cause.
"""

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from orderlines.errors import GatewayError


class DiscrepancyKind(Enum):
    """Why something could not be taken over as it was stated."""

    FAILED_MAPPING = "A record could not be read as its contract says."
    UOM = "A quantity is in a unit the item has no factor for."
    UNRESOLVED_XREF = "A record names an order line that its order does not have."
    DUPLICATE = "A system states one line twice."
    UNRESOLVED_SUBSTITUTION = "Goods of another item were shipped and no substitution explains it."
    QUANTITY_CONFLICT = "Two systems state different amounts for the same quantity."
    INVARIANT = "The quantities of a line break a law that must hold."


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that did not reconcile.

    Attributes:
        kind: Why.
        system: Configured name of the system whose statement it is about.
        record: That system's own name for the record; empty if unreadable.
        field: The field, in that system's spelling; empty for the whole record.
        message: One sentence; carries no text that the system sent.
    """

    kind: DiscrepancyKind
    system: str
    record: str
    field: str
    message: str


class DiscrepancyError(GatewayError):
    """A value cannot be given because what a system stated could not be mapped.

    It stands among the values of a line, so two about one discrepancy are equal.
    """

    code: ClassVar[str] = "DISCREPANCY"

    def __init__(self, discrepancy: Discrepancy) -> None:
        super().__init__(
            discrepancy.message,
            kind=discrepancy.kind.name,
            system=discrepancy.system,
            record=discrepancy.record,
            field=discrepancy.field,
        )
        self.discrepancy = discrepancy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DiscrepancyError) and self.discrepancy == other.discrepancy

    def __hash__(self) -> int:
        return hash(self.discrepancy)
