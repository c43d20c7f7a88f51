"""A request that is on its way over a connection that rested, and what it still may need."""

import asyncio
from collections.abc import Generator
from typing import Any, Protocol

import msgspec

from backends.answer import UnansweredError
from backends.connection import Connection
from backends.transport import Response
from orderlines.deadline import Deadline


class Resends(Protocol):
    """A wire, as far as a request that was sent needs it."""

    async def resend(
        self, error: UnansweredError, connection: Connection, data: bytes, deadline: Deadline
    ) -> Response:
        """Send once more what met a stale connection; anything else has failed."""
        ...


class Sent(msgspec.Struct, frozen=True):
    """A request that is on its way: awaiting it brings the answer, as `Wire.send` does."""

    wire: Resends
    data: bytes
    deadline: Deadline
    connection: Connection
    pending: asyncio.Future[Response]

    def __await__(self) -> Generator[Any, None, Response]:
        """Wait for the whole answer.

        Raises:
            BackendUnavailableError: No complete, well-formed answer came in time.
        """
        try:
            return (yield from self.pending)
        except UnansweredError as error:
            again = self.wire.resend(error, self.connection, self.data, self.deadline)
        except BaseException:
            self.connection.leave(self.pending)
            raise
        return (yield from again.__await__())

    def cancel(self) -> None:
        """Wait for nothing: the connection is closed."""
        self.connection.leave(self.pending)
