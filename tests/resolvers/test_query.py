"""The schema as a caller meets it: whole questions to systems held in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, validate

from backends.reasons import Reason
from backends.transport import BackendUnavailableError
from gateway.execution import Executed, Executor
from orderlines.discrepancy import Discrepancy, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.facets import Section
from orderlines.identity import OrderKey, OrderLineKey
from orderlines.quantity import Ratio
from resolvers.batches import field_plans
from resolvers.context import Context
from resolvers.orders import page_of
from resolvers.query import MAX_IDS
from resolvers.scalars import SCALARS
from resolvers.schema import build_schema
from tests.orderlines.facet_kit import (
    ITEM,
    KEY,
    cancelled,
    fulfilment,
    header,
    line,
    offer,
    promise,
    promised,
    shipment,
    version,
)
from tests.resolvers.fakes import READ_AT, FakeOrders, House, house

DOWN = BackendUnavailableError("Down.", system="erp", reason=Reason.STATUS, retriable=True)


async def ask(
    home: House,
    query: str,
    variables: Mapping[str, object] | None = None,
    context: Context | None = None,
) -> Executed:
    """Ask one question; the document must be valid."""
    schema = build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it
    document = parse(query)
    assert validate(schema, document) == []
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    executor = Executor(schema, field_plans(schema))
    return await executor.execute(document, operation, variables or {}, context or home.context())


async def data_of(home: House, query: str, **variables: object) -> Any:  # noqa: ANN401 - any data
    """Ask a question that must have no error."""
    executed = await ask(home, query, variables)
    assert executed.errors == ()
    return executed.data


def codes_of(executed: Executed) -> list[tuple[Sequence[str | int] | None, str]]:
    """Give the place and the code of each error."""
    return [
        (error.path, error.original_error.code)
        for error in executed.errors
        if isinstance(error.original_error, GatewayError)
    ]


async def test_a_line_tells_all_its_header_knows() -> None:
    """Every field of the header, under the schema's own names."""
    home = house(
        [header(root_line_number="5", customer_item="CI-1", hold_reason="CREDIT")], items=[ITEM]
    )
    fields = """
      id lineNumber rootLineNumber channel channelCode ownerWarehouse dropShip holdReason
      customer { soldTo shipTo }
      order { id number source orderedOn customerOrderNumber }
      item { sku customerItem name group baseUnit decimals packs { unit ratio { numerator } } }
      requested { unitPrice currency shipOn deliveryOn }
    """
    data = await data_of(
        home, "query ($id: ID!) { orderLine(id: $id) {" + fields + "} }", id=KEY.id
    )

    assert data["orderLine"] == {
        "id": KEY.id,
        "lineNumber": "10",
        "rootLineNumber": "5",
        "channel": "EDI",
        "channelCode": "EDI",
        "ownerWarehouse": "W1",
        "dropShip": False,
        "holdReason": "CREDIT",
        "customer": {"soldTo": "C1", "shipTo": "C1-DOCK"},
        "order": {
            "id": OrderKey("erp", "SO-1").id,
            "number": "SO-1",
            "source": "erp",
            "orderedOn": "2026-11-10",
            "customerOrderNumber": "PO-7",
        },
        "item": {
            "sku": "SKU-1",
            "customerItem": "CI-1",
            "name": None,
            "group": None,
            "baseUnit": "EA",
            "decimals": 0,
            "packs": [
                {"unit": "CS", "ratio": {"numerator": 12}},
                {"unit": "PAL", "ratio": {"numerator": 480}},
            ],
        },
        "requested": {
            "unitPrice": "2",
            "currency": "USD",
            "shipOn": "2026-11-19",
            "deliveryOn": None,
        },
    }


