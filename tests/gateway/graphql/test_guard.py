"""Decisions about an operation: fields, amounts, cost and calls, before anything is asked."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import pytest
from graphql import OperationDefinitionNode, parse

from backends.registry import open_systems
from gateway.cli.explain import DEMO
from gateway.cli.personas import EVERYTHING, STATUS
from gateway.execution import Executor, Prepared
from gateway.graphql.guard import (
    MAX_BILLS,
    Bill,
    ForbiddenError,
    Guard,
    LimitExceededError,
)
from orderlines.visibility import Visibility
from policies.principal import Credential, Principal
from policies.settings import LimitSettings
from resolvers.batches import field_plans
from resolvers.forecast import reads_of
from resolvers.governance import field_policies
from resolvers.schema import build_schema

SCHEMA = build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it
SMALL = LimitSettings(look_ups=5, first=10, list_items=3, cost=200)
NOBODY: frozenset[str] = frozenset()


def caller(scopes: frozenset[str]) -> Principal:
    """Make a caller."""
    everything = Visibility.everything()
    return Principal("key:1", "test", Credential.API_KEY, scopes, everything, None)


def checked(
    text: str,
    scopes: frozenset[str] = EVERYTHING,
    *,
    limits: LimitSettings = SMALL,
    is_strict: bool = False,
    variables: Mapping[str, object] | None = None,
) -> Bill:
    """Let the guard decide about a question."""
    return checking(text, scopes, limits=limits, is_strict=is_strict)(variables or {})


def checking(
    text: str,
    scopes: frozenset[str] = EVERYTHING,
    *,
    limits: LimitSettings = SMALL,
    is_strict: bool = False,
) -> Callable[[Mapping[str, object]], Bill]:
    """Let the guard decide about a question as often as it is asked."""

    async def backends() -> object:
        async with open_systems(DEMO) as systems:
            return systems.backends

    guard = Guard(
        field_policies(SCHEMA),
        limits,
        reads_of=partial(reads_of, systems=asyncio.run(backends())),  # type: ignore[arg-type] # as opened
        is_strict=is_strict,
    )
    executor = Executor(SCHEMA, field_plans(SCHEMA), note=guard.terms)
    document = parse(text)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)

    def check(variables: Mapping[str, object]) -> Bill:
        prepared = executor.prepare(document, operation, variables, mask=guard.mask(caller(scopes)))
        assert isinstance(prepared, Prepared)
        return guard.check(caller(scopes), prepared)

    return check


def test_a_text_decides_no_bill() -> None:
    """Whichever order is meant, one bill is written; a number or a null is another matter."""
    check = checking(
        """query($number: String!, $source: String, $first: Int) {
          order(number: $number, source: $source) { lines(first: $first) { nodes { id } } }
        }"""
    )
    bill = check({"number": "SO-1", "first": 3})

    assert check({"number": "SO-2", "first": 3}) is bill
    assert check({"number": "SO-1", "first": 4}).cost == bill.cost + 1
    assert check({"number": "SO-1", "first": None}).cost > bill.cost
    with pytest.raises(LimitExceededError):
        check({"number": "SO-1", "first": 11})
    with pytest.raises(LimitExceededError):
        check({"number": "SO-1", "first": 11})


def test_an_operation_of_texts_has_one_bill() -> None:
    """In whatever order they are sent; with one of them missing, or null, it has another."""
    check = checking(
        """query($number: String!, $source: String) {
          order(number: $number, source: $source) { lines(first: 2) { nodes { id } } }
        }"""
    )
    check({"number": "SO-1"})
    bill = check({"number": "SO-1", "source": "erp"})

    assert check({"source": "oms", "number": "SO-2"}) is bill
    assert check({"number": "SO-1", "source": None}) is not bill
    assert check({"number": "SO-1", "source": None}) == bill
    assert check({"number": "SO-1"}) == bill


def test_a_list_decides_its_bill_by_what_is_in_it() -> None:
    """Also where it was a single value when it was sent."""
    check = checking("query($i: [ID!]!) { orderLinesById(ids: $i) { id } }")

    assert [check({"i": ids}).cost for ids in (["a"], ["a", "b"], "a", ["b", "c", "d"])] == [
        1,
        2,
        1,
        3,
    ]


def test_so_many_bills_are_remembered() -> None:
    """And what was forgotten is written again."""
    check = checking(
        "query($first: Int) { order(number: 1) { lines(first: $first) { totalCount } } }",
        limits=LimitSettings(first=500, cost=1000),
    )
    bills = [check({"first": first}) for first in range(1, MAX_BILLS + 2)]

    assert check({"first": MAX_BILLS + 1}) is bills[-1]
    assert check({"first": 1}) == bills[0]
    assert check({"first": 1}) is not bills[0]


PAGE = """query($first: Int = 10) {
  order(number: "SO-1") { lines(first: $first) { nodes { id promised { quantity { value } } } } }
}"""


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("{ viewer { name } }", {}),
        ('{ order(number: "1") { number } }', {"erp": 1}),
        (PAGE, {"erp": 1, "oms": 1}),
        ('{ orderLine(id: "x") { state } }', {"erp": 1, "oms": 1, "wms": 1}),
        ('{ a: orderLine(id: "x") { id } b: orderLine(id: "y") { id } }', {"erp": 2}),
    ],
)
def test_the_calls_of_each_system_are_told_before_any_is_made(
    text: str, calls: Mapping[str, int]
) -> None:
    """Only those of systems that the selection needs."""
    assert checked(text).calls == calls


def test_what_may_not_be_asked_costs_nothing_and_calls_nobody() -> None:
    """A masked field is not executed, so nobody pays for it."""
    full, masked = checked(PAGE), checked(PAGE, frozenset({"lines:read"}))

    assert (full.cost, full.calls) == (1 + 1 + 10 + 10 + 10, {"erp": 1, "oms": 1})
    assert (masked.cost, masked.calls) == (1 + 1 + 10, {"erp": 1})


@pytest.mark.parametrize(
    ("text", "variables", "limit"),
    [
        (PAGE, {"first": 11}, "first"),
        (PAGE, {"first": 0}, "first"),
        (PAGE, {"first": -1}, "first"),
        ('{ order(number: "1") { lines(first: 99999999) { totalCount } } }', {}, "first"),
        ("query($i: [ID!]!) { orderLinesById(ids: $i) { id } }", {"i": ["x"] * 6}, "look_ups"),
        (
            "query($i: [ID!]!) { orderLinesById(ids: $i) { id } orderLine(id: 1) { id } }",
            {"i": ["x"] * 5},
            "look_ups",
        ),
        (
            """query($i: [ID!]!) {
              a: orderLinesById(ids: $i) { id } b: orderLinesById(ids: $i) { id }
            }""",
            {"i": ["x"] * 3},
            "look_ups",
        ),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { __typename } }",
            {"r": [{}] * 6},
            "look_ups",
        ),
        (
            """{ order(number: "1") { lines(first: 10) { nodes { reconciliation { checks { delta }
              discrepancies { kind } } shipped { shipments { quantity { unit } } } allocated {
              byWarehouse { quantity { unit } } } } } } }""",
            {},
            "cost",
        ),
    ],
)
def test_too_much_is_refused_by_the_name_of_the_limit(
    text: str, variables: dict[str, object], limit: str
) -> None:
    """Also where a variable says it; the message never tells the cost that would pass."""
    with pytest.raises(LimitExceededError) as raised:
        checked(text, variables=variables)

    assert raised.value.facts == {"limit": limit}


def test_arguments_that_do_not_fit_are_left_to_their_field() -> None:
    """It fails before it asks anybody, and says which argument."""
    text = 'query($n: Int) { order(number: "1") { lines(first: $n) { totalCount } } }'

    assert checked(text, variables={"n": None}).calls == {"erp": 1}


def test_a_strict_gateway_refuses_the_operation_and_names_scopes() -> None:
    """The fewest that are missing, of all refused fields together."""
    text = '{ order(number: "1") { lines { nodes { promised { absence } shipped { absence } } } } }'

    with pytest.raises(ForbiddenError) as raised:
        checked(text, frozenset({"lines:read"}), is_strict=True, limits=LimitSettings())

    assert raised.value.scope == "fulfilment:read promises:read"
    assert raised.value.message == (
        "The scopes of this credential do not allow `OrderLine.promised`, `OrderLine.shipped`."
    )


def test_looking_at_the_schema_needs_its_scope() -> None:
    """`__schema` is refused, whatever else is asked; `__type` finds nothing of any name."""
    with pytest.raises(ForbiddenError) as raised:
        checked("{ viewer { name } __schema { types { name } } }", STATUS)

    assert raised.value.scope == "introspection"
    assert checked('{ __type(name: "Query") { name } }', STATUS) == Bill(0, {})
    assert checked("{ __schema { types { name } } }", EVERYTHING) == Bill(0, {})
