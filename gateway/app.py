"""The application: what answers which path, and what lives as long as it does.

    /graphql   one plain ASGI callable, `gateway.graphql.http`
    the rest   Starlette, `gateway.health`

When it starts it opens the log and the systems; when it stops it closes them in
reverse. It is ready in between.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from backends.cache import ReadingCache
from backends.registry import Systems, open_systems
from backends.store.counters import MemoryCounters
from backends.store.shared_cache import SharedCache
from backends.store.valkey_counters import ValkeyCounters
from backends.tracing import find_tracer
from gateway.answers import (
    RETRY_SOON,
    Receive,
    Scope,
    Send,
    fold_headers,
    problem_answer,
    send_answer,
)
from gateway.callers import Callers, Keyring, open_callers
from gateway.correlation import HEADER, correlation_id_of
from gateway.execution import Executor
from gateway.graphql.admission import Admission
from gateway.graphql.documents import Documents
from gateway.graphql.explainer import Explainer
from gateway.graphql.guard import Guard
from gateway.graphql.http import GraphQLRoute
from gateway.graphql.kept import KeptAnswers
from gateway.graphql.toll import Toll
from gateway.graphql.trusted import NO_MANIFEST, Manifest, read_manifest
from gateway.health import guarded, on_failure, on_http_exception, on_too_many, routes
from gateway.metrics import GatewayCollector, RequestMetrics, serve_metrics
from gateway.settings import CacheSettings, DocumentSettings, Settings
from gateway.telemetry import RequestLog, open_telemetry
from orderlines.errors import GatewayError
from policies.settings import ThrottleSettings
from policies.throttle import Counters, Throttle
from resolvers.batches import field_plans
from resolvers.context import make_context
from resolvers.forecast import reads_of
from resolvers.governance import field_policies
from resolvers.readers import READERS
from resolvers.scalars import PLAIN_TEXTS, WRITERS
from resolvers.schema import build_schema

GRAPHQL_PATH: Final = "/graphql"
MEGABYTE: Final = 1024 * 1024

_log = structlog.get_logger()


class Application:
    """The ASGI application.

    Args:
        settings: As read from the configuration.
        systems: Systems that are open already, and stay open; None opens those of
            the settings.
        keys: None knows nobody.
    """

    def __init__(
        self, settings: Settings, *, systems: Systems | None = None, keys: Keyring | None = None
    ) -> None:
        self._settings = settings
        self._given_systems = systems
        self._keys = keys
        self._callers: Callers | None = None
        self._admission = Admission(settings.gateway.max_in_progress)
        self._metrics = RequestMetrics()
        self.metrics_port: int | None = None
        self._route: GraphQLRoute | None = None
        self._pages = guarded(
            Starlette(
                routes=routes(self._reasons),
                middleware=[Middleware(SlowAPIASGIMiddleware)],
                exception_handlers={
                    RateLimitExceeded: on_too_many,
                    HTTPException: on_http_exception,
                    Exception: on_failure,
                },
                lifespan=lambda _: self._open(),
            )
        )
        self.failure: GatewayError | None = None
        self._is_draining = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer one request, or live through one lifespan.

        What it gives is awaited as a coroutine of its own would be, without one around it.
        """
        if scope["type"] != "http" or scope["path"] != GRAPHQL_PATH:
            return self._pages(scope, receive, send)
        if self._route is not None:
            return self._route(scope, receive, send)
        return self._say_not_ready(scope, send)

    async def _say_not_ready(self, scope: Scope, send: Send) -> None:
        correlation_id = correlation_id_of(fold_headers(scope["headers"]).get(HEADER))
        answer = problem_answer(
            "NOT_READY",
            "The gateway is starting or stopping.",
            correlation_id=correlation_id,
            headers=(RETRY_SOON,),
        )
        await send_answer(send, answer, correlation_id)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        door = self._settings.gateway
        async with AsyncExitStack() as stack:
            try:
                log = stack.enter_context(
                    open_telemetry(door.log_level, Path(door.log_file) if door.log_file else None)
                )
                self._callers = await open_callers(
                    self._settings.auth, self._settings.store, self._keys, stack
                )
                systems = await self._systems(stack)
                counters = _open_counters(self._settings.throttle, stack)
                self._route = self._build_route(self._callers, systems, counters, log)
                self._open_metrics(systems, stack)
            except GatewayError as error:
                self.failure = error
                raise
            try:
                yield
            finally:
                self._route = None

    async def _systems(self, stack: AsyncExitStack) -> Systems:
        if self._given_systems is not None:
            return self._given_systems
        try:
            cache = _open_cache(self._settings.cache, stack)
            return await stack.enter_async_context(
                open_systems(self._settings.backends, cache=cache, tracer=find_tracer())
            )
        except GatewayError as error:
            _log.error("not_started", code=error.code, reason=error.message, detail=error.detail)
            raise

    def _build_route(
        self, callers: Callers, systems: Systems, counters: Counters, log: RequestLog
    ) -> GraphQLRoute:
        schema = build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it
        guard = Guard(
            field_policies(schema),
            self._settings.limits,
            reads_of=partial(reads_of, systems=systems.backends),
            is_strict=self._settings.gateway.refused_fields == "reject",
        )
        documents = Documents(
            schema,
            manifest=_manifest(self._settings.gateway.documents),
            limits=self._settings.limits,
        )
        executor = Executor(
            schema,
            field_plans(schema),
            leaves=WRITERS,
            plain_texts=PLAIN_TEXTS,
            readers=READERS,
            note=guard.terms,
        )
        throttle = Throttle(self._settings.throttle, counters)
        return GraphQLRoute(
            authentication=callers.chain,
            audit=callers.audit,
            kept=KeptAnswers(self._settings.cache.answers_mb * MEGABYTE),
            documents=documents,
            executor=executor,
            guard=guard,
            admission=self._admission,
            toll=Toll(throttle),
            metrics=self._metrics,
            tracer=find_tracer(),
            make_context=partial(
                make_context,
                systems=systems,
                start=asyncio.get_running_loop().create_task,
                throttle=throttle,
                explain=Explainer(documents, executor, guard, throttle),
            ),
            log=log,
            deadline_s=self._settings.gateway.deadline_s,
            max_body_bytes=self._settings.gateway.max_body_bytes,
        )

    def _open_metrics(self, systems: Systems, stack: AsyncExitStack) -> None:
        settings = self._settings.metrics
        if settings.port is not None:
            collector = GatewayCollector(self._metrics, self._admission, lambda: systems.backends)
            self.metrics_port = stack.enter_context(
                serve_metrics(collector, settings.host, settings.port)
            )

    def drain(self) -> None:
        """Be unready from now on; whoever asks is answered all the same."""
        self._is_draining = True

    def _reasons(self) -> Sequence[str]:
        """Tell why a question would not be answered now."""
        if self._is_draining:
            return ("The gateway is stopping.",)
        if self._route is None or self._callers is None:
            return ("The gateway is starting or stopping.",)
        reason = self._callers.reason()
        return () if reason is None else (reason,)