async def test_without_a_header_every_field_of_it_is_null_and_says_why() -> None:
    """The identity of the line stands, whatever is down."""
    home = house([], [promised(4)])
    home.erp.failure = DOWN
    executed = await ask(
        home,
        "query ($id: ID!) { orderLine(id: $id) { lineNumber channel customer { soldTo } "
        "order { number orderedOn customerOrderNumber } item { sku } "
        "promised { quantity { value } } "
        "cancelled { absence } sources { section system error } } }",
        {"id": KEY.id},
    )

    assert executed.data == {
        "orderLine": {
            "lineNumber": "10",
            "channel": None,
            "customer": None,
            "order": {"number": "SO-1", "orderedOn": None, "customerOrderNumber": None},
            "item": None,
            "promised": {"quantity": {"value": "4"}},
            "cancelled": None,
            "sources": [
                {"section": "HEADER", "system": "erp", "error": "BACKEND_UNAVAILABLE"},
                {"section": "PROMISE", "system": "oms", "error": None},
            ],
        }
    }
    assert {code for _, code in codes_of(executed)} == {"BACKEND_UNAVAILABLE"}


async def test_an_order_tells_its_own_fields_and_its_lines_a_page_at_a_time() -> None:
    """Pages follow each other without a gap or a repetition."""
    home = house([header(line_number=str(number)) for number in range(7)], items=[ITEM])
    query = """query ($after: String) { order(number: " SO-1 ") {
      id source orderedOn customerOrderNumber channel customer { soldTo } discrepancies { kind }
      lines(first: 3, after: $after) { totalCount pageInfo { hasNextPage endCursor }
        nodes { lineNumber } } } }"""
    numbers: list[str] = []
    after: str | None = None
    for _ in range(3):
        data = await data_of(home, query, after=after)
        page = data["order"]["lines"]
        numbers += [node["lineNumber"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]

    assert numbers == [str(number) for number in range(7)]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (7, False)
    assert {**data["order"], "lines": None} == {
        "id": OrderKey("erp", "SO-1").id,
        "source": "erp",
        "orderedOn": "2026-11-10",
        "customerOrderNumber": "PO-7",
        "channel": "EDI",
        "customer": {"soldTo": "C1"},
        "discrepancies": [],
        "lines": None,
    }


@pytest.mark.parametrize("first", [0, -1, 1001])
async def test_a_page_out_of_bounds_is_refused_by_name(first: int) -> None:
    """The order stands; its page is null and says which argument."""
    home = house([header()], items=[ITEM])
    executed = await ask(
        home,
        'query ($n: Int!) { order(number: "SO-1") { number lines(first: $n) { totalCount } } }',
        {"n": first},
    )

    assert executed.data == {"order": {"number": "SO-1", "lines": None}}
    assert codes_of(executed) == [(["order", "lines"], "INVALID_ARGUMENT")]


async def test_a_cursor_of_another_order_is_refused() -> None:
    """A cursor belongs to the lines it came from."""
    home = house([header()], items=[ITEM])
    other = OrderLineKey("erp", "SO-2", "10").id
    executed = await ask(
        home,
        'query ($a: String) { order(number: "SO-1") { lines(after: $a) { totalCount } } }',
        {"a": other},
    )

    assert codes_of(executed) == [(["order", "lines"], "INVALID_ARGUMENT")]


def test_an_empty_page_has_no_cursor() -> None:
    """After the last line there is nothing, and nothing to go on from."""
    lines = [line(header())]
    page = page_of(lines, 5, KEY.id)

    assert (list(page.nodes), page.has_next_page, page.end_cursor) == ([], False, None)


async def test_the_header_of_an_order_that_cannot_be_read_is_said_once_a_field() -> None:
    """An unrestricted caller keeps the lines that other systems tell about."""
    home = house([], [promised(4)])
    home.erp.failure = DOWN
    executed = await ask(
        home,
        '{ order(number: "SO-1") { number orderedOn customerOrderNumber channel '
        "customer { soldTo } lines { nodes { promised { quantity { value } } } } } }",
    )

    assert executed.data == {
        "order": {
            "number": "SO-1",
            "orderedOn": None,
            "customerOrderNumber": None,
            "channel": None,
            "customer": None,
            "lines": {"nodes": [{"promised": {"quantity": {"value": "4"}}}]},
        }
    }
    assert len(executed.errors) == 4


async def test_many_ids_are_answered_in_their_order() -> None:
    """Bad, absent and repeated ids each have their own place."""
    home = house([header(), header(line_number="20")], items=[ITEM])
    twenty = OrderLineKey("erp", "SO-1", "20").id
    absent = OrderLineKey("erp", "SO-1", "99").id
    foreign = OrderLineKey("elsewhere", "SO-1", "10").id
    executed = await ask(
        home,
        "query ($ids: [ID!]!) { orderLinesById(ids: $ids) { lineNumber } }",
        {"ids": [twenty, "nonsense", KEY.id, absent, foreign, twenty]},
    )

    assert executed.data == {
        "orderLinesById": [
            {"lineNumber": "20"},
            None,
            {"lineNumber": "10"},
            None,
            None,
            {"lineNumber": "20"},
        ]
    }
    assert sorted(codes_of(executed), key=str) == [
        (["orderLinesById", 1], "INVALID_ID"),
        (["orderLinesById", 3], "NOT_FOUND"),
        (["orderLinesById", 4], "NOT_FOUND"),
    ]
    assert [len(asked.refs) for asked in home.erp.asked] == [3]


async def test_more_ids_than_a_question_holds_are_refused_before_any_system_is_asked() -> None:
    """The limit is named, and costs nothing."""
    home = house([header()], items=[ITEM])
    executed = await ask(
        home,
        "query ($ids: [ID!]!) { orderLinesById(ids: $ids) { lineNumber } }",
        {"ids": [KEY.id] * (MAX_IDS + 1)},
    )

    assert executed.data == {"orderLinesById": None}
    assert codes_of(executed) == [(["orderLinesById"], "INVALID_ARGUMENT")]
    assert home.erp.asked == []


async def test_several_order_sources_are_asked_at_the_same_time() -> None:
    """An id names its source, and an order number may name one."""
    home = house([header()], items=[ITEM])
    second = FakeOrders("erp-2", Section.HEADER, [header(sku="SKU-1", customer_po="PO-8")])
    home.erp.delay_s = second.delay_s = 0.4
    context = home.context()
    context.systems = replace(context.systems, orders={"erp": home.erp, "erp-2": second})
    started = datetime.now(UTC)
    executed = await ask(
        home,
        "query ($ids: [ID!]!) { orderLinesById(ids: $ids) { order { source customerOrderNumber } } "
        'order(number: "SO-1", source: "erp-2") { customerOrderNumber } '
        'nowhere: order(number: "SO-1", source: "erp-3") { number } }',
        {"ids": [KEY.id, OrderLineKey("erp-2", "SO-1", "10").id]},
        context,
    )

    assert executed.data == {
        "orderLinesById": [
            {"order": {"source": "erp", "customerOrderNumber": "PO-7"}},
            {"order": {"source": "erp-2", "customerOrderNumber": "PO-8"}},
        ],
        "order": {"customerOrderNumber": "PO-8"},
        "nowhere": None,
    }
    assert codes_of(executed) == [(["nowhere"], "NOT_FOUND")]
    assert datetime.now(UTC) - started < timedelta(seconds=0.78)


async def test_everything_a_line_can_tell_is_told() -> None:
    """Lists, records and reconciliation, in one answer without an error."""
    home = house(
        [header(requested=10, cancellations=(cancelled(1),))],
        [promise(promises=(version(1, (9, None)),), substitutions=(offer(ratio=Ratio(2)),))],
        [fulfilment(shipped=4, shipments=(shipment(4), shipment(6, "SH-2", sku="SKU-9")))],
        [ITEM],
    )
    data = await data_of(
        home,
        """query ($id: ID!) { orderLine(id: $id) {
          cancelled { quantity { value } byCustomer { value } bySupplier { value } absence
            records { quantity { value } by reason at } lineage { record } }
          promised { firstDate latestDate schedule { on firm quantity { value } }
            lineage { stale } }
          allocated { byWarehouse { quantity { value } warehouse lot at } }
          shipped { picked { value } returned { value } lineage { freshness asOf changedAt }
            shipments { shipmentId sku warehouse shippedAt deliveredAt carrier } }
          substitutions { bySku countsFor { value } acceptedByCustomer reason }
          open { value unit } state
          reconciliation { status discrepancies { kind field } }
        } }""",
        id=KEY.id,
    )
    told = data["orderLine"]

    assert told["cancelled"]["records"] == [
        {"quantity": {"value": "1"}, "by": "CUSTOMER", "reason": None, "at": None}
    ]
    assert told["substitutions"] == [
        {"bySku": "SKU-9", "countsFor": {"value": "3"}, "acceptedByCustomer": True, "reason": None}
    ]
    assert (told["open"], told["state"]) == ({"value": "2", "unit": "EA"}, "PARTIALLY_SHIPPED")
    assert told["shipped"]["shipments"][0]["shippedAt"] == "2026-11-18T14:30:00Z"
    assert told["promised"]["schedule"] == [{"on": None, "firm": True, "quantity": {"value": "9"}}]


async def test_a_bad_record_of_a_header_shows_as_a_discrepancy_of_its_line() -> None:
    """Its kind and field are told, and nothing the system sent."""
    home = house([header()], items=[ITEM])
    bad = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "erp", "SO-1/20", "Plant", "Bad.")
    home.erp.failed = {("SO-1", "20"): bad}
    executed = await ask(
        home,
        '{ order(number: "SO-1") { lines { nodes { lineNumber requested { absence } '
        "reconciliation { status discrepancies { kind system record field message } } } } } }",
    )
    assert executed.data is not None
    second = executed.data["order"]["lines"]["nodes"][1]

    assert codes_of(executed) == [(["order", "lines", "nodes", 1, "requested"], "DISCREPANCY")]
    assert second["reconciliation"]["discrepancies"] == [
        {
            "kind": "FAILED_MAPPING",
            "system": "erp",
            "record": "SO-1/20",
            "field": "Plant",
            "message": "Bad.",
        }
    ]


