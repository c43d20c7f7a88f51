"""One caller who asks more than it may, in a process of its own, so that it disturbs no watch.

    python -m tests.security.flood '{"port": 8000, "key": "olg_live_…", "body": "{…}", …}'

It says `going` once it asks, and in the end how often it got each status.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any, Final

from tests.security.edge_kit import connection, question, read_reply

CONNECTIONS: Final = 16


async def flood(*, port: int, key: str, body: str, per_s: int, seconds: float) -> Counter[int]:
    """Ask at a steady rate for some time; gives the statuses."""
    seen: Counter[int] = Counter()
    asked = question(key, body.encode())
    until = time.monotonic() + seconds

    async def ask() -> None:
        async with connection(port) as (reader, writer):
            due = time.monotonic()
            while due < until:
                writer.write(asked)
                seen[(await read_reply(reader)).status] += 1
                due += CONNECTIONS / per_s
                await asyncio.sleep(max(due - time.monotonic(), 0))

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return seen


def _main(options: dict[str, Any]) -> None:
    print("going", flush=True)  # noqa: T201 - what the test waits for
    print(json.dumps(asyncio.run(flood(**options))), flush=True)  # noqa: T201 - the result


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
