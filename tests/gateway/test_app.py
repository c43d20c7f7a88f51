"""The application: what it opens and closes, and what answers which path."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from graphql import parse, validate
from msgspec.structs import replace
from starlette.applications import Starlette

from backends.registry import Systems
from backends.store.memory import MemoryKeyStore
from gateway.app import Application, create_app
from gateway.callers import Keyring
from gateway.cli import demo
from gateway.codes import CODES, Shown
from gateway.health import on_failure, routes
from gateway.settings import DocumentSettings, GatewaySettings, Settings
from resolvers.schema import build_schema
from tests.gateway.door import PEPPER, Door, StartupFailedError, living

# Nothing asked here reaches a system.
NO_SYSTEMS = cast("Systems", SimpleNamespace(backends=()))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Log to a file, so that tests stay silent."""
    return Settings(gateway=GatewaySettings(log_file=str(tmp_path / "log")))


@pytest.fixture
def application(settings: Settings, store: MemoryKeyStore) -> Application:
    """Give an application that is not started."""
    return create_app(settings, systems=NO_SYSTEMS, keys=Keyring(store, PEPPER))


@pytest.fixture
async def house(application: Application, door: Door) -> AsyncIterator[Door]:
    """Give a door to an application that is started."""
    door.application = application
    async with living(application):
        yield door


async def test_a_question_is_answered_while_it_lives(house: Door) -> None:
    """Guard, desk and execution are joined; every part is the real one."""
    reply = await house.ask("{ viewer { name } }")

    assert (reply.status, reply.json["data"]) == (200, {"viewer": {"name": "portal"}})


async def test_a_stranger_is_refused(house: Door) -> None:
    """An application that was given no keys knows nobody."""
    house.application = create_app(Settings(), systems=NO_SYSTEMS)
    async with living(house.application):
        reply = await house.ask("{ viewer { name } }")

    assert (reply.status, reply.codes) == (401, ["INVALID_CREDENTIALS"])


async def test_before_and_after_its_life_it_is_alive_and_not_ready(
    application: Application, door: Door
) -> None:
    """A load balancer that looks at /readyz sends nobody; who comes is told to try again."""
    door.application = application
    replies = []
    for _ in range(2):
        replies.append(
            [
                await door.ask("{ viewer { name } }"),
                await door.send("GET", "/readyz"),
                await door.send("GET", "/livez"),
            ]
        )
        async with living(application):
            assert (await door.send("GET", "/readyz")).json == {"status": "ready", "reasons": []}

    for question, ready, alive in replies:
        assert (question.status, question.codes) == (503, ["NOT_READY"])
        assert question.headers["retry-after"] == "1"
        assert (ready.status, ready.json) == (
            503,
            {"status": "unready", "reasons": ["The gateway is starting or stopping."]},
        )
        assert (alive.status, alive.json) == (200, {"status": "alive"})


async def test_systems_that_cannot_be_opened_stop_the_start_with_a_sentence(
    settings: Settings, tmp_path: Path
) -> None:
    """Nothing serves with half of what it needs; the log and the caller know why."""
    application = create_app(settings)
    with pytest.raises(StartupFailedError):
        async with living(application):
            pass
    entries = [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]

    assert application.failure is not None
    assert [(entry["event"], entry["reason"]) for entry in entries] == [
        ("not_started", application.failure.message)
    ]


async def test_a_log_that_cannot_be_written_stops_the_start_with_a_sentence(
    tmp_path: Path,
) -> None:
    """Rather no gateway than one that nobody can watch."""
    settings = Settings(gateway=GatewaySettings(log_file=str(tmp_path / "no" / "log")))
    application = create_app(settings, systems=NO_SYSTEMS)
    with pytest.raises(StartupFailedError):
        async with living(application):
            pass

    assert application.failure is not None
    assert application.failure.message == (
        f"The log file {tmp_path / 'no' / 'log'} cannot be written: No such file or directory."
    )


async def test_the_front_page_says_where_to_ask(house: Door) -> None:
    """Plain text, for people and for curl, and nothing from the request in it."""
    reply = await house.send("GET", "/", headers={"host": "evil.example"})

    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"/graphql" in reply.body
    assert b"evil" not in reply.body