@pytest.mark.parametrize(
    ("scalar", "value", "text"),
    [
        (Decimal, Decimal("1.500"), "1.5"),
        (Decimal, Fraction(1, 3), "0"),
        (Decimal, 12, "12"),
        (Decimal, "0.333", "0.333"),
        (date, date(2026, 11, 20), "2026-11-20"),
        (datetime, datetime(2026, 11, 20, 14, 3, tzinfo=UTC), "2026-11-20T14:03:00Z"),
        (
            datetime,
            datetime(2026, 11, 20, 14, 3, 11, 204_999, timezone(timedelta(hours=1))),
            "2026-11-20T13:03:11.204Z",
        ),
    ],
)
def test_scalars_print_in_one_way(scalar: object, value: object, text: str) -> None:
    """Plain decimals, ISO dates, instants in UTC."""
    serialize = SCALARS[scalar].serialize
    assert serialize is not None

    assert serialize(value) == text


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        (Decimal, 1.5),
        (Decimal, True),
        (date, datetime(2026, 11, 20, tzinfo=UTC)),
        (date, "2026-11-20"),
        (datetime, datetime(2026, 11, 20)),  # noqa: DTZ001 - what must be refused
        (datetime, date(2026, 11, 20)),
    ],
)
def test_scalars_refuse_what_would_be_guessed(scalar: object, value: object) -> None:
    """A float is no exact decimal, and a time without a zone is no instant."""
    serialize = SCALARS[scalar].serialize
    assert serialize is not None

    with pytest.raises(TypeError):
        serialize(value)


