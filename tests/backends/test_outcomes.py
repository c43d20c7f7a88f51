"""What an answer means: the same words for every system, and none of its own."""

import pytest

from backends.outcomes import MAX_SHOWN_CHARS, shown, unusable
from backends.transport import BackendError, Response


@pytest.mark.parametrize(
    ("status", "is_throttled", "expected"),
    [
        (201, False, ("BACKEND_INVALID_ANSWER", "MALFORMED", False)),
        (204, False, ("BACKEND_INVALID_ANSWER", "MALFORMED", False)),
        (301, False, ("BACKEND_UNAVAILABLE", "REDIRECT", False)),
        (304, False, ("BACKEND_UNAVAILABLE", "REDIRECT", False)),
        (400, False, ("BACKEND_UNAVAILABLE", "REFUSED", False)),
        (403, False, ("BACKEND_UNAVAILABLE", "REFUSED", False)),
        (403, True, ("BACKEND_UNAVAILABLE", "THROTTLED", True)),
        (429, True, ("BACKEND_UNAVAILABLE", "THROTTLED", True)),
        (500, False, ("BACKEND_UNAVAILABLE", "STATUS", True)),
        (503, False, ("BACKEND_UNAVAILABLE", "STATUS", True)),
        (599, False, ("BACKEND_UNAVAILABLE", "STATUS", True)),
    ],
)
def test_a_status_becomes_one_of_few_reasons(
    status: int,
    is_throttled: bool,  # noqa: FBT001 - a column of the table
    expected: tuple[str, str, bool],
) -> None:
    """A caller can act on a reason; a status of somebody else's system says little."""
    error: BackendError = unusable("wms", Response(status, (), b"x"), is_throttled=is_throttled)

    assert (error.code, error.reason, error.retriable) == expected


@pytest.mark.parametrize("status", [204, 302, 403, 429, 500])
def test_what_the_system_sent_stays_in_the_log(status: int) -> None:
    """Bodies of errors hold hosts, paths and stack traces."""
    body = b"Traceback at db-7.internal:5432 password=hunter2"
    error = unusable("wms", Response(status, (), body))

    assert "`wms`" in error.message
    assert "db-7" not in f"{error.message} {error.facts}"
    assert error.detail == f"status {status}: {body.decode()}"


def test_the_log_is_shown_little_and_printable() -> None:
    """A body can be long, binary, or meant for a terminal."""
    assert shown("a\x1b[31m\r\nb\x00\u202eé") == "a [31m  b  é"
    assert shown("é" * 10_000) == "é" * MAX_SHOWN_CHARS
    assert unusable("wms", Response(500, (), b"\xff" * 10_000)).detail == (
        "status 500: " + "\ufffd" * (MAX_SHOWN_CHARS - len("status 500: "))
    )
