"""An answer that is there as a whole, written as a whole.

ASGI has an answer sent in two messages, and the server writes each by itself: two calls
of the system, of which the first wakes a caller for a head without a body. A server that
can do better says so in the scope, under `WHOLE`, with a function that takes all of an
answer and writes it at once. Where that cannot be, it says so, and nothing has happened.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.answers import Header

WHOLE: Final = "orderline.write_whole"

_STATUS_LINES: Final = {
    one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode("ascii") for one in HTTPStatus
}


class WholeAnswers:
    """Writes the answers of one server."""

    def __init__(self) -> None:
        self._common: Sequence[Header] = ()
        self._common_lines = b""

    def write(
        self,
        cycle: RequestResponseCycle,
        common: Sequence[Header],
        answer: tuple[int, Sequence[Header], Sequence[bytes]],
    ) -> bool:
        """Write an answer, if it is a plain one and the caller is taking answers.

        Args:
            cycle: What is to be answered.
            common: The headers every answer of the server has.
            answer: Status, headers and the pieces of the body.
        """
        status, headers, pieces = answer
        lines = _lines(headers)
        if (
            cycle.response_started
            or cycle.disconnected
            or cycle.flow.write_paused
            or not cycle.keep_alive
            or b"connection: " in lines
            or cycle.scope["method"] == "HEAD"
            # A header that brings lines of its own is the server's to refuse.
            or not (lines.count(b"\n") == lines.count(b"\r") == len(headers))
        ):
            return False
        if common is not self._common:  # it is another list once a second
            self._common, self._common_lines = common, _lines(common)
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        head = b"".join((_STATUS_LINES[status], self._common_lines, lines, b"\r\n"))
        cycle.transport.writelines((head, *pieces))
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True


def _lines(headers: Sequence[Header]) -> bytes:
    return b"".join([part for name, value in headers for part in (name, b": ", value, b"\r\n")])
