"""The WMS's dialect: rows, references, paging, and what it refuses."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from backends.sandbox.scenarios import build_world
from backends.sandbox.wms import create_wms
from backends.sandbox.world import World
from tests.backends.sandbox.conftest import Connect

LINES = "/v2/outbound-lines"


async def read_all(client: httpx2.AsyncClient, question: str, limit: int) -> list[Any]:
    """Follow the cursor to the end."""
    rows: list[Any] = []
    cursor = ""
    while cursor is not None:
        page = (await client.get(f"{LINES}?{question}&limit={limit}{cursor}")).json()
        rows += page["data"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return rows


async def test_a_row(wms: httpx2.AsyncClient) -> None:
    """Whole numbers, naive stamps in Berlin's time, a substitute under its own number."""
    answer = await wms.get(f"{LINES}?lines=SO-1001:20,SO-1001:80")
    partly, substituted = answer.json()["data"]

    assert answer.json() == {
        "data": [partly, substituted],
        "next_cursor": None,
        "generated_at": "2026-11-20T15:04:05",
    }
    assert partly == {
        "id": 500003,
        "order_ref": "SO-1001",
        "order_line_ref": "20",
        "sku": "BV-020",
        "warehouse": "W1",
        "uom": "EA",
        "decimals": 0,
        "units_ordered": 120,
        "units_allocated": 24,
        "units_picked": 72,
        "units_shipped": 72,
        "units_returned": 0,
        "mode": "STOCK",
        "allocations": [
            {"warehouse": "W1", "units": 24, "lot": None, "allocated_at": "2026-11-16T09:30:00"}
        ],
        "shipments": [
            {
                "shipment": "SH-20003",
                "warehouse": "W1",
                "sku": "BV-020",
                "units": 72,
                "shipped_at": "2026-11-18T14:30:00",
                "delivered_at": None,
                "carrier": "Nordfracht",
            }
        ],
        "updated_at": "2026-11-18T14:30:00",
    }
    assert [(one["sku"], one["units"]) for one in substituted["shipments"]] == [("SE-500", 24)]
    assert (substituted["sku"], substituted["units_shipped"]) == ("SE-1000", 0)


async def test_a_line_in_two_warehouses_has_two_rows(wms: httpx2.AsyncClient) -> None:
    """One order line, two rows with ids of their own."""
    rows = (await wms.get(f"{LINES}?lines=SO-1001:110")).json()["data"]

    assert [(row["id"], row["warehouse"]) for row in rows] == [(500021, "W1"), (500022, "W2")]


async def test_a_line_it_has_not_heard_of_has_no_row(wms: httpx2.AsyncClient) -> None:
    """Requested and not yet promised: the warehouse knows nothing."""
    answer = await wms.get(f"{LINES}?lines=SO-1001:40,SO-1001:41,NOPE:10")

    assert answer.json()["data"] == []


async def test_stamps_follow_summer_time(connect: Connect) -> None:
    """The same UTC hour is another local hour before the clocks change in October."""
    world = build_world(lines=400)
    question = ",".join(list(world.orders)[:200])
    async with connect(create_wms(world)) as wms:
        rows = await read_all(wms, f"orders={question}", 1000)
    hours = {
        stamp[11:16]
        for row in rows
        for one in row["shipments"]
        for stamp in [one["shipped_at"]]
        if (stamp < "2026-10-25") == (stamp[11:13] == "15")
    }

    assert hours == {"15:30", "14:30"}
    assert sum(len(row["shipments"]) for row in rows) == sum(
        one["shipped_at"][11:16] in hours for row in rows for one in row["shipments"]
    )


@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
async def test_paging_to_the_end_gives_every_row_once(
    wms: httpx2.AsyncClient, world: World, limit: int
) -> None:
    """Whatever the page, the same rows in the same order."""
    rows = await read_all(wms, f"orders={','.join(world.orders)}", limit)

    assert [row["id"] for row in rows] == [
        row.id
        for order in world.orders.values()
        for line in order.lines.values()
        for row in line.wms
    ]


async def test_rows_come_in_the_order_asked_for_and_once(wms: httpx2.AsyncClient) -> None:
    """Naming a line twice, or its order too, gives no row twice."""
    rows = (await wms.get(f"{LINES}?lines=SO-1001:30,SO-1001:10,SO-1001:30")).json()["data"]

    assert [row["order_line_ref"] for row in rows] == ["30", "10"]


