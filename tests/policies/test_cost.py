"""What a question costs: by its arguments before, by its lists afterwards."""

from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import get_variable_values

from gateway.execution import Executor, Prepared
from policies.cost import Price, price_of
from policies.permissions import FieldPolicy, ListSize

SCHEMA: GraphQLSchema = build_schema("""
type Query {
  line: Line  lines(ids: [ID!]!): [Line]  order(first: Int): Order  dear: Int  plain: Int
}
type Order { lines(first: Int = 3): Page }
type Page { nodes: [Line!]!  total: Int }
type Line { id: ID  quantity: Quantity  parts: [Quantity!]! }
type Quantity { value: Int }
""")
OBJECT = FieldPolicy(weight=1)
POLICIES = {
    ("Query", "line"): FieldPolicy(weight=1, max_age_s=60),
    ("Query", "lines"): FieldPolicy(weight=1, list_size=ListSize(1, ("ids",)), max_age_s=60),
    ("Query", "order"): FieldPolicy(weight=5, max_age_s=60),
    ("Query", "dear"): FieldPolicy(weight=40, max_age_s=7),
    ("Order", "lines"): FieldPolicy(weight=1, list_size=ListSize(100, ("first",), ("nodes",))),
    ("Page", "nodes"): OBJECT,
    ("Line", "quantity"): FieldPolicy(weight=1, max_age_s=30),
    ("Line", "parts"): FieldPolicy(weight=1, list_size=ListSize(4)),
}


def planned(text: str, **variables: object) -> tuple[Price, Prepared]:
    """Plan a question, and price it."""
    document = parse(text)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
    assert not isinstance(values, list)
    prepared = Executor(SCHEMA, {}).prepare(document, operation, variables)
    assert isinstance(prepared, Prepared)
    return price_of(prepared.plan.root, POLICIES), prepared


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("{ plain __typename }", 0),
        ("{ dear }", 40),
        ("{ a: dear b: dear }", 80),
        ("{ line { id } }", 1),
        ("{ line { quantity { value } } }", 2),
        ("{ line { quantity { value } parts { value } } }", 1 + 1 + 4),
        ('{ lines(ids: ["a", "b", "c"]) { id quantity { value } } }', 3 * 2),
        ("{ order { lines { nodes { id } total } } }", 5 + 1 + 3),
        ("{ order { lines(first: 20) { nodes { quantity { value } } } } }", 5 + 1 + 40),
        ("{ order { lines(first: -7) { nodes { id } } } }", 5 + 1),
        ("{ order { lines(first: null) { nodes { id } } } }", 5 + 1 + 100),
    ],
)
def test_an_object_costs_its_weight_and_a_list_its_items(text: str, cost: int) -> None:
    """IBM's sum, with the arguments put in; what says nothing is as long as assumed."""
    price, prepared = planned(text)

    assert price.before(prepared.given) == cost


def test_variables_count_as_what_is_in_them() -> None:
    """A limit that reads literals only is none."""
    text = "query($n: Int) { order { lines(first: $n) { nodes { id } } } }"
    price, prepared = planned(text, n=1_000)

    assert price.before(prepared.given) == 5 + 1 + 1_000


def test_afterwards_lists_are_as_long_as_they_were() -> None:
    """What was not there is given back; no list at all costs nothing below it."""
    price, prepared = planned(
        "{ order { lines(first: 20) { nodes { quantity { value } parts { value } } } } }"
    )
    (order,) = prepared.plan.root.fields
    (lines,) = order.below["Order"].fields
    (nodes,) = lines.below["Page"].fields
    parts = nodes.below["Line"].fields[1]
    counts: dict[Any, int] = {nodes: 2, parts: 7}

    assert price.before(prepared.given) == 5 + 1 + 20 + 20 + 80
    assert price.after(counts) == 5 + 1 + 2 + 2 + 7
    assert price.after({}) == 5 + 1


@pytest.mark.parametrize(
    ("text", "max_age_s"),
    [
        ("{ line { id } }", 60),
        ("{ line { quantity { value } } }", 30),
        ("{ line { id } dear }", 7),
        ("{ line { id } plain }", 0),
        ("{ __typename }", 0),
    ],
)
def test_an_answer_may_be_as_old_as_its_youngest_part(text: str, max_age_s: int) -> None:
    """A field that says nothing may be as old as the one above; a root one not at all."""
    assert planned(text)[0].max_age_s == max_age_s
