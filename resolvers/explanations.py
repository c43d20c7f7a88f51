"""The GraphQL types of an explanation: what a question would do, without doing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import strawberry

from policies.principal import Principal
from resolvers.batches import field
from resolvers.governance import sized


@dataclass(frozen=True, slots=True)
class PlannedField:
    """One field of a plan.

    Attributes:
        path: Names of the answer, with dots.
        found_by: How its values are found.
        reads: What has to be read for it besides the header.
    """

    path: str
    found_by: str
    reads: Sequence[str]
    returns: str


@dataclass(frozen=True, slots=True)
class PlannedCalls:
    """How often a system would be asked for one root field."""

    root: str
    system: str
    sections: Sequence[str]
    keys: int
    calls: int


@dataclass(frozen=True, slots=True)
class HiddenField:
    """A field that the caller's scopes do not allow, and what is missing."""

    place: str
    missing_scopes: Sequence[str]


@dataclass(frozen=True, slots=True)
class WouldBeRefused:
    """Why the question would not be answered."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a question would do.

    Attributes:
        cost: Points at most; None where it is not known.
        quota_after: Points that would be left.
    """

    fields: Sequence[PlannedField] = ()
    calls: Sequence[PlannedCalls] = ()
    hidden: Sequence[HiddenField] = ()
    cost: int | None = None
    quota_after: int | None = None
    refusal: WouldBeRefused | None = None


class Explain(Protocol):
    """Explains questions; the door does it."""

    async def __call__(
        self,
        principal: Principal,
        query: str,
        variables: Mapping[str, object],
        operation_name: str | None,
    ) -> Explanation:
        """Explain one, as it would be answered for a caller."""
        ...


@strawberry.type(name="PlannedField", description="A field of a plan.")
class PlannedFieldType:
    """`PlannedField`."""

    path: str = field("Where it would stand in the answer; the names of lists stand for all items.")
    found_by: str = field("How its values would be found, in one word.")
    reads: list[str] = field("What would be read for it, besides the header of its line.")
    returns: str = field("Its type.")


@strawberry.type(name="PlannedCalls", description="Calls that a root field would cause.")
class PlannedCallsType:
    """`PlannedCalls`."""

    root: str = field("Name of the root field in the answer.", name="field")
    system: str = field("Configured name of the system.")
    sections: list[str] = field("What it would be asked for.")
    keys: int = field("Orders or lines that would be looked up.")
    calls: int = field("Calls that takes, each answer in one page.")


@strawberry.type(name="HiddenField", description="A field that the caller's scopes do not allow.")
class HiddenFieldType:
    """`HiddenField`."""

    place: str = field("Type and name.", name="field")
    missing_scopes: list[str] = field("The fewest scopes that are missing.")


@strawberry.type(name="Refusal", description="Why a question would not be answered.")
class RefusalType:
    """`WouldBeRefused`."""

    code: str = field("One of the error codes.")
    message: str = field("One sentence.")


@strawberry.type(
    name="Explanation",
    description="What a question would do if the caller asked it now. No system is asked.",
)
class ExplanationType:
    """`Explanation`."""

    fields: list[PlannedFieldType] = field(
        "Every field, in the order of the answer.", policy=(sized(100),)
    )
    calls: list[PlannedCallsType] = field(
        "Which systems would be called, and how often.", policy=(sized(10),)
    )
    hidden: list[HiddenFieldType] = field(
        "Fields that would be null, with an error.", policy=(sized(10),)
    )
    cost: int | None = field("Points it would cost at most; null if it would be refused before.")
    quota_after: int | None = field("Points that would be left; null if it would be refused.")
    refusal: RefusalType | None = field("Null if it would be answered.")
