"""Which fields a caller may ask for, decided once for each set of scopes.

Every field of the schema has a policy: its own, or the one of the field it is below.
What a set of scopes may not ask for is a field mask, made once and the same object for
every caller with these scopes; nothing is decided per question or per item.

A scope that no field asks for is no scope here: a credential may carry others, for
other services, and they give nothing.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

FieldMask: TypeAlias = frozenset[tuple[str, str]]
"""The fields, by type and name, that a question may not ask for."""

INTROSPECTION: Final = "introspection"
"""The scope of those who may look at the schema, and at what a question would do."""

_LOOKING: Final = frozenset({("Query", "__schema"), ("Query", "__type")})
_MAX_MASKS: Final = 4_096


@dataclass(frozen=True, slots=True)
class ListSize:
    """How long a list may be, before anything is known of it.

    Attributes:
        assumed: Where no argument tells.
        arguments: The arguments of the field that tell: a number, or a list as long.
        sized: The fields below it that are so long, where it is no list itself.
    """

    assumed: int
    arguments: tuple[str, ...] = ()
    sized: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """What is decided about one field.

    Attributes:
        requires: Sets of scopes of which a caller has to have one whole set; without
            any, whoever may ask for the field above may ask for this one.
        weight: Cost points of one of it, without what is below.
        list_size: For lists of objects, and for what holds one.
        max_age_s: How old an answer may be at most; None as the field above.
        owner: Who answers for it; None as the field above.
    """

    requires: tuple[frozenset[str], ...] = ()
    weight: int = 0
    list_size: ListSize | None = None
    max_age_s: int | None = None
    owner: str | None = None

    def allows(self, scopes: frozenset[str]) -> bool:
        """Decide for a set of scopes."""
        return not self.requires or any(every <= scopes for every in self.requires)


Policies: TypeAlias = Mapping[tuple[str, str], FieldPolicy]


class Permissions:
    """The field masks of all sets of scopes that were met.

    Args:
        policies: The policy of every field.

    Attributes:
        masks: Those that were made, by scopes; `mask` makes others.
    """

    def __init__(self, policies: Policies) -> None:
        self._guarded = {place: one for place, one in policies.items() if one.requires}
        self.scopes: Final = frozenset(
            scope for one in self._guarded.values() for every in one.requires for scope in every
        ) | {INTROSPECTION}
        self.masks: OrderedDict[frozenset[str], FieldMask] = OrderedDict()
        self._same: dict[FieldMask, FieldMask] = {}

    def mask(self, scopes: frozenset[str]) -> FieldMask:
        """Give what these scopes may not ask for; the same object every time."""
        found = self.masks.get(scopes)
        if found is None:
            found = self._refused(scopes & self.scopes)
            # Masks are as many as the scopes that fields ask for make; sets of scopes
            # are as many as providers of tokens invent.
            found = self._same.setdefault(found, found)
            self.masks[scopes] = found
            if len(self.masks) > _MAX_MASKS:
                self.masks.popitem(last=False)
        return found

    def missing(self, place: tuple[str, str], scopes: Iterable[str]) -> frozenset[str]:
        """Name the fewest scopes that would let a caller ask for a field."""
        if place in _LOOKING:
            return frozenset({INTROSPECTION})
        held = frozenset(scopes)
        ways = (every - held for every in self._guarded[place].requires)
        return min(ways, key=lambda every: (len(every), sorted(every)))

    def _refused(self, scopes: frozenset[str]) -> FieldMask:
        refused = {place for place, one in self._guarded.items() if not one.allows(scopes)}
        return frozenset(refused if INTROSPECTION in scopes else refused | _LOOKING)
