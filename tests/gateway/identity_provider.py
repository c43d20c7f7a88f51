"""An identity provider on a loopback socket: it describes itself, and answers as told."""

import asyncio
import json
from dataclasses import dataclass, field

from tests.backends.loopback import Loopback, Peer, answer

DISCOVERY = "/realm/.well-known/openid-configuration"
KEYS = "/keys"
SET = b'{"keys": []}'


@dataclass
class Stub:
    """A provider that answers each path with given pieces; `None` is silence."""

    answers: dict[str, tuple[bytes, ...] | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    pause_s: float = 0.0

    async def script(self, peer: Peer) -> None:
        """Answer requests for as long as they come."""
        while (request := await peer.request()) is not None:
            path = request.split(b" ")[1].decode()
            self.asked.append(path)
            pieces = self.answers.get(path, (answer(b"", status=b"404 Not Found"),))
            if pieces is None:
                await asyncio.sleep(60)
            else:
                await peer.send(*pieces, pause_s=self.pause_s)

    def describe(self, server: Loopback, **changes: object) -> str:
        """Describe the provider at its address, and give its issuer."""
        issuer = f"{server.origin}/realm"
        metadata = {"issuer": issuer, "jwks_uri": server.origin + KEYS, "x": [1], **changes}
        self.answers[DISCOVERY] = (answer(json.dumps(metadata).encode()),)
        self.answers.setdefault(KEYS, (answer(SET),))
        return issuer
