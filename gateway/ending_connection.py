"""How a connection that strangers hold ends: what it still owes, and who does not take it.

An answer must be taken as fast as others need its room; a caller who is told the last
words gets the time to read them. Whatever is still on its way is counted for all
connections together.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from gateway.connection_guard import ConnectionGuard

_log: Final = structlog.get_logger()


class EndingProtocol(HttpToolsProtocol):
    """One connection, as far as it is written to and ended.

    Args:
        guard: Watches over it.
    """

    def __init__(
        self,
        guard: "ConnectionGuard",
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._guard = guard
        self._limits = guard.limits
        self._is_deaf = False
        self._unread_bytes = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._guard.forget(self)
        self._count_unread(0)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to watch an answer that is not taken as fast as it is written."""
        super().pause_writing()
        guard = self._guard
        self._count_unread(self.transport.get_write_buffer_size())
        guard.unread.start(self, self.loop)
        while guard.waiting_bytes > self._limits.max_waiting_bytes:
            longest = guard.unread.first()
            if longest is None:
                break
            longest.give_up("the answers that wait are too many")

    def resume_writing(self) -> None:
        """Watch it no longer, unless it is the last one."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._guard.unread.stop(self)
            self._count_unread(0)

    def on_unread_due(self) -> None:
        """Give up an answer that is not being taken."""
        left = self.transport.get_write_buffer_size()
        limits = self._limits
        if left and self._unread_bytes - left < limits.min_taken_bytes_per_s * limits.unread_s:
            self.give_up("the answer was not taken")
        elif left:
            self._count_unread(left)
            self._guard.unread.start(self, self.loop)

    def on_parted(self) -> None:
        """Wait no longer for a caller to take its leave."""
        if self.transport.get_write_buffer_size():
            self._close()
        else:
            self.cut()

    def cut(self) -> None:
        """End the connection, whatever is still on its way."""
        self.transport.abort()

    def give_up(self, reason: str) -> None:
        """End the connection of a caller who does not take what it asked for."""
        _log.info("connection_dropped", reason=reason)
        self._guard.forget(self)
        self._count_unread(0)
        self._is_deaf = True
        # Not at once: the transport may be in the middle of a write.
        self.loop.call_soon(self.transport.abort)

    def _part(self, words: bytes) -> None:
        """Say the last words, and close the connection.

        More may be on its way to here. Were the connection cut at once, the other side
        would be told so before it has read them (RFC 9112, 9.6).
        """
        if self.transport.is_closing():
            return
        self._is_deaf = True
        if words:
            self.transport.write(words)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
            self._guard.parting.start(self, self.loop)
        else:
            self._close()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
            self._on_closing()

    def _on_closing(self) -> None:
        """Watch what is still to be taken; it would keep the connection for ever."""
        guard = self._guard
        left = self.transport.get_write_buffer_size()
        if left and self not in guard.unread:
            self._count_unread(left)
            guard.unread.start(self, self.loop)

    def _count_unread(self, size: int) -> None:
        self._guard.waiting_bytes += size - self._unread_bytes
        self._unread_bytes = size
