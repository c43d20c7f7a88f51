"""The least an answer can cost under this server: read the body, send the same bytes."""

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.cli.server import listen, run, serve_until_told


class Constant:
    """A raw ASGI application."""

    def __init__(self, body: bytes) -> None:
        self._start = {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
            ],
        }
        self._body = {"type": "http.response.body", "body": body}

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer, whatever was asked."""
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body"):
            pass
        await send(self._start)
        await send(self._body)


def main() -> None:
    """Serve: `python -m bench.peers.constant PORT CORE FILE`."""
    port, core, file = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    with closing(listen("127.0.0.1", int(port))) as listener:
        application = Constant(Path(file).read_bytes())
        run(
            serve_until_told(
                application,
                listener,
                deadline_s=10,
                on_ready=lambda: print("ready", flush=True),
            )
        )


if __name__ == "__main__":
    main()
