"""What a connection is told before it is closed: a refusal, whole, and a line in the log."""

from collections.abc import Collection, Iterable
from http import HTTPStatus

import structlog

from gateway.answers import CLOSE, Header, fold_headers, problem_answer
from gateway.correlation import HEADER, correlation_id_of

_log = structlog.get_logger()


def last_words(
    code: str,
    message: str,
    *headers: Header,
    sent: Collection[Header],
    common: Iterable[Header],
) -> bytes:
    """Write the refusal of a request.

    Args:
        code: Decides the status.
        message: What is wrong.
        headers: What this refusal has besides.
        sent: The headers of the request, as far as they came.
        common: The headers every answer of the server has.
    """
    correlation_id = correlation_id_of(fold_headers(sent).get(HEADER))
    answer = problem_answer(code, message, correlation_id=correlation_id, headers=(CLOSE, *headers))
    status = HTTPStatus(answer.status)
    _log.info(
        "connection_refused",
        correlation_id=correlation_id,
        code=code,
        status=status.value,
        reason=message,
    )
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}".encode("ascii"),
        *(b": ".join(header) for header in (*common, *answer.all_headers(correlation_id))),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + answer.body
