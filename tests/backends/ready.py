"""A transport that sends at once, as a wire with a resting connection does."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from backends.transport import Request, Response
from orderlines.deadline import Deadline
from tests.backends.kit import FakeTransport


@dataclass(slots=True)
class FakeSending:
    """A request on its way, whose answer is held back until it may come."""

    transport: "Ready"
    request: Request
    is_cancelled: bool = False

    def __await__(self) -> Generator[Any, None, Response]:
        """Wait until it may, and answer."""
        yield from self.transport.may_answer.wait().__await__()
        yield from asyncio.sleep(0).__await__()
        return self.transport.answer(self.request)

    def cancel(self) -> None:
        """Remember that nobody waits."""
        self.is_cancelled = True


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Ready(FakeTransport):
    """A transport that can do without a task.

    Attributes:
        is_busy: Whether no connection rests.
        may_answer: Whether what was sent at once is answered by now.
        sent: What was sent at once.
    """

    is_busy: bool = False
    may_answer: asyncio.Event = field(default_factory=_open)
    sent: list[FakeSending] = field(default_factory=list)

    def send_now(self, request: Request, deadline: Deadline) -> FakeSending | None:
        """Send at once, unless no connection rests."""
        if self.is_busy:
            return None
        self.requests.append(request)
        self.deadlines.append(deadline)
        self.sent.append(FakeSending(self, request))
        return self.sent[-1]
