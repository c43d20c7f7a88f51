"""The control room and the faults: what each does to each dialect, and to nothing else."""

import asyncio
import time
from typing import Any

import httpx2
import pytest
from starlette.types import Message

from backends.sandbox import faults
from backends.sandbox.oms import create_oms
from backends.sandbox.wms import create_wms
from backends.sandbox.world import World

FAULT = "/_sandbox/fault"
CALLS = "/_sandbox/calls"
PROMISES = {
    "query": '{ promiseLines(orders: ["SO-1001"]) { __typename '
    "... on PromiseLinePage { lines { line promise { __typename } } } "
    "... on Refused { code retryAfterMs } } }"
}
SYSTEMS = ("erp", "oms", "wms")


async def ask(client: httpx2.AsyncClient, system: str) -> httpx2.Response:
    """Ask each system an ordinary question in its dialect."""
    if system == "erp":
        return await client.get("/odata/v2/SalesOrderItems", params={"$top": "3"})
    if system == "oms":
        return await client.post("/graphql", json=PROMISES)
    return await client.get("/v2/outbound-lines?orders=SO-1001")


@pytest.mark.parametrize("system", SYSTEMS)
async def test_failing(client: httpx2.AsyncClient, system: str) -> None:
    """A broken system says so by status, each in its own way."""
    await client.put(FAULT, json={"mode": "fail"})
    answer = await ask(client, system)

    assert (answer.status_code, answer.json()) == {
        "erp": (
            503,
            {
                "error": {
                    "code": "SERVICE_UNAVAILABLE",
                    "message": {"lang": "en", "value": "The system is being restarted."},
                }
            },
        ),
        "oms": (502, {"errors": [{"message": "Bad gateway"}], "data": None}),
        "wms": (500, {"error": "internal", "message": "Something broke."}),
    }[system]


@pytest.mark.parametrize("system", SYSTEMS)
async def test_throttling(client: httpx2.AsyncClient, system: str) -> None:
    """One says 429, one 403, one says 200 and refuses inside."""
    await client.put(FAULT, json={"mode": "throttle"})
    answer = await ask(client, system)

    assert (answer.status_code, answer.headers.get("retry-after"), answer.json()) == {
        "erp": (
            429,
            "1",
            {
                "error": {
                    "code": "TOO_MANY_REQUESTS",
                    "message": {"lang": "en", "value": "Too many requests."},
                }
            },
        ),
        "oms": (
            200,
            None,
            {
                "data": {
                    "promiseLines": {
                        "__typename": "Refused",
                        "code": "THROTTLED",
                        "retryAfterMs": 1000,
                    }
                }
            },
        ),
        "wms": (
            403,
            None,
            {"error": "rate_limited", "message": "Too many requests in a row."},
        ),
    }[system]


