"""Telemetry: one JSON line per event, in batches, with nothing secret in it."""

import asyncio
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway import telemetry
from gateway.telemetry import LineWriter, RequestLine, open_telemetry, render

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


def line(level: str = "info", **fields: Any) -> RequestLine:  # noqa: ANN401 - any field of the line
    """Make the line of a request."""
    given: dict[str, Any] = {
        "ts": NOON,
        "level": level,
        "event": "request",
        "correlation_id": "c-12345678",
        "status": 200,
        "duration_ms": 1.5,
        "bytes_out": 42,
    }
    return RequestLine(**(given | fields))


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Read a log: every line must be JSON by itself."""
    return [json.loads(text) for text in path.read_bytes().splitlines()]


def test_a_request_leaves_one_line(tmp_path: Path) -> None:
    """What an operator needs to find and count it, and no member that is empty."""
    with open_telemetry("info", tmp_path / "log") as log:
        log.write(line())
        log.write(
            line(
                principal="key:ab12",
                operation_name="Lines",
                operation_type="query",
                document_hash="0123456789ab",
                error_codes=("BACKEND_UNAVAILABLE",),
                calls={"erp": 1},
            )
        )

    assert (tmp_path / "log").read_text() == (
        '{"ts":"2026-11-20T12:00:00.250000Z","level":"info","event":"request",'
        '"correlation_id":"c-12345678","status":200,"duration_ms":1.5,"bytes_out":42}\n'
        '{"ts":"2026-11-20T12:00:00.250000Z","level":"info","event":"request",'
        '"correlation_id":"c-12345678","status":200,"duration_ms":1.5,"bytes_out":42,'
        '"principal":"key:ab12","operation_name":"Lines","operation_type":"query",'
        '"document_hash":"0123456789ab","error_codes":["BACKEND_UNAVAILABLE"],"calls":{"erp":1}}\n'
    )


def test_the_log_may_be_read_by_its_owner_and_group_only(tmp_path: Path) -> None:
    """It holds no secrets, and tells enough about customers all the same."""
    with open_telemetry("info", tmp_path / "log"):
        mode = (tmp_path / "log").stat().st_mode & 0o777

    assert mode & 0o027 == 0


async def test_lines_are_written_together_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write for many requests: the disk is not on the path of any of them."""
    monkeypatch.setattr(telemetry, "FLUSH_AFTER_S", 0.01)
    path = tmp_path / "log"
    with open_telemetry("info", path) as log:
        log.write(line())
        log.write(line())
        at_first = lines_of(path)
        await asyncio.sleep(0.05)
        later = lines_of(path)
        log.write(line())

    assert (at_first, len(later), len(lines_of(path))) == ([], 2, 3)


async def test_a_full_buffer_is_written_at_once(tmp_path: Path) -> None:
    """Memory is bounded by some lines, not by the clock."""
    path = tmp_path / "log"
    with open_telemetry("info", path) as log:
        for _ in range(600):
            log.write(line())
        written = len(lines_of(path))

    assert written == 600 // telemetry.FLUSH_LINES * telemetry.FLUSH_LINES > 0
    assert len(lines_of(path)) == 600


async def test_what_went_wrong_does_not_wait(tmp_path: Path) -> None:
    """An error, a warning, and everything before it, are there at once."""
    path = tmp_path / "log"
    with open_telemetry("info", path) as log:
        log.write(line())
        log.write(line("error"))
        after_error = len(lines_of(path))
        structlog.get_logger().info("calm")
        structlog.get_logger().warning("storm")
        after_warning = len(lines_of(path))

    assert (after_error, after_warning) == (2, 4)


def test_only_the_wanted_levels_are_written(tmp_path: Path) -> None:
    """At `error`, the many good requests are silent and the bad ones are not."""
    path = tmp_path / "log"
    with open_telemetry("error", path) as log:
        log.write(line())
        log.write(line("error"))
        structlog.get_logger().warning("no")
        logging.getLogger("somebody.else").error("yes")

    assert [entry["level"] for entry in lines_of(path)] == ["error", "error"]


def test_foreign_loggers_end_in_the_same_file(tmp_path: Path) -> None:
    """The server and the libraries speak through the standard library."""
    path = tmp_path / "log"
    with open_telemetry("info", path):
        try:
            raise ValueError("boom")  # noqa: EM101, TRY301 - a library's error
        except ValueError:
            logging.getLogger("uvicorn.error").exception("it %s", "failed")
    entry = lines_of(path)[0]

    assert (entry["level"], entry["event"], entry["logger"]) == (
        "error",
        "it failed",
        "uvicorn.error",
    )
    assert entry["exception"].endswith("ValueError: boom\n")


def test_the_servers_own_access_log_is_never_written(tmp_path: Path) -> None:
    """K-6: it has the URL in it, and somebody's key in the URL."""
    path = tmp_path / "log"
    with open_telemetry("debug", path):
        logging.getLogger("uvicorn.access").error("GET /graphql?access_token=hunter2")

    assert path.read_bytes() == b""


def test_nothing_is_left_behind_when_it_is_closed(tmp_path: Path) -> None:
    """An application that starts twice in one process logs once."""
    before = (list(logging.getLogger().handlers), logging.getLogger().level)
    with open_telemetry("debug", tmp_path / "log"):
        pass

    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before
    assert not structlog.is_configured()


@pytest.mark.parametrize(
    "hostile",
    [
        'x\r\n{"level":"info","event":"forged"}',
        "\x1b[2J\x1b]0;owned\x07",
        "\x9b31m",
        "\u2028\u2029\x85\x7f",
        '"},{"event":"forged',
        "\ud800",
        "x" * 1_000_000,
        "😀" * 100_000,
    ],
)
def test_no_text_can_start_a_line_or_steer_a_terminal(hostile: str) -> None:
    """LOG-2: one line of printable ASCII, at most 8 KiB, whatever is in it."""
    written = render({"level": "info", "event": "said", "detail": hostile, "more": [hostile]})

    assert len(written) <= telemetry.MAX_LINE_BYTES
    assert written.isascii()
    assert written.decode().isprintable()
    assert json.loads(written)["event"] == "said"


def test_the_end_of_a_long_text_is_what_is_kept() -> None:
    """A traceback says what happened in its last line."""
    entry = json.loads(render({"event": "failed", "detail": "a" * 20_000 + "the reason"}))

    assert entry["detail"].endswith("the reason")


def test_a_key_that_got_into_a_message_is_hidden() -> None:
    """LOG-1: the last line of defence; no code should need it."""
    key = "olg_live_0123456789_ABCDEFGHIJabcdefghijABCDEFGHIJabcdef"
    written = render({"event": f"bad header: Bearer {key}", "detail": [key]}).decode()

    assert "ABCDEFGHIJ" not in written
    assert written.count("olg_***") == 2


def test_a_log_that_cannot_be_written_loses_lines_and_says_so(tmp_path: Path) -> None:
    """A full disk costs the log, never an answer; the gap is visible afterwards."""
    broken = os.open(tmp_path / "log", os.O_RDONLY | os.O_CREAT)
    target = os.open(tmp_path / "log", os.O_WRONLY | os.O_APPEND)
    writer = LineWriter(broken)
    writer.write(b'{"event":"one"}')
    writer.write(b'{"event":"two"}')
    os.dup2(target, broken)
    writer.write(b'{"event":"three"}')
    os.close(broken)
    os.close(target)
    entries = [json.loads(text) for text in (tmp_path / "log").read_bytes().split()]

    assert [entry["event"] for entry in entries] == ["lines_lost", "three"]
    assert entries[0]["count"] == 2
