"""How the server stops: nobody who was let in is left without an answer.

    told to stop    the gateway calls itself unready, and is alive; every answer is
                    the last one of its connection
    drain_delay_s   whoever sends the callers has noticed
    then            nobody is let in any more; what was asked is answered
    grace_s         who still waits is told to try again

Told a second time, it stops at once. The server ends as it would otherwise: what
was started around it is stopped afterwards, in order.
"""

import asyncio
import math
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final, cast

import structlog
import uvicorn

from gateway.connection_guard import ConnectionGuard
from gateway.guarded_connection import GuardedProtocol

LAST_CALL_S: Final = 0.1
"""How long a connection that rests may still begin a request: one may be on its way."""
PARTING_S: Final = 0.2
"""How long an application may take to notice that nobody waits for it."""
LOOK_S: Final = 0.02

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DrainTimes:
    """How long to wait for whom.

    Attributes:
        drain_delay_s: For callers to be sent elsewhere, before nobody is let in.
        grace_s: For what is being answered, afterwards.
    """

    drain_delay_s: float
    grace_s: float


class DrainingServer(uvicorn.Server):
    """uvicorn's server, with an end of its own.

    Args:
        guard: Of the connections.
        on_ready: Called once questions are answered.
        on_stop: Called once it is told to stop.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        guard: ConnectionGuard,
        times: DrainTimes,
        *,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._guard = guard
        self._times = times
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take a signal as a wish to stop, and do not send it to the process again."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's shape
        """Begin to stop; told again, stop at once."""
        if self._guard.is_draining:
            _log.info("stopping_at_once", signal=signal.Signals(sig).name)
            self.force_exit = self.should_exit = True
            return
        _log.info("stopping", signal=signal.Signals(sig).name)
        self._guard.is_draining = True
        self._on_stop()
        for connection in self._connections():
            connection.drain()
        if self._times.drain_delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self._times.drain_delay_s, self._stop_serving)
        else:
            self._stop_serving()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in, answer who is in, and end."""
        self._guard.is_draining = True
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        await self._until_gone(LAST_CALL_S)
        for connection in self._connections():
            connection.shutdown()
        await self._until_gone(self._times.grace_s)
        for connection in self._connections():
            connection.end()
        await self._until_gone(PARTING_S)
        for connection in self._connections():
            connection.cut()
        tasks = tuple(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=PARTING_S)
        self._guard.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.lifespan.shutdown(), PARTING_S if self.force_exit else None)

    def _stop_serving(self) -> None:
        self.should_exit = True

    async def _until_gone(self, seconds: float) -> None:
        """Wait until no connection is open and no answer is being made, or time is over."""
        for _ in range(math.ceil(seconds / LOOK_S)):
            state = self.server_state
            if self.force_exit or not (state.connections or state.tasks):
                return
            await asyncio.sleep(LOOK_S)

    def _connections(self) -> list[GuardedProtocol]:
        return cast("list[GuardedProtocol]", list(self.server_state.connections))
