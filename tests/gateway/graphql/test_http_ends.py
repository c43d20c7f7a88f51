"""How a request ends: in time or not, with or without its caller, and with a line in the log."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from backends.store.memory import MemoryKeyStore
from tests.gateway.door import Door, FakeExecutor, Outcome, make_route

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


async def test_an_execution_that_hangs_is_ended_by_the_deadline(
    door: Door, store: MemoryKeyStore
) -> None:
    """The answer says so, in time, as an executed operation of which nothing came."""
    executor = FakeExecutor(before=lambda: asyncio.sleep(60))
    door.application = make_route(door.request_log, executor, store, deadline_s=0.05)
    replies = [await door.ask(accept=accept) for accept in (GRAPHQL, JSON)]

    assert [reply.status for reply in replies] == [200, 200]
    assert replies[0].json == {
        "errors": [
            {
                "message": "The answer was not ready in time.",
                "extensions": {
                    "code": "DEADLINE_EXCEEDED",
                    "correlationId": replies[0].headers["x-correlation-id"],
                },
            }
        ],
        "data": None,
    }


async def test_a_body_that_does_not_come_is_ended_by_the_same_deadline(
    door: Door, store: MemoryKeyStore
) -> None:
    """H-2: one byte and then nothing; the connection is of no more use."""

    async def never() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    door.application = make_route(door.request_log, door.executor, store, deadline_s=0.05)
    reply = await door.send(receive=never)

    assert (reply.status, reply.codes) == (408, ["REQUEST_TIMEOUT"])
    assert reply.headers["connection"] == "close"


async def test_a_key_store_that_hangs_is_not_the_callers_fault(
    door: Door, store: MemoryKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 and try again, not 401: nobody was found to be unknown."""

    async def never(_: str) -> bytes | None:
        await asyncio.sleep(60)
        return None

    monkeypatch.setattr(store, "get", never)
    door.application = make_route(door.request_log, door.executor, store, deadline_s=0.05)
    reply = await door.ask()

    assert (reply.status, reply.codes) == (503, ["NOT_READY"])
    assert reply.headers["retry-after"] == "1"


async def test_a_server_that_ends_a_request_ends_it(door: Door) -> None:
    """A cancellation that is not the deadline's goes its way, and nothing is left running."""
    door.executor.before = lambda: asyncio.sleep(60)
    asking = asyncio.create_task(door.ask())
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert len(asyncio.all_tasks()) == 1


async def test_a_timeout_of_somebody_else_is_not_our_deadline(door: Door) -> None:
    """A library's TimeoutError is a bug like any other."""
    door.executor.outcome = TimeoutError()
    reply = await door.ask()

    assert (reply.status, reply.codes) == (500, ["INTERNAL"])


async def test_a_caller_who_leaves_gets_no_answer_and_makes_no_noise(door: Door) -> None:
    """Half a body and gone: one line in the log, nothing sent, nothing executed."""

    async def leave() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    reply = await door.send(receive=leave)

    assert reply.status == 0
    assert [(entry["event"], entry["status"], entry["level"]) for entry in door.log] == [
        ("request", 499, "info")
    ]


async def test_a_connection_that_is_gone_when_the_answer_comes_is_no_failure(door: Door) -> None:
    """A server may say so by raising; nothing is logged but the request."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"query": "{b}"}', "more_body": False}

    async def send(_: object) -> None:
        raise ConnectionResetError

    headers = [
        (b"authorization", f"Bearer {door.key}".encode()),
        (b"content-type", b"application/json"),
    ]
    scope = {"type": "http", "method": "POST", "query_string": b"", "headers": headers}
    await door.application(scope, receive, send)

    assert [entry["event"] for entry in door.log] == ["request"]


async def test_every_request_leaves_one_line(door: Door) -> None:
    """Who, what kind, how it went; the operation by the name the document gives it."""
    door.executor.outcome = Outcome({"b": "yes"})

    async def count_calls() -> None:
        door.executor.asked[-1][2].calls["erp"] = 2

    door.executor.before = count_calls
    await door.ask("query Lines {b}", operationName="Lines")
    await door.ask("query Lines {b}", operationName="hunter2")
    await door.send(headers={"authorization": ""})
    lines = [entry for entry in door.log if entry["event"] == "request"]
    for entry in lines:
        assert entry.pop("ts").endswith("Z")
        assert entry.pop("duration_ms") >= 0
        assert len(entry.pop("correlation_id")) == 24
        assert entry.pop("bytes_out") > 0

    assert lines == [
        {
            "level": "info",
            "event": "request",
            "status": 200,
            "principal": door.executor.asked[0][2].principal.id,
            "operation_name": "Lines",
            "operation_type": "query",
            "document_hash": "dd0b0a4e0455",
            "calls": {"erp": 2},
            "cost": 2,
        },
        {
            "level": "info",
            "event": "request",
            "status": 400,
            "principal": door.executor.asked[0][2].principal.id,
            "document_hash": "dd0b0a4e0455",
            "error_codes": ["OPERATION_NOT_FOUND"],
        },
        {"level": "info", "event": "request", "status": 401, "error_codes": ["UNAUTHENTICATED"]},
    ]


async def test_no_secret_and_no_question_is_logged(door: Door) -> None:
    """LOG-1: not the key, not a variable, not the text, not a header, however it ends."""
    canary = "hunter2"
    for query in (f'{{a(id: "{canary}") {{b}}}}', f"{{{canary}}}", f"{canary}"):
        await door.ask(query, variables={"x": canary}, extensions={"x": canary})
    await door.send(body=canary.encode(), headers={"user-agent": canary, "cookie": canary})
    await door.send(headers={"authorization": f"Bearer {door.key[:-1]}!"})
    await door.send("GET", query_string=b"access_token=" + canary.encode())
    door.request_log.flush()
    written = door.log_path.read_text()

    assert written.count("\n") >= 6
    assert canary not in written
    assert door.key[20:50] not in written


async def test_a_caller_who_leaves_ends_what_was_asked(door: Door) -> None:
    """Whatever its question started is cancelled, long before the deadline."""
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    door.executor.before = work
    messages: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": b'{"query": "{b}"}', "more_body": False},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    async with asyncio.timeout(2):
        reply = await door.send(receive=receive)

    assert ended.is_set()
    assert reply.status == 0
    assert [(entry["event"], entry["status"]) for entry in door.log] == [("request", 499)]
    assert len(asyncio.all_tasks()) == 1


async def test_a_caller_who_stays_is_listened_to_and_answered(door: Door) -> None:
    """Listening for a caller changes nothing and leaves nothing behind."""
    door.executor.before = lambda: asyncio.sleep(0.1)
    body = {"type": "http.request", "body": b'{"query": "{b}"}', "more_body": False}
    asked: list[int] = []

    async def receive() -> dict[str, Any]:
        asked.append(len(asked))
        if len(asked) > 1:
            await asyncio.sleep(60)
        return body

    reply = await door.send(receive=receive)
    await asyncio.sleep(0)

    assert (reply.status, asked) == (200, [0, 1])
    assert len(asyncio.all_tasks()) == 1
