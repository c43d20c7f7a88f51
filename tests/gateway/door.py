"""A door without sockets: a real guard in front, an executor that does as it is told behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, build_schema

from backends.store.counters import MemoryCounters
from backends.store.memory import MemoryKeyStore
from gateway.audit import Audit
from gateway.execution import Executed
from gateway.graphql.admission import Admission
from gateway.graphql.documents import Documents
from gateway.graphql.guard import Bill
from gateway.graphql.http import GraphQLRoute
from gateway.graphql.kept import KeptAnswers
from gateway.graphql.ports import Executor
from gateway.graphql.toll import Toll
from gateway.telemetry import RequestLog
from orderlines.deadline import Deadline
from policies.authentication import AuthenticationChain
from policies.cost import Price
from policies.key_authenticator import ApiKeyAuthenticator
from policies.principal import Principal
from policies.settings import ThrottleSettings
from policies.throttle import Throttle

SCHEMA = """
type Query { a(x: Int, d: Float, id: ID): Query  b: String  viewer: Query }
type Mutation { change: Int }
"""
PEPPER = b"a pepper for tests, 32 bytes long"


@dataclass
class Outcome:
    """What the executor gives back."""

    data: Mapping[str, Any] | None = None
    errors: Sequence[GraphQLError] = ()
    executed: bool = True
    counts: Mapping[object, int] = field(default_factory=dict)

    @property
    def json(self) -> bytes | None:
        """The data, written."""
        return None if self.data is None else json.dumps(self.data, separators=(",", ":")).encode()


@dataclass
class FakeExecutor:
    """Gives a prepared outcome, and remembers what it was asked."""

    outcome: Outcome | Exception = field(default_factory=lambda: Outcome({"b": "yes"}))
    before: Callable[[], Any] | None = None
    asked: list[tuple[OperationDefinitionNode, Mapping[str, object], Any]] = field(
        default_factory=list
    )
    masks: list[frozenset[tuple[str, str]]] = field(default_factory=list)

    def prepare(
        self,
        document: DocumentNode,  # noqa: ARG002 - the shape the route calls
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
        *,
        known_as: Hashable = None,  # noqa: ARG002 - the shape the route calls
        mask: frozenset[tuple[str, str]] = frozenset(),
    ) -> Any:  # noqa: ANN401 - what `run` is given back
        """Take what is asked; an outcome without execution is one already."""
        self.masks.append(mask)
        if isinstance(self.outcome, Outcome) and not self.outcome.executed:
            return Executed(None, self.outcome.errors, executed=False)
        return (operation, variables)

    async def run(self, prepared: Any, context: Any) -> Any:  # noqa: ANN401 - as prepared
        """Answer as prepared."""
        self.asked.append((*prepared, context))
        if self.before is not None:
            await self.before()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


CHEAPER: Final = Price((), 0, 2, ())
"""What questions come to, if the fake guard lets them pass."""


@dataclass
class FakeGuard:
    """Lets everything pass, at a price."""

    bill: Bill | Exception = field(default_factory=lambda: Bill(3, {"erp": 1}, price=CHEAPER))

    def mask(self, principal: Principal) -> frozenset[tuple[str, str]]:  # noqa: ARG002 - as asked
        """Refuse no field."""
        return frozenset()

    def check(self, principal: Principal, prepared: object) -> Bill:  # noqa: ARG002 - as asked
        """Give the prepared bill."""
        if isinstance(self.bill, Exception):
            raise self.bill
        return self.bill


@dataclass
class Context:
    """What the route hands to resolvers, kept for a look."""

    principal: Principal
    deadline: Deadline
    correlation_id: str
    calls: dict[str, int] = field(default_factory=dict)
    oldest: None = None


def make_context(principal: Principal, *, deadline: Deadline, correlation_id: str) -> Context:
    """Make a context."""
    return Context(principal, deadline, correlation_id)


@dataclass
class Reply:
    """An answer as it left the application."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body."""
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The codes of its errors, or of its problem."""
        if "errors" in self.json:
            return [error["extensions"]["code"] for error in self.json["errors"]]
        return [self.json["code"]] if "code" in self.json else []


class Door:
    """Calls an ASGI application as a server would.

    Args:
        application: Any.
        key: What every request shows, unless told otherwise.
        log: What the application writes its requests to, at `log_path`.
    """

    def __init__(self, application: Any, key: str, log: RequestLog, log_path: Path) -> None:  # noqa: ANN401 - any ASGI application
        self.application = application
        self.key = key
        self.request_log = log
        self.log_path = log_path
        self.executor = FakeExecutor()

    async def send(  # noqa: PLR0913 - the parts of a request
        self,
        method: str = "POST",
        path: str = "/graphql",
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query_string: bytes = b"",
        receive: Callable[[], Any] | None = None,
    ) -> Reply:
        """Send one request; a header of the value "" is left out."""
        every = {
            "host": "gateway.test",
            "content-type": "application/json",
            "authorization": f"Bearer {self.key}",
            "accept": "application/graphql-response+json",
        } | dict(headers or {})
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query_string,
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in every.items() if value
            ],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8_000),
            "state": {},
        }
        sent: list[dict[str, Any]] = []

        async def receive_body() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.application(scope, receive or receive_body, send)
        if not sent:
            return Reply(0, {}, b"{}")
        start, end = sent
        got = {name.decode(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], got, end["body"])

    async def ask(
        self,
        query: str = "{b}",
        *,
        accept: str = "application/graphql-response+json",
        **members: object,
    ) -> Reply:
        """Ask a question by POST."""
        body = json.dumps({"query": query, **members}).encode()
        return await self.send(body=body, headers={"accept": accept})

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log so far; every line of it must be JSON."""
        self.request_log.flush()
        return [json.loads(line) for line in self.log_path.read_bytes().splitlines()]


def make_route(
    log: RequestLog,
    executor: Executor,
    store: MemoryKeyStore,
    **settings: Any,  # noqa: ANN401 - any of the route's
) -> GraphQLRoute:
    """Make a route as the application does, around a fake executor."""
    given: dict[str, Any] = {
        "documents": Documents(build_schema(SCHEMA)),
        "deadline_s": 2.0,
        "max_body_bytes": 131_072,
        "guard": FakeGuard(),
        "admission": Admission(512),
        "audit": Audit(None),
        "kept": KeptAnswers(1_000_000),
        "toll": Toll(Throttle(ThrottleSettings(), MemoryCounters())),
    }
    return GraphQLRoute(
        authentication=AuthenticationChain([ApiKeyAuthenticator(store, PEPPER)]),
        executor=executor,
        make_context=make_context,
        log=log,
        **(given | settings),
    )


@asynccontextmanager
async def living(application: Any) -> AsyncIterator[None]:  # noqa: ANN401 - any ASGI application
    """Let an application live as a server does: start it, and stop it in the end.

    Raises:
        StartupFailedError: It said that it did not start.
    """
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    life = asyncio.create_task(application(scope, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    started = await said.get()
    if started["type"] != "lifespan.startup.complete":
        await asyncio.wait([life])
        life.exception()
        raise StartupFailedError(started["message"])
    try:
        yield
    finally:
        await told.put({"type": "lifespan.shutdown"})
        assert (await said.get())["type"] == "lifespan.shutdown.complete"
        await life


class StartupFailedError(Exception):
    """An application did not start."""
