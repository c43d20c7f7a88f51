"""What is decided about an operation between its plan and its execution.

The plan knows the fields, the guard knows the policies. What both say together is
worked out once a plan, as its `Terms`; with a request's arguments they become a `Bill`:
how much it asks for, what that costs, and which systems will be called how often. All
of this happens before any system is asked.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Final, TypeAlias

from graphql import get_nullable_type, is_list_type

from gateway.execution import Prepared
from gateway.execution.plan import Field, FieldMask, Plan
from orderlines.errors import GatewayError
from policies.cost import FREE, Price, price_of
from policies.permissions import Permissions, Policies
from policies.principal import Principal
from policies.settings import LimitSettings
from resolvers.forecast import Read, keys_of, looks_up

ReadsOf: TypeAlias = Callable[[Field], tuple[Read, ...]]
Arguments: TypeAlias = Callable[[Field], Mapping[str, object]]

MAX_BILLS: Final = 64
"""Bills that a plan remembers."""
_TEXTS: Final = "texts"
"""What decides the bill where all variables are texts."""
_BRIEF: Final = frozenset({str, int, bool, type(None), timedelta})
"""Types of variables that say themselves what they decide."""

MAX_NAMED: Final = 5
"""Refused fields that are named in one refusal."""


class LimitExceededError(GatewayError):
    """A request asks for more than one request may."""

    code: ClassVar[str] = "LIMIT_EXCEEDED"


class ForbiddenError(GatewayError):
    """The caller's scopes do not allow what was asked.

    Attributes:
        scope: What would have to be granted, as words.
    """

    code: ClassVar[str] = "FORBIDDEN"

    def __init__(self, message: str, scopes: frozenset[str]) -> None:
        self.scope = " ".join(sorted(scopes))
        super().__init__(message, scope=self.scope)


@dataclass(frozen=True, slots=True)
class ListArgument:
    """An argument that may make a request large.

    Attributes:
        name: As the resolver takes it.
        is_look_up: Whether each of its items is looked up.
    """

    field: Field
    name: str
    is_look_up: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What plan and policies say, before arguments are known.

    Attributes:
        price: What it costs.
        refused: The fields that the caller's scopes do not allow.
        is_introspecting: Whether `__schema` is among them.
        single: Root fields that look one thing up.
        lists: Arguments that may be lists.
        pages: Fields that give a page, and the argument that says how long.
        explained: Root fields that read a document of their own.
        reads: Root fields, and the systems they ask.
        bills: Those that were written, by what decided them.
    """

    price: Price
    refused: tuple[Field, ...]
    is_introspecting: bool
    single: int
    lists: tuple[ListArgument, ...]
    pages: tuple[tuple[Field, str], ...]
    explained: int
    reads: tuple[tuple[Field, tuple[Read, ...]], ...]
    bills: dict[Hashable, "Bill"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bill:
    """What one request is to be charged for.

    Attributes:
        cost: Points, at most.
        calls: Calls of each system, answers in one page each.
        max_age_s: How old a kept answer may be: as the caller allows, and every field.
        price: Tells what it came to, once it was executed.
    """

    cost: int
    calls: Mapping[str, int]
    max_age_s: float = 0.0
    price: Price = field(default=FREE, compare=False)


class Guard:
    """Decides about operations.

    Args:
        policies: The policy of every field.
        limits: What one request may hold.
        reads_of: Tells which systems a root field asks.
        is_strict: Whether a refused field refuses the whole operation.
    """

    def __init__(
        self,
        policies: Policies,
        limits: LimitSettings,
        *,
        reads_of: ReadsOf,
        is_strict: bool = False,
    ) -> None:
        self.permissions: Final = Permissions(policies)
        self._masks = self.permissions.masks
        self._policies = policies
        self._limits = limits
        self._reads_of = reads_of
        self._is_strict = is_strict

    def mask(self, principal: Principal) -> FieldMask:
        """Give the fields that a caller may not ask for."""
        try:
            return self._masks[principal.scopes]
        except KeyError:
            return self.permissions.mask(principal.scopes)

    def terms(self, plan: Plan) -> Terms:
        """Work out what holds for every request with this plan."""
        roots = plan.root.fields
        counted = [one for one in roots if looks_up(one)]
        lists, pages = [], []
        for one in plan.argued:
            policy = self._policies.get((one.parent.name, one.name))
            sized = () if policy is None or policy.list_size is None else policy.list_size.arguments
            for name, argument in one.definition.args.items():
                given_as = one.names.get(name, name)
                if is_list_type(get_nullable_type(argument.type)):
                    lists.append(ListArgument(one, given_as, one in counted))
                elif given_as in sized:
                    pages.append((one, given_as))
        listed = {one.field for one in lists}
        return Terms(
            price=price_of(plan.root, self._policies, plan.refused),
            refused=plan.refused,
            is_introspecting=any(one.name == "__schema" for one in plan.refused),
            single=sum(one not in listed for one in counted),
            lists=tuple(lists),
            pages=tuple(pages),
            explained=sum(one.name == "explain" for one in roots),
            reads=tuple((one, reads) for one in roots if (reads := self._reads_of(one))),
        )

    def check(self, principal: Principal, prepared: Prepared) -> Bill:
        """Decide about one request.

        Args:
            principal: Who asks.
            prepared: The operation; `terms` is its note.

        Raises:
            ForbiddenError: The caller may not ask this.
            LimitExceededError: It asks for too much.
        """
        terms: Terms = prepared.compiled.note
        if terms.refused and (self._is_strict or terms.is_introspecting):
            raise self._forbidden(principal, terms.refused)

        # A text is one thing, whichever it is: it has no length, and is looked up once.
        is_usual = prepared.texts is not None
        deciding = _TEXTS if is_usual else _deciding(prepared.variables.coerced)
        found = terms.bills.get(deciding)
        if found is None:
            found = self._bill(terms, prepared)
            if deciding is not None:
                if len(terms.bills) >= MAX_BILLS:
                    terms.bills.clear()
                terms.bills[deciding] = found
        return found

    def _bill(self, terms: Terms, prepared: Prepared) -> Bill:
        def arguments(one: Field) -> Mapping[str, object]:
            # Arguments that do not fit fail their field, before it asks anybody.
            return prepared.given(one) or {}

        self._check_amounts(terms, arguments)
        cost = terms.price.before(arguments)
        if cost > self._limits.cost:
            msg = "The request costs more than one request may."
            raise LimitExceededError(msg, limit="cost")
        calls, max_age_s = _calls(terms.reads, arguments), _max_age_s(terms, arguments)
        return Bill(cost, calls, max_age_s, terms.price)

    def _check_amounts(self, terms: Terms, arguments: Arguments) -> None:
        limits, look_ups = self._limits, terms.single
        for one in terms.lists:
            length = _length(arguments(one.field).get(one.name))
            if one.is_look_up:
                look_ups += length
            elif length > limits.list_items:
                msg = f"The list `{one.name}` is too long."
                raise LimitExceededError(msg, limit="list_items")
        if look_ups > limits.look_ups:
            msg = "The request looks up more than one request may."
            raise LimitExceededError(msg, limit="look_ups")
        if terms.explained > 1:
            msg = "A request explains one question."
            raise LimitExceededError(msg, limit="explain")
        for page, name in terms.pages:
            first = arguments(page).get(name)
            if isinstance(first, int) and not 1 <= first <= limits.first:
                msg = f"`{name}` is a number from 1 to {limits.first}."
                raise LimitExceededError(msg, limit="first")

    def _forbidden(self, principal: Principal, refused: Sequence[Field]) -> ForbiddenError:
        places = [(one.parent.name, one.name) for one in refused]
        missing = [self.permissions.missing(place, principal.scopes) for place in places]
        named = ", ".join(f"`{kind}.{name}`" for kind, name in places[:MAX_NAMED])
        return ForbiddenError(
            f"The scopes of this credential do not allow {named}.", frozenset().union(*missing)
        )


def _deciding(variables: Mapping[str, object]) -> Hashable | None:
    """Name what of some variables decides a bill; None if it takes more than a look."""
    if {*map(type, variables.values())} <= _BRIEF:
        return tuple((name, str if type(one) is str else one) for name, one in variables.items())
    return None


def _calls(
    reads: Sequence[tuple[Field, Sequence[Read]]], arguments: Arguments
) -> Mapping[str, int]:
    calls: dict[str, int] = {}
    for one, systems in reads:
        keys = keys_of(arguments(one).values()) if one.slot >= 0 else 1
        for read in systems:
            calls[read.system] = calls.get(read.system, 0) + read.capabilities.calls_for(keys)
    return calls


def _max_age_s(terms: Terms, arguments: Arguments) -> float:
    """Say how old an answer may be: no older than any of its root fields was allowed."""
    if terms.price.max_age_s == 0 or not terms.reads:
        return 0.0
    allowed = float(terms.price.max_age_s)
    for one, _ in terms.reads:
        max_age = arguments(one).get("max_age") if one.slot >= 0 else None
        if not isinstance(max_age, timedelta):
            return 0.0
        allowed = min(allowed, max_age.total_seconds())
    return allowed


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else int(value is not None)