def _open_counters(settings: ThrottleSettings, stack: AsyncExitStack) -> Counters:
    """Open where spending is counted: in this process, or with others together."""
    if settings.redis is None:
        return MemoryCounters()
    counters = ValkeyCounters(settings.redis, on_failure=_tell_alone)
    stack.push_async_callback(counters.aclose)
    return counters


def _open_cache(settings: CacheSettings, stack: AsyncExitStack) -> ReadingCache:
    """Open where readings are kept: in this process, and shared where that is configured."""
    second: SharedCache | None = None
    if settings.redis is not None:
        second = SharedCache(settings.redis, on_failure=_tell_alone)
        stack.push_async_callback(second.aclose)
    cache = ReadingCache(settings.readings_mb * MEGABYTE, second)
    stack.push_async_callback(cache.aclose)
    return cache


def _tell_alone(error: Exception) -> None:
    _log.warning("redis_left_alone", detail=f"{type(error).__name__}: {error}")


def _manifest(documents: DocumentSettings) -> Manifest:
    if documents.manifest is None:
        return NO_MANIFEST
    return read_manifest(Path(documents.manifest), only=documents.trusted_only)


def create_app(
    settings: Settings, *, systems: Systems | None = None, keys: Keyring | None = None
) -> Application:
    """Put the application together; nothing is opened before its lifespan begins."""
    return Application(settings, systems=systems, keys=keys)