@pytest.mark.parametrize("system", SYSTEMS)
async def test_garbage_that_is_not_the_dialect(client: httpx2.AsyncClient, system: str) -> None:
    """A page for people, nothing at all, half an answer, and a way elsewhere."""
    truth = await ask(client, system)
    answers = {}
    for kind in ("html", "empty", "truncated", "redirect"):
        await client.put(FAULT, json={"mode": "garbage", "kind": kind})
        answer = await ask(client, system)
        content_type = answer.headers.get("content-type", "").partition(";")[0]
        answers[kind] = (answer.status_code, content_type, answer.content)
    redirected = await ask(client, system)

    assert answers == {
        "html": (200, "text/html", b"<!doctype html><title>Maintenance</title>"),
        "empty": (200, "application/json", b""),
        "truncated": (200, "application/json", truth.content[: len(truth.content) // 2]),
        "redirect": (302, "", b""),
    }
    assert redirected.headers["location"] == "http://elsewhere.invalid/"


@pytest.mark.parametrize("system", SYSTEMS)
async def test_one_bad_row_in_a_good_page(client: httpx2.AsyncClient, system: str) -> None:
    """Exactly one value is wrong, and the row still says which line it is about."""
    truth = (await ask(client, system)).json()
    await client.put(FAULT, json={"mode": "garbage", "kind": "row"})
    spoiled = (await ask(client, system)).json()

    assert (
        differences(truth, spoiled)
        == {
            "erp": [(["d", "results", 0, "RequestedQuantity"], "10.000", {"unexpected": True})],
            "oms": [
                (
                    ["data", "promiseLines", "lines", 0, "promise"],
                    {"__typename": "PromiseSchedule"},
                    ["soon"],
                )
            ],
            "wms": [(["data", 0, "units_shipped"], 120, "many")],
        }[system]
    )


@pytest.mark.parametrize(
    ("system", "path", "where"),
    [
        ("erp", "/odata/v2/Products", ["d", "results", 0, "BaseUnit"]),
        (
            "erp",
            "/odata/v2/SalesOrders?$expand=Items",
            ["d", "results", 0, "Items", "results", 0, "RequestedQuantity"],
        ),
        ("erp", "/odata/v2/SalesOrders", ["d", "results", 0, "SalesOrder"]),
    ],
)
async def test_every_set_has_a_row_to_spoil(
    client: httpx2.AsyncClient, path: str, where: list[object]
) -> None:
    """Also where the rows hang inside other rows."""
    truth = (await client.get(path)).json()
    await client.put(FAULT, json={"mode": "garbage", "kind": "row"})
    spoiled = (await client.get(path)).json()

    assert [path for path, _, _ in differences(truth, spoiled)] == [where]


@pytest.mark.parametrize(
    ("system", "path", "body"),
    [
        ("erp", "/odata/v2/SalesOrders?$filter=SalesOrder eq 'NOPE'", None),
        ("erp", "/odata/v2/Nope", None),
        ("wms", "/v2/outbound-lines?orders=NOPE", None),
        ("wms", "/v2/outbound-lines", None),
        ("oms", "/graphql", {"query": "{ nope }"}),
        ("oms", "/graphql", {"query": "{ __typename }"}),
        ("oms", "/graphql", {"query": "{ promiseLines { __typename } }"}),
    ],
)
async def test_a_page_without_rows_cannot_be_spoiled(
    client: httpx2.AsyncClient, path: str, body: dict[str, str] | None
) -> None:
    """It comes as it is, with its status."""

    async def read() -> httpx2.Response:
        return await (client.post(path, json=body) if body else client.get(path))

    truth = await read()
    await client.put(FAULT, json={"mode": "garbage", "kind": "row"})
    answer = await read()

    assert (answer.status_code, answer.json()) == (truth.status_code, truth.json())


async def test_an_alias_does_not_save_a_row(oms: httpx2.AsyncClient) -> None:
    """Whatever the client calls its fields, one of the first line is wrong."""
    query = (
        '{ p: promiseLines(orders: ["SO-1001"]) '
        "{ ... on PromiseLinePage { l: lines { n: line } } } }"
    )
    await oms.put(FAULT, json={"mode": "garbage", "kind": "row"})
    answer = await oms.post("/graphql", json={"query": query})

    assert answer.json()["data"]["p"]["l"][:2] == [{"n": ["soon"]}, {"n": "20"}]


async def test_a_huge_answer_is_bounded(
    wms: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not end for a client, and ends for the machine."""
    monkeypatch.setattr(faults, "HUGE_BYTES", 1024 * 1024)
    await wms.put(FAULT, json={"mode": "garbage", "kind": "huge"})
    answer = await ask(wms, "wms")

    assert answer.status_code == 200
    assert "content-length" not in answer.headers
    assert 1024 * 1024 - 65_536 < len(answer.content) <= 1024 * 1024 + 16
    assert answer.content.startswith(b'{"data":[{"row":"xxx')
    assert faults.MAX_DELAY_MS == 60_000


@pytest.mark.parametrize("system", SYSTEMS)
async def test_slowness_delays_and_then_tells_the_truth(
    client: httpx2.AsyncClient, system: str
) -> None:
    """The answer is late by the delay and otherwise whole."""
    truth = await ask(client, system)
    await client.put(FAULT, json={"mode": "slow", "delayMs": 60})
    started = time.monotonic()
    answer = await ask(client, system)

    assert time.monotonic() - started >= 0.06
    assert answer.json() == truth.json()


async def test_a_slow_answer_ends_when_the_client_goes(world: World) -> None:
    """Nobody waits half a minute for a client that has hung up."""
    app = create_wms(world)
    sent: list[Message] = []
    gone = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)

    async def call(method: str, path: str, body: bytes) -> None:
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"orders=SO-1001",
            "headers": [],
        }
        await app(scope, receive, send)

    await call("PUT", FAULT, b'{"mode": "slow", "delayMs": 60000}')
    set_up = len(sent)
    slow = asyncio.create_task(call("GET", "/v2/outbound-lines", b""))
    await asyncio.sleep(0.05)
    still_waiting = not slow.done()
    gone.set()
    async with asyncio.timeout(1):
        await slow

    assert (still_waiting, len(sent)) == (True, set_up)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "Input data was truncated"),
        (b"slow", "JSON is malformed"),
        (b"[]", "Expected `object`"),
        (b"{}", "`mode`"),
        (b'{"mode": "sleepy"}', "`$.mode`"),
        (b'{"mode": 1}', "`$.mode`"),
        (b'{"mode": "slow", "delayMs": 60001}', "`$.delayMs`"),
        (b'{"mode": "slow", "delayMs": -1}', "`$.delayMs`"),
        (b'{"mode": "slow", "delayMs": "10"}', "`$.delayMs`"),
        (b'{"mode": "slow", "delay_ms": 10}', "`delay_ms`"),
        (b'{"mode": "garbage", "kind": "noise"}', "`$.kind`"),
        (b'{"mode": "fail", "kind": "html"}', "`$.kind`"),
        (b'{"mode": "none", "surprise": true}', "`surprise`"),
    ],
)
async def test_a_fault_there_is_not_is_refused_by_field(
    wms: httpx2.AsyncClient, body: bytes, word: str
) -> None:
    """And the fault in force stays in force."""
    await wms.put(FAULT, json={"mode": "stale"})
    answer = await wms.put(FAULT, content=body)

    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"
    assert word in answer.json()["message"]
    assert (await wms.get(FAULT)).json() == {"mode": "stale", "delayMs": 30000, "kind": None}


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"mode": "none"}, {"mode": "none", "delayMs": 30000, "kind": None}),
        ({"mode": "slow"}, {"mode": "slow", "delayMs": 30000, "kind": None}),
        ({"mode": "slow", "delayMs": 0}, {"mode": "slow", "delayMs": 0, "kind": None}),
        ({"mode": "garbage"}, {"mode": "garbage", "delayMs": 30000, "kind": "html"}),
        (
            {"mode": "garbage", "kind": "row", "delayMs": 5},
            {"mode": "garbage", "delayMs": 5, "kind": "row"},
        ),
    ],
)
async def test_the_fault_in_force_is_shown(
    wms: httpx2.AsyncClient, asked: dict[str, object], shown: dict[str, object]
) -> None:
    """With its defaults filled in; `GET` and `PUT` tell the same."""
    answer = await wms.put(FAULT, json=asked)

    assert (answer.status_code, answer.json()) == (200, shown)
    assert (await wms.get(FAULT)).json() == shown


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("mode", ["slow", "fail", "throttle", "garbage", "stale"])
async def test_no_fault_touches_the_control_room(
    client: httpx2.AsyncClient, system: str, mode: str
) -> None:
    """A system that cannot be asked can still be told to stop."""
    await client.put(FAULT, json={"mode": mode})
    started = time.monotonic()
    health = await client.get("/_sandbox/health")
    calls = await client.get(CALLS)

    assert time.monotonic() - started < 1
    assert health.json() == {"system": system, "lines": 240}
    assert calls.json() == {"total": 0, "by_path": {}, "log": []}


async def test_calls_are_counted_with_their_targets(wms: httpx2.AsyncClient) -> None:
    """As they came on the wire, failed and unknown ones too; the control room is left out."""
    await wms.get(httpx2.URL("http://sandbox/v2/outbound-lines?orders=SO%2D1001"))
    await wms.put(FAULT, json={"mode": "fail"})
    await wms.get("/v2/outbound-lines")
    await wms.post("/v2/nope?x=1")
    calls = (await wms.get(CALLS)).json()
    reset = await wms.delete(CALLS)

    assert calls == {
        "total": 3,
        "by_path": {"/v2/outbound-lines": 2, "/v2/nope": 1},
        "log": [
            {"method": "GET", "target": "/v2/outbound-lines?orders=SO%2D1001"},
            {"method": "GET", "target": "/v2/outbound-lines"},
            {"method": "POST", "target": "/v2/nope?x=1"},
        ],
    }
    assert reset.status_code == 204
    assert (await wms.get(CALLS)).json() == {"total": 0, "by_path": {}, "log": []}


async def test_the_log_of_calls_is_bounded(wms: httpx2.AsyncClient) -> None:
    """All are counted, the last 200 are remembered."""
    for n in range(203):
        await wms.get(f"/v2/nope?n={n}")
    calls = (await wms.get(CALLS)).json()

    assert calls["total"] == 203
    assert [one["target"] for one in calls["log"]] == [f"/v2/nope?n={n}" for n in range(3, 203)]


async def test_a_body_has_a_bound(world: World) -> None:
    """A megabyte is more than any question needs."""
    transport = httpx2.ASGITransport(app=create_oms(world))
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox") as oms:
        answer = await oms.post("/graphql", content=b" " * (1024 * 1024 + 1))

    assert answer.status_code == 413


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_the_control_room_knows_its_methods(client: httpx2.AsyncClient, method: str) -> None:
    """A fault is put, not posted."""
    assert (await client.request(method, FAULT)).status_code == 405


def differences(left: Any, right: Any) -> list[tuple[list[object], object, object]]:  # noqa: ANN401 - decoded JSON
    """Where two documents differ, and how."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        pairs = [(key, left[key], right[key]) for key in left]
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = [(key, left[key], right[key]) for key in range(len(left))]
    else:
        return [] if left == right else [([], left, right)]
    return [
        ([key, *path], was, now)
        for key, one, other in pairs
        for path, was, now in differences(one, other)
    ]