async def test_the_page_of_codes_lists_all_that_are_ever_sent(house: Door) -> None:
    """The `type` of a problem document leads here."""
    reply = await house.send("GET", "/errors")
    listed = [line for line in reply.body.decode().splitlines() if not line.startswith(" ")]

    assert listed == sorted(code for code in CODES if CODES[code].shown is not Shown.COMMAND)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "NOT_FOUND"),
        ("GET", "/graphql/", 404, "NOT_FOUND"),
        ("GET", "/../etc/passwd", 404, "NOT_FOUND"),
        ("POST", "/livez", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_what_is_not_served_is_a_problem_document(
    house: Door, method: str, path: str, status: int, code: str
) -> None:
    """The same shape as every other failure, and the caller's own id."""
    reply = await house.send(method, path, headers={"x-correlation-id": "caller-0001"})

    assert (reply.status, reply.codes) == (status, [code])
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["correlationId"] == reply.headers["x-correlation-id"] == "caller-0001"
    assert ("allow" in reply.headers) == (status == 405)


async def test_a_page_that_fails_says_nothing_about_it(door: Door) -> None:
    """ERR-1: the server logs what was raised; the caller gets a code and an id."""

    def explode() -> list[str]:
        raise RuntimeError("hunter2")  # noqa: EM101 - the secret

    door.application = Starlette(routes=routes(explode), exception_handlers={Exception: on_failure})
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/readyz", "headers": [], "query_string": b""}
    with pytest.raises(RuntimeError):
        await door.application(scope, None, send)

    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"])["code"] == "INTERNAL"
    assert b"hunter2" not in sent[1]["body"]


def test_the_query_that_welcomes_a_stranger_fits_the_schema() -> None:
    """The demo prints it, and it is the first thing anybody sends."""
    schema = build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it

    assert validate(schema, parse(demo.WELCOME.read_text("utf-8"))) == []


def test_neither_keys_nor_pepper_are_shown() -> None:
    """LOG-1: not even in a traceback that prints values."""
    assert repr(Keyring(MemoryKeyStore(), PEPPER)) == "Keyring(…)"


VIEWER = "query Viewer { viewer { name } }"


def trusting(folder: Path, settings: Settings, content: object, *, only: bool = True) -> Settings:
    """Configure trusted documents."""
    (folder / "documents.json").write_text(json.dumps(content), "utf-8")
    documents = DocumentSettings(manifest=str(folder / "documents.json"), trusted_only=only)
    return replace(settings, gateway=replace(settings.gateway, documents=documents))


async def test_only_trusted_documents_are_answered_where_that_is_configured(
    tmp_path: Path, settings: Settings, store: MemoryKeyStore, door: Door
) -> None:
    """By name, in a POST and in a GET; by their text; and nothing else."""
    trusting_settings = trusting(tmp_path, settings, {sha256(VIEWER.encode()).hexdigest(): VIEWER})
    door.application = create_app(
        trusting_settings, systems=NO_SYSTEMS, keys=Keyring(store, PEPPER)
    )
    name = f"sha256:{sha256(VIEWER.encode()).hexdigest()}"
    async with living(door.application):
        answered = [
            await door.send(body=json.dumps({"documentId": name}).encode()),
            await door.send("GET", query_string=f"documentId={name}".encode()),
            await door.ask(VIEWER),
        ]
        refused = [
            await door.ask("{ viewer { name } }"),
            await door.ask("{ __schema { types { name } } }"),
            await door.send(body=b'{"documentId": "nobody"}'),
        ]

    assert [reply.json["data"] for reply in answered] == [{"viewer": {"name": "portal"}}] * 3
    assert [reply.codes for reply in refused] == [
        ["DOCUMENT_NOT_TRUSTED"],
        ["DOCUMENT_NOT_TRUSTED"],
        ["DOCUMENT_NOT_FOUND"],
    ]


async def test_a_manifest_that_does_not_fit_the_schema_stops_the_start(
    tmp_path: Path, settings: Settings
) -> None:
    """With the document, the place in it, and what is wrong."""
    application = create_app(
        trusting(tmp_path, settings, {"page": "{ nobody }"}), systems=NO_SYSTEMS
    )
    with pytest.raises(StartupFailedError):
        async with living(application):
            pass

    assert application.failure is not None
    assert application.failure.message == (
        f"The document page of the manifest {tmp_path}/documents.json, line 1, column 3: "
        "Cannot query field 'nobody' on type 'Query'."
    )


async def test_an_address_that_asks_for_too_many_pages_is_told_to_wait(house: Door) -> None:
    """RL: by the address of the connection, whatever a header says; questions are not pages."""
    statuses = [
        (await house.send("GET", "/livez", headers={"x-forwarded-for": f"10.0.0.{n % 200}"})).status
        for n in range(601)
    ]
    refused = await house.send("GET", "/errors")
    question = await house.ask("{ viewer { name } }")

    assert statuses == [200] * 600 + [429]
    assert refused.codes == ["RATE_LIMITED"]
    assert refused.headers["retry-after"] == "60"
    assert question.status == 200
