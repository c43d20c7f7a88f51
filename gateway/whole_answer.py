"""A body and an answer that are there as a whole, taken and written as a whole.

ASGI has an answer sent in two messages, and the server writes each by itself: two calls
of the system, of which the first wakes a caller for a head without a body. A server that
can do better says so in the scope, under `WHOLE`, with a function that takes all of an
answer and writes it at once. Where that cannot be, it says so, and nothing has happened.

So it is with a body: most are there when they are asked for, and ASGI has them waited for
all the same. Under `BODY` stands a function that gives a body that is there.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.answers import Header

WHOLE: Final = "orderline.write_whole"
BODY: Final = "orderline.take_body"

_STATUS_LINES: Final = {
    one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode("ascii") for one in HTTPStatus
}


def take_body(cycle: RequestResponseCycle, max_bytes: int) -> bytes | None:
    """Take the body of a request, as the first message of ASGI would give it.

    None where it is not there yet, is larger, or where its caller left or is to be told
    something first; then ASGI's way is open.
    """
    body = cycle.body
    if (
        cycle.more_body
        or len(body) > max_bytes
        or cycle.disconnected
        or cycle.response_complete
        or cycle.waiting_for_100_continue
    ):
        return None
    if cycle.flow.read_paused:
        cycle.flow.resume_reading()
    cycle.message_event.clear()
    cycle.body = bytearray()
    return bytes(body)


class WholeAnswers:
    """Writes the answers of one server."""

    def __init__(self) -> None:
        self._common: Sequence[Header] = ()
        self._common_lines = b""

    def write(
        self,
        cycle: RequestResponseCycle,
        status: int,
        lines: bytes,
        pieces: Sequence[bytes],
    ) -> bool:
        """Write an answer, if it is a plain one and the caller is taking answers.

        Args:
            cycle: What is to be answered.
            status: Of the answer.
            lines: The headers it has besides those of every answer of the server, each with
                the end of its line; none speaks of the connection.
            pieces: Of the body.
        """
        if (
            cycle.response_started
            or cycle.disconnected
            or cycle.flow.write_paused
            or not cycle.keep_alive
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        common = cycle.default_headers
        if common is not self._common:  # it is another list once a second
            lines_of_all = [b"%b: %b\r\n" % header for header in common]
            self._common, self._common_lines = common, b"".join(lines_of_all)
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        head = b"".join((_STATUS_LINES[status], self._common_lines, lines, b"\r\n"))
        cycle.transport.writelines((head, *pieces))
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True
