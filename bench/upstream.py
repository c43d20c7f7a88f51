"""The systems behind every server of a run: a process that only sends bytes.

One port for each system. The number of the order is found in the question, and the
answer recorded for its size is sent with that number in it. Nothing is parsed and
nothing is worked out, so that the upstream is not what is measured. `GET /_calls` tells
how many questions each port was asked since it was last told.
"""

import asyncio
import os
import re
import sys
from email.utils import formatdate
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from bench.questions import number

BEGIN: Final = b"HTTP/1.1 200 OK\r\nserver: upstream\r\ndate: %b\r\n"
HEAD: Final = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n"
_NUMBER: Final = re.compile(rb"B([123])\d{4}")
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Bodies:
    """Answers by system and size, made for an order when it is first asked for."""

    def __init__(self, recorded: dict[str, dict[str, bytes]]) -> None:
        self._recorded = recorded
        self._made: dict[tuple[str, bytes], bytes] = {}
        self.calls: dict[str, int] = {}
        self.tell_time()

    def tell_time(self) -> None:
        """Begin answers with the second that it is now, until the next."""
        self.begin = BEGIN % formatdate(usegmt=True).encode("ascii")
        asyncio.get_running_loop().call_later(1, self.tell_time)

    def answer(self, system: str, question: bytes) -> bytes:
        """Give what follows the beginning of every answer: the rest of its head, and its body."""
        if question.startswith(b"GET /_calls"):
            calls, self.calls = self.calls, {}
            return _with_head(msgspec.json.encode(calls))
        self.calls[system] = self.calls.get(system, 0) + 1
        if b"/Products" in question[:64]:
            return self._make("items", b"B10000")
        found = _NUMBER.search(question)
        return self._make(system, b"B10000" if found is None else found.group())

    def _make(self, system: str, order: bytes) -> bytes:
        key = (system, order)
        made = self._made.get(key)
        if made is None:
            digit = chr(order[1])
            body = self._recorded[digit][system].replace(number(digit, 0).encode(), order)
            made = self._made[key] = _with_head(body)
        return made


class Connection(asyncio.Protocol):
    """One connection; questions are answered in their order."""

    def __init__(self, system: str, bodies: Bodies) -> None:
        self._system = system
        self._bodies = bodies
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # of TCP

    def data_received(self, data: bytes) -> None:
        """Answer every question that is complete."""
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._rest, 0, end)
            end += 4 + (int(length[1]) if length else 0)
            if len(self._rest) < end:
                return
            question, self._rest = self._rest[:end], self._rest[end:]
            answer = self._bodies.answer(self._system, question)
            self._transport.writelines((self._bodies.begin, answer))


def _with_head(body: bytes) -> bytes:
    return HEAD % len(body) + body


async def _serve(ports: dict[str, int], recorded: dict[str, dict[str, bytes]]) -> None:
    loop, bodies = asyncio.get_running_loop(), Bodies(recorded)
    for system, port in ports.items():
        await loop.create_server(
            lambda system=system: Connection(system, bodies),  # type: ignore[misc] # its own one
            "127.0.0.1",
            port,
        )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Serve what a file holds, on the ports it names, until ended."""
    os.sched_setaffinity(0, {int(sys.argv[2])})
    told = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes())
    uvloop.run(_serve(told["ports"], told["bodies"]))


if __name__ == "__main__":
    main()