@pytest.mark.parametrize(
    ("age", "selected", "allowed_s"),
    [
        ("PT20S", "promised { quantity { value } }", 20),
        ("PT60S", "promised { quantity { value } }", 30),
        ("PT60S", "shipped { quantity { value } }", 30),
        ("PT60S", "requested { quantity { value } }", 60),
        ("P1D", "requested { quantity { value } }", 60),
    ],
)
async def test_nothing_is_told_that_is_older_than_its_field_allows(
    age: str, selected: str, allowed_s: int
) -> None:
    """Whatever the caller allows; all systems of a question are asked for one age."""
    home = house(headers=[header()], promises=[promised(3)], fulfilments=[fulfilment()])
    context = home.context()
    executed = await ask(
        home,
        "query($n: String!, $age: Duration) { order(number: $n, maxAge: $age) "
        f"{{ lines {{ nodes {{ {selected} }} }} }} }}",
        {"n": KEY.order_number, "age": age},
        context,
    )

    assert executed.errors == ()
    systems = (home.erp, home.oms, home.wms)
    ages = [asked.wanted.max_age_s for system in systems for asked in system.asked]
    assert {*ages} == {allowed_s}
    assert context.oldest == READ_AT
    assert context.good_until == READ_AT + timedelta(seconds=allowed_s)
