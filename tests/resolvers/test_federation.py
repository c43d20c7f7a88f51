"""The gateway as a subgraph: entities by their keys, and the schema a supergraph composes."""

import pytest
from graphql import build_ast_schema, parse

from orderlines.facets import EVERYTHING, Fact
from orderlines.identity import OrderKey, OrderLineKey
from orderlines.visibility import ALL, Visibility
from resolvers.federation import LINK, sdl
from resolvers.query import MAX_IDS
from tests.orderlines.facet_kit import ITEM, KEY, fulfilment, header, promised
from tests.resolvers.fakes import house
from tests.resolvers.test_query import ask, codes_of, data_of

ORDER = OrderKey("erp", "SO-1")
ENTITIES = """
query ($of: [_Any!]!) {
  _entities(representations: $of) {
    __typename
    ... on OrderLine { lineNumber shipped { quantity { value } } }
    ... on Order { number lines { nodes { lineNumber } } }
  }
}
"""


def line(number: str = "10") -> dict[str, object]:
    """Name a line of the order."""
    return {"__typename": "OrderLine", "id": OrderLineKey("erp", "SO-1", number).id}


async def test_entities_come_in_the_order_of_their_representations() -> None:
    """Lines and orders mixed, one of them twice."""
    home = house(
        [header(), header(line_number="20")],
        fulfilments=[fulfilment(shipped=4)],
        items=[ITEM],
    )
    data = await data_of(
        home, ENTITIES, of=[line("20"), {"__typename": "Order", "id": ORDER.id}, line(), line()]
    )
    first = {"__typename": "OrderLine", "lineNumber": "10", "shipped": {"quantity": {"value": "4"}}}

    assert data["_entities"] == [
        {"__typename": "OrderLine", "lineNumber": "20", "shipped": {"quantity": None}},
        {
            "__typename": "Order",
            "number": "SO-1",
            "lines": {"nodes": [{"lineNumber": "10"}, {"lineNumber": "20"}]},
        },
        first,
        first,
    ]


async def test_all_lines_are_one_read_of_each_system_that_is_needed() -> None:
    """However many there are; and of each system what is selected."""
    home = house([header(line_number=str(number)) for number in range(1, 301)], items=[ITEM])
    await data_of(
        home,
        "query ($of: [_Any!]!) { _entities(representations: $of) { ... on OrderLine {"
        " shipped { quantity { value } } } } }",
        of=[line(str(number)) for number in range(1, 301)],
    )

    assert [len(asked.refs) for asked in home.erp.asked] == [300]
    assert [len(asked.refs) for asked in home.wms.asked] == [300]
    assert home.oms.asked == []
    assert home.wms.asked[0].facts == {Fact.QUANTITIES}


async def test_what_does_not_exist_and_what_may_not_be_seen_are_one() -> None:
    """Null in its place with `NOT_FOUND`, and the others stand."""
    home = house([header(), header(line_number="20", sold_to="C2")], [promised(4)], items=[ITEM])
    only_c1 = Visibility(customers=frozenset({"C1"}), channels=ALL, warehouses=ALL)
    executed = await ask(
        home,
        "query ($of: [_Any!]!) { _entities(representations: $of) { ... on OrderLine {"
        " lineNumber } ... on Order { number } } }",
        {"of": [line("20"), line("30"), line(), {"__typename": "Order", "id": line()["id"]}]},
        home.context(only_c1),
    )

    assert executed.data == {"_entities": [None, None, {"lineNumber": "10"}, None]}
    assert codes_of(executed) == [
        (["_entities", 0], "NOT_FOUND"),
        (["_entities", 1], "NOT_FOUND"),
        (["_entities", 3], "INVALID_ID"),
    ]


async def test_an_order_that_does_not_exist_is_not_found() -> None:
    """Said of an order, not of a line."""
    executed = await ask(
        house([header()], items=[ITEM]),
        ENTITIES,
        {"of": [{"__typename": "Order", "id": OrderKey("erp", "SO-9").id}]},
    )

    assert executed.data == {"_entities": [None]}
    assert [error.message for error in executed.errors] == ["There is no such order."]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ol_x", "`representations[1]` is not an object."),
        ({"id": KEY.id}, "`representations[1].__typename` is neither `Order` nor `OrderLine`."),
        (
            {"__typename": "Item", "id": KEY.id},
            "`representations[1].__typename` is neither `Order` nor `OrderLine`.",
        ),
        ({"__typename": "OrderLine"}, "`representations[1].id` is not a text."),
        ({"__typename": "OrderLine", "id": 7}, "`representations[1].id` is not a text."),
        ({"__typename": ["Order"], "id": 7}, "`representations[1].__typename` is neither"),
    ],
)
async def test_a_representation_that_names_nothing_says_what_is_wrong(
    given: object, message: str
) -> None:
    """With its position; the others are answered."""
    executed = await ask(
        house([header()], fulfilments=[fulfilment()], items=[ITEM]),
        ENTITIES,
        {"of": [line(), given]},
    )

    assert executed.data is not None
    assert executed.data["_entities"][0]["lineNumber"] == "10"
    assert executed.data["_entities"][1] is None
    assert next(error.message for error in executed.errors).startswith(message)


async def test_more_than_a_thousand_representations_are_refused() -> None:
    """Before anybody is asked."""
    home = house([header()], items=[ITEM])
    executed = await ask(home, ENTITIES, {"of": [line()] * (MAX_IDS + 1)})

    assert executed.data is None
    assert [error.message for error in executed.errors] == [
        "`representations` holds at most 1000 objects."
    ]
    assert home.erp.asked == []


async def test_the_schema_is_told_without_what_federation_adds() -> None:
    """Entities with their keys, the link, and every directive that is used defined."""
    told = (await data_of(house(), "{ _service { sdl } }"))["_service"]["sdl"]
    machinery = ("_Any", "_Entity", "_Service", "_entities", "_service", "directive @key")

    assert told == sdl()
    assert told.startswith(LINK)
    assert 'type OrderLine @key(fields: "id") {' in told
    assert 'type Order @key(fields: "id") {' in told
    assert [name for name in machinery if name in told] == []
    build_ast_schema(parse(told.removeprefix(LINK)), assume_valid_sdl=True)


def test_everything_is_what_every_section_tells() -> None:
    """No fact is left out of what stands for all of them."""
    assert set(EVERYTHING) == set(Fact)
