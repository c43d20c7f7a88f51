"""All connections of one server, watched together.

Nothing here is counted in timers: all connections share a few, see `gateway.waiting`, and
a request that comes in one piece starts none.
"""

import asyncio
from functools import partial
from typing import Any, cast

from gateway.connection_limits import ConnectionLimits
from gateway.ending_connection import EndingProtocol
from gateway.guarded_connection import GuardedProtocol
from gateway.waiting import Waiting
from gateway.whole_answer import WholeAnswers


class ConnectionGuard:
    """Watches every connection of one server.

    Attributes:
        is_draining: Whether each answer asks its caller to come back elsewhere.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.is_draining = False
        self.waiting_bytes = 0
        self.whole = WholeAnswers()
        self.heads = Waiting(limits.head_s, GuardedProtocol.on_late_head)
        self.bodies = Waiting(limits.body_look_s, GuardedProtocol.on_body_due)
        self.unread = Waiting(limits.unread_s, GuardedProtocol.on_unread_due)
        # Often enough, and at no cost to a request: who rests too long, and whose last
        # answer waits in so few bytes that the transport tells nobody.
        self.rounds = Waiting(min(limits.unread_s, limits.rest_s) / 2, GuardedProtocol.on_round)
        self.parting = Waiting(limits.parting_s, GuardedProtocol.on_parted)

    @property
    def protocol(self) -> type[asyncio.Protocol]:
        """What uvicorn makes of each connection; it calls it as it would a class."""
        return cast("type[asyncio.Protocol]", partial(GuardedProtocol, self))

    def forget(self, connection: EndingProtocol) -> None:
        """Watch a connection no longer."""
        for waiting in self._all():
            waiting.stop(connection)

    def close(self) -> None:
        """Watch nothing any longer."""
        for waiting in self._all():
            waiting.close()

    def _all(self) -> tuple[Waiting[Any], ...]:  # Any: of connections, by what they tell of
        return (self.heads, self.bodies, self.unread, self.rounds, self.parting)
