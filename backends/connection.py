"""One keep-alive connection to one system, with one request in flight at most.

It is used again only while there is no doubt about it: the last answer was whole
and nothing followed it, the request had been sent whole, and nothing waits to be
read. After anything else it is closed at once.

One alarm watches the deadline of a request and, between requests, idleness. It is
hardly ever set anew: it may ring too early, and then looks at what is due and
sleeps on. That spares a timer for every request.
"""

import asyncio
import select
from collections.abc import Callable
from typing import Final, cast

from backends.answer import AnswerReader, Heads, UnansweredError
from backends.reasons import Reason
from backends.transport import Response
from backends.wire_limits import WireLimits
from orderlines.deadline import Deadline

# A loop that counts milliseconds may ring one early; sleeping for less would spin.
MIN_SLEEP_S: Final = 0.001


class Connection(asyncio.Protocol):
    """One connection; `exchange` carries one request after another over it.

    Attributes:
        requests: Requests written to it.
        bytes_received: All bytes that came.
    """

    __slots__ = (
        "_alarm",
        "_alarm_at",
        "_answers",
        "_deadline",
        "_idle_until",
        "_limits",
        "_loop",
        "_on_end",
        "_on_lost",
        "_pending",
        "_poll",
        "_reader",
        "_received_before",
        "_transport",
        "bytes_received",
        "requests",
    )

    def __init__(
        self,
        limits: WireLimits,
        on_lost: Callable[["Connection"], None],
        heads: Heads | None = None,
    ) -> None:
        """Prepare for `connection_made`.

        Args:
            limits: Bounds of answers and of idling.
            on_lost: Called once, when the socket is gone.
            heads: Of answers that the system gave before.
        """
        self._limits = limits
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._reader = AnswerReader(limits, heads)
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._pending: asyncio.Future[Response] | None = None
        self._on_end: Callable[[Connection], None] | None = None
        self._deadline = Deadline(0.0)
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = self._idle_until = 0.0
        self._answers = self._received_before = 0
        self.requests = self.bytes_received = 0

    def begin(
        self,
        request: bytes,
        deadline: Deadline,
        on_end: Callable[["Connection"], None] | None = None,
    ) -> asyncio.Future[Response]:
        """Send a request; give what will hold the whole answer.

        Whoever stops waiting for it leaves (`leave`), or nobody else can use the connection.

        Args:
            request: All of it.
            deadline: When the answer must be there.
            on_end: Called once when the exchange is over, however it ended.

        Raises:
            UnansweredError: There is no time left, or no connection any more. The future
                fails with it, too: no whole, well-formed answer came before the deadline.
        """
        remaining_s = deadline.at - deadline.clock()
        if remaining_s <= 0:
            raise UnansweredError(Reason.TIMEOUT, "before the request")
        transport = self._transport
        if transport is None:
            raise UnansweredError(Reason.CUT_OFF, "before the request")
        pending: asyncio.Future[Response] = self._loop.create_future()
        self._pending, self._deadline, self._on_end = pending, deadline, on_end
        self._received_before = self.bytes_received
        if self._alarm is None or self._alarm_at > self._loop.time() + remaining_s:
            self._wake_within(remaining_s)
        self.requests += 1
        transport.write(request)
        return pending

    async def exchange(self, request: bytes, deadline: Deadline) -> Response:
        """Send a request and wait for the whole answer.

        Raises:
            UnansweredError: No whole, well-formed answer came before the deadline.
        """
        pending = self.begin(request, deadline)
        try:
            return await pending
        finally:
            self.leave(pending)

    def leave(self, pending: asyncio.Future[Response]) -> None:
        """Wait for an answer no longer.

        If it has not come, the connection is closed: the rest of it must never be taken
        for another's.
        """
        if self._pending is pending:
            pending.cancel()
            self.abort()

    def is_fit(self) -> bool:
        """Tell whether it may carry a request: open, not idle for too long, and silent.

        What the system has sent since the last answer may still wait in the kernel.
        It would pass for the answer to the next request, so it is looked for here.
        """
        if self._transport is None:
            return False
        if self._loop.time() >= self._idle_until or self._poll.poll(0):
            self.abort()
            return False
        return True

    @property
    def was_stale(self) -> bool:
        """Whether it had answered before, and gave not one byte to the last request."""
        return self._answers > 0 and self.bytes_received == self._received_before

    @property
    def is_open(self) -> bool:
        """Whether it may be used; False from the first doubt on."""
        return self._transport is not None

    def abort(self, why: str = "the gateway closed the connection") -> None:
        """Close at once; what has not been sent is dropped. Safe to call twice."""
        self._give_up(UnansweredError(Reason.CUT_OFF, why))

    # Called by the loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be open."""
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self._rest()

    def data_received(self, data: bytes) -> None:
        """Read on; bytes that nobody waits for end the connection."""
        self.bytes_received += len(data)
        if self._pending is None or self._pending.done():
            self.abort()
            return
        try:
            answer = self._reader.feed(data)
            if answer is not None:
                self._finish(self._pending, answer)
        except UnansweredError as error:
            self._give_up(error)

    def eof_received(self) -> None:
        """Take the end of the stream for the end of an answer that has no other."""
        if self._pending is not None and not self._pending.done():
            answer = self._reader.end()
            if answer is not None:
                self._finish(self._pending, answer)
        self.abort("the stream ended")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self.abort(repr(exc))
        self._on_lost(self)

    # What follows an answer, or its absence.

    def _finish(self, pending: asyncio.Future[Response], answer: Response) -> None:
        """Hand the answer over, and rest if nothing speaks against it."""
        self._pending = None
        self._answers += 1
        on_end, self._on_end = self._on_end, None
        if (
            self._reader.may_reuse
            and self._transport is not None
            # A system that answers before it has the whole request may still read it.
            and not self._transport.get_write_buffer_size()
        ):
            self._rest()
        else:
            self.abort()
        if on_end is not None:
            on_end(self)
        pending.set_result(answer)

    def _give_up(self, error: UnansweredError) -> None:
        pending, self._pending = self._pending, None
        on_end, self._on_end = self._on_end, None
        if pending is not None and not pending.done():
            pending.set_exception(error)
            # Whoever began it may have left; then nobody is to be told.
            pending.exception()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if on_end is not None:
            on_end(self)

    # Time.

    def _rest(self) -> None:
        """Be idle, for as long as the wire and the server allow."""
        idle_s = self._limits.max_idle_s
        if self._reader.idle_s is not None:
            idle_s = min(idle_s, self._reader.idle_s)
        self._idle_until = until = self._loop.time() + idle_s
        if self._alarm is None or self._alarm_at > until:
            self._wake_within(idle_s)

    def _wake_within(self, delay_s: float) -> None:
        """Set the alarm, which rings later if at all."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(max(delay_s, MIN_SLEEP_S), self._ring)
        self._alarm_at = self._alarm.when()

    def _ring(self) -> None:
        """Look at what is due."""
        self._alarm = None
        is_waiting = self._pending is not None
        now = self._loop.time()
        left_s = self._deadline.remaining_s if is_waiting else self._idle_until - now
        if left_s > 0:
            self._wake_within(left_s)
        elif is_waiting:
            self._give_up(UnansweredError(Reason.TIMEOUT, "no whole answer by the deadline"))
        else:
            self.abort("idle for too long")