@pytest.mark.parametrize(
    "number", ["A,B", "A:B", "A&limit=1", "100%", "A%2CB", "A+B", "Ä/ö", "A B"]
)
@pytest.mark.parametrize("times", [1, 2])
async def test_a_reference_may_hold_any_character(
    world: World, connect: Connect, number: str, times: int
) -> None:
    """Separators are seen before decoding: a comma inside a reference separates nothing."""
    line = replace(world.orders["SO-1001"].lines["10"], number=number)
    order = replace(world.orders["SO-1001"], number=number, lines={number: line})
    encoded = number
    for _ in range(times):
        encoded = quote(encoded, safe="")
    async with connect(create_wms(World({number: order}, world.items))) as wms:
        by_order = await wms.get(httpx2.URL(f"http://sandbox{LINES}?orders={encoded},SO-1"))
        by_line = await wms.get(httpx2.URL(f"http://sandbox{LINES}?lines={encoded}:{encoded}"))

    for answer in (by_order, by_line):
        assert [(row["order_ref"], row["order_line_ref"]) for row in answer.json()["data"]] == [
            (number, number)
        ]


async def test_an_encoded_separator_separates_nothing(wms: httpx2.AsyncClient) -> None:
    """Two numbers in one reference are one number nobody has, not two orders."""
    answer = await wms.get(httpx2.URL(f"http://sandbox{LINES}?orders=SO-1001%2CSO-1002"))

    assert answer.json()["data"] == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "Give either orders or lines."),
        ("limit=5", "Give either orders or lines."),
        ("orders=A&lines=A:1", "Give either orders or lines."),
        ("orders=", "A reference in orders is empty"),
        ("orders=A,,B", "A reference in orders is empty"),
        ("lines=A", "A reference in lines is empty or has the wrong number of parts."),
        ("lines=A:1:2", "A reference in lines is empty or has the wrong number of parts."),
        ("lines=:1", "A reference in lines is empty"),
        ("lines=A:", "A reference in lines is empty"),
        ("orders=A&limit=0", "limit is a whole number from 1 to 1000."),
        ("orders=A&limit=1001", "limit is a whole number from 1 to 1000."),
        ("orders=A&limit=ten", "limit is a whole number from 1 to 1000."),
        ("orders=A&limit=", "limit is a whole number from 1 to 1000."),
        ("orders=A&fields=id,weight", "A row has no field 'weight'."),
        ("orders=A&fields=", "A row has no field ''."),
        ("orders=A&page=2", "There is no parameter 'page'."),
        ("orders=A&orders=B", "A parameter is given more than once."),
        ("orders=A&cursor=5", "The cursor does not belong to this question."),
        ("orders=A&cursor=5-00000000", "The cursor does not belong to this question."),
        ("orders=" + ",".join(["A"] * 201), "At most 200 references a request."),
    ],
)
async def test_what_it_does_not_understand_it_refuses(
    wms: httpx2.AsyncClient, query: str, message: str
) -> None:
    """A parameter nobody looks at would be a question nobody answered."""
    answer = await wms.get(f"{LINES}?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"
    assert answer.json()["message"].startswith(message)


async def test_the_fields_of_a_row_can_be_chosen(wms: httpx2.AsyncClient) -> None:
    """What is not tracked has no key even then."""
    answer = await wms.get(f"{LINES}?lines=SO-1001:20&fields=id,units_shipped")

    assert answer.json()["data"] == [{"id": 500003, "units_shipped": 72}]


async def test_a_cursor_belongs_to_its_question(wms: httpx2.AsyncClient) -> None:
    """Carried over to another question it would skip rows in silence."""
    page = (await wms.get(f"{LINES}?orders=SO-1001&limit=2")).json()
    answer = await wms.get(f"{LINES}?orders=SO-1002&limit=2&cursor={page['next_cursor']}")

    assert answer.status_code == 400


async def test_two_hundred_references_are_served(wms: httpx2.AsyncClient) -> None:
    """The bound itself is inside."""
    numbers = ",".join(["SO-1001"] + [f"X{n}" for n in range(199)])
    answer = await wms.get(f"{LINES}?orders={numbers}")

    assert len(answer.json()["data"]) == 18


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [("GET", "/v2/nope", 404, "not_found"), ("POST", LINES, 405, "method_not_allowed")],
)
async def test_unknown_paths_and_methods(
    wms: httpx2.AsyncClient, method: str, path: str, status: int, word: str
) -> None:
    """Every refusal has the dialect's own shape."""
    answer = await wms.request(method, path)

    assert (answer.status_code, answer.json()["error"]) == (status, word)
