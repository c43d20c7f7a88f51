"""What became of the calls to one system: counted where they are made.

`ObservedTransport` wraps the transport of a system. An adapter asks through it and
hands it the function that looks at the answer, so a call counts as good only once
its answer was understood. It is also the adapter's clock, so that the instants of
readings and of health agree.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias, TypeVar

from opentelemetry.trace import SpanKind, Tracer

from backends.cache import ReadingCache
from backends.transport import BackendError, Request, Response, SendsNow, Transport
from orderlines.deadline import Deadline

T = TypeVar("T")

Look: TypeAlias = Callable[[Request, Response], T]
"""Gives what an answer says, or raises a `BackendError` if it says nothing usable."""


class HealthState(Enum):
    """Whether a system answered when it was last asked."""

    UP = "The last call brought a usable answer."
    DOWN = "The last call brought none."
    UNKNOWN = "It has not been called yet."


_UP: Final = HealthState.UP  # found faster than an enum's attribute


@dataclass(frozen=True, slots=True)
class Health:
    """How a system answered this process since it started.

    Attributes:
        calls: Begun.
        failures: That brought no usable answer.
        in_flight: Going on now.
        last_success_at: In UTC; None if there was none.
        last_failure_at: In UTC; None if there was none.
        last_reason: Why the last failure failed.
        state: What the last outcome says.
        failures_by_reason: How often each reason was met.
        bytes_received: Of all bodies.
    """

    calls: int
    failures: int
    in_flight: int
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_reason: str | None
    state: HealthState = HealthState.UNKNOWN
    failures_by_reason: Mapping[str, int] = field(default_factory=dict)
    bytes_received: int = 0


class ObservedTransport:
    """A transport that counts what becomes of its calls.

    Attributes:
        system: Configured name of the system behind it.
        sender: What carries a request without a task, if there is something that does.
            Whoever uses it counts the call (`begun`), and tells of the answer by
            `answered`, or that there is none by `left`.
        begun: Calls begun.
        now: The wall clock, aware and in UTC.
        cache: Where what it answers is kept for those who allow that.
        last_success_at: When a call last brought a usable answer.
    """

    def __init__(
        self,
        inner: Transport,
        system: str,
        now: Callable[[], datetime],
        *,
        cache: ReadingCache | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.system = system
        self.now = now
        self.cache = cache
        self._tracer = tracer
        self._inner = inner
        # A span is told from within the task that sends.
        self.sender: Final = inner if tracer is None and isinstance(inner, SendsNow) else None
        self.begun = 0
        self._ended = 0
        self._failures: Counter[str] = Counter()
        self._bytes_received = 0
        self.last_success_at: datetime | None = None
        self._last_failure_at: datetime | None = None
        self._last_reason: str | None = None
        self._state = HealthState.UNKNOWN

    async def ask(self, request: Request, look: Look[T], *, deadline: Deadline) -> T:
        """Carry one request, and look at what came.

        Args:
            request: What to send.
            look: Looks at the answer.
            deadline: When the answer must be there.

        Raises:
            BackendError: None came, or not a usable one.
        """
        self.begun += 1
        try:
            if self._tracer is None:
                response = await self._inner.send(request, deadline=deadline)
            else:
                response = await self._traced(self._tracer, request, deadline)
        except BaseException as error:
            self.left(error)
            raise
        return self.answered(request, look, response)

    def left(self, error: BaseException | None) -> None:
        """Count that a call has ended without an answer.

        Args:
            error: Why; anything but a `BackendError` is no failure of the system.
        """
        self._ended += 1
        if isinstance(error, BackendError):
            self.failed(error)

    def answered(self, request: Request, look: Look[T], response: Response) -> T:
        """Count that a call has ended, look at the answer, and count it as good or not."""
        self._ended += 1
        self._bytes_received += len(response.body)
        try:
            seen = look(request, response)
        except BackendError as error:
            self.failed(error)
            raise
        self.last_success_at = self.now()
        self._state = _UP
        return seen

    async def _traced(self, tracer: Tracer, request: Request, deadline: Deadline) -> Response:
        """Carry one request within a span; what fails is told on it."""
        told = {"peer.service": self.system, "http.request.method": request.method}
        with tracer.start_as_current_span(
            f"{self.system} {request.method}", kind=SpanKind.CLIENT, attributes=told
        ) as span:
            response = await self._inner.send(request, deadline=deadline)
            span.set_attribute("http.response.status_code", response.status)
            return response

    def failed(self, error: BackendError) -> None:
        """Count a failure: here, or where an answer turns out to be bad later."""
        self._failures[str(error.reason)] += 1
        self._last_failure_at = self.now()
        self._last_reason = str(error.reason)
        self._state = HealthState.DOWN

    def health(self) -> Health:
        """Tell what became of the calls so far."""
        return Health(
            calls=self.begun,
            failures=self._failures.total(),
            in_flight=self.begun - self._ended,
            last_success_at=self.last_success_at,
            last_failure_at=self._last_failure_at,
            last_reason=self._last_reason,
            state=self._state,
            failures_by_reason=dict(self._failures),
            bytes_received=self._bytes_received,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()
