"""What the gateway tells its operator: one JSON line per event, and nothing secret.

The line of a request is encoded by msgspec, from fields the gateway made or
checked itself. Every other event goes through structlog and is written as ASCII,
so that no text of a caller or of a system can start a line or steer a terminal.
Headers, variables and query text have no field to stand in.
"""

import asyncio
import json
import logging
import os
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, NoReturn, TypeAlias

import msgspec
import structlog

from orderlines.errors import GatewayError

FLUSH_AFTER_S: Final = 0.2
FLUSH_LINES: Final = 256
MAX_LINE_BYTES: Final = 8_192

# Text is kept whole if the line stays short enough, else less and less of it.
_TEXT_CHARS: Final = (4_000, 1_000, 200)
_KEY: Final = re.compile(r"olg_\w+")

Now: TypeAlias = Callable[[], datetime]


utc_now: Final[Now] = partial(datetime.now, UTC)
"""Tells the time, aware and in UTC."""


class LogFileError(GatewayError):
    """The log cannot be written where the settings want it."""

    code: ClassVar[str] = "BAD_SETTINGS"


class RequestLine(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The one line a GraphQL request leaves in the log.

    Attributes:
        ts: When the answer was ready.
        duration_ms: From the call of the route until then.
        principal: Id of the caller; absent while unknown.
        operation_name: As the document defines it, never as the caller sent it.
        document_hash: First 12 hex digits of the document's SHA-256.
        error_codes: The codes in the answer, each once.
        calls: Number of calls to each system.
    """

    ts: datetime
    level: str
    event: str
    correlation_id: str
    status: int
    duration_ms: float
    bytes_out: int
    principal: str | None = None
    operation_name: str | None = None
    operation_type: str | None = None
    document_hash: str | None = None
    error_codes: tuple[str, ...] = ()
    calls: Mapping[str, int] | None = None
    cost: int | None = None


class LineWriter:
    """Writes lines in batches: at most 200 ms or some hundred lines late.

    A line is text at once, in one buffer: its parts, if they waited for their batch, would
    hold places in memory between those that the next requests use over and over.

    A write that fails loses the lines it held, never the request they are about;
    the next one that succeeds says how many are missing.

    Args:
        fd: An open file descriptor. It stays the caller's to close.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._encode_into = msgspec.json.Encoder().encode_into
        self._text = bytearray()
        self._lines = self._lost = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, line: "bytes | RequestLine", *, at_once: bool = False) -> None:
        """Take one line, without its end."""
        text = self._text
        if isinstance(line, bytes):
            text += line
        else:
            self._encode_into(line, text, -1)
        text += b"\n"
        self._lines = lines = self._lines + 1
        if at_once or lines >= FLUSH_LINES:
            self.flush()
        elif self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER_S, self.flush)
            except RuntimeError:  # no loop runs, so nobody would come back to flush
                self.flush()

    def flush(self) -> None:
        """Write what was collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._lines:
            return
        text, lines = bytes(self._text), self._lines
        self._text.clear()
        self._lines = 0
        if self._lost:
            note = render({"level": "error", "event": "lines_lost", "count": self._lost})
            # The write that failed may have stopped within a line.
            text = b"\n%b\n%b" % (note, text)
        left = memoryview(text)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            self._lost += lines
        else:
            self._lost = 0


class RequestLog:
    """Writes the line of each request; one that went wrong is not kept waiting."""

    def __init__(self, writer: LineWriter, *, level: str = "info") -> None:
        self._writer = writer
        self._wants_all = _number(level) <= logging.INFO

    def write(self, line: RequestLine) -> None:
        """Write one line, unless its level is not wanted."""
        is_wrong = line.level == "error"
        if is_wrong or self._wants_all:
            self._writer.write(line, at_once=is_wrong)

    def flush(self) -> None:
        """Write what is waiting."""
        self._writer.flush()


@contextmanager
def open_telemetry(level: str = "info", path: Path | None = None) -> Iterator[RequestLog]:
    """Lead the log of this process to a file, or to standard error, until closed.

    Structlog's loggers and those of the standard library end here alike.

    Args:
        level: The least level that is written: debug, info, warning or error.
        path: The file, appended to; None for standard error.

    Raises:
        LogFileError: The file cannot be opened.
    """
    fd = _open(path)
    writer = LineWriter(fd)
    handler = _StandardHandler(writer)
    root = logging.getLogger()
    level_before = root.level
    root.addHandler(handler)
    root.setLevel(_number(level))
    structlog.configure(
        processors=[structlog.processors.add_log_level, _Sink(writer)],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
    )
    try:
        yield RequestLog(writer, level=level)
    finally:
        structlog.reset_defaults()
        root.setLevel(level_before)
        root.removeHandler(handler)
        writer.flush()
        os.close(fd)


def _open(path: Path | None) -> int:
    if path is None:
        return os.dup(2)
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        msg = f"The log file {path} cannot be written: {error.strerror}."
        raise LogFileError(msg) from error


def render(event: Mapping[str, object], *, now: Now = utc_now) -> bytes:
    """Write an event as one line of ASCII JSON, at most `MAX_LINE_BYTES` long."""
    entry: dict[str, object] = {"ts": now().isoformat(timespec="milliseconds")[:-6] + "Z", **event}
    error = entry.pop("exc_info", None)
    if isinstance(error, BaseException):
        entry["exception"] = "".join(traceback.format_exception(error))
    for max_chars in _TEXT_CHARS:
        line = _dump({name: _clip(value, max_chars) for name, value in entry.items()})
        if len(line) <= MAX_LINE_BYTES:
            return line
    kept = ("ts", "level", "logger", "event", "correlation_id", "code")
    return _dump({name: _clip(str(entry[name]), 200) for name in kept if name in entry})


def _clip(value: object, max_chars: int) -> object:
    """Keep the end of a long text: a traceback ends with what happened."""
    if isinstance(value, str) and len(value) > max_chars:
        return "…" + value[-max_chars:]
    return value


def _dump(entry: Mapping[str, object]) -> bytes:
    text = json.dumps(entry, ensure_ascii=True, separators=(",", ":"), default=repr)
    return _KEY.sub("olg_***", text).encode("ascii")


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


class _Sink:
    """Structlog's last step."""

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer

    def __call__(
        self, _logger: object, method: str, event: MutableMapping[str, object]
    ) -> NoReturn:
        ordered = {"level": event.pop("level"), "event": event.pop("event"), **event}
        self._writer.write(render(ordered), at_once=_number(method) >= logging.WARNING)
        raise structlog.DropEvent


class _StandardHandler(logging.Handler):
    """The same for the standard library's loggers."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer
        # A server's access log has whole URLs in it, and callers put keys in URLs.
        self.addFilter(lambda record: record.name != "uvicorn.access")

    def emit(self, record: logging.LogRecord) -> None:
        event: dict[str, object] = {
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info:
            event["exc_info"] = record.exc_info[1]
        self._writer.write(render(event), at_once=record.levelno >= logging.WARNING)
