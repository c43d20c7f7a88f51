"""The id that ties an answer to its log lines and to the calls behind it.

A caller may bring its own, if it is harmless; every answer carries one.
"""

import os
import re
from collections.abc import Callable
from typing import Final, TypeAlias

HEADER: Final = b"x-correlation-id"

ID_BYTES: Final = 12
AT_ONCE: Final = 256

_HARMLESS: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")

MakeId: TypeAlias = Callable[[], str]


class _Randomness:
    """Random bytes, taken from the system many at a time: asking it costs more than an id."""

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0

    def take(self) -> bytes:
        """Give bytes that were not given before."""
        if self._used == len(self._bytes):
            self._bytes, self._used = os.urandom(ID_BYTES * AT_ONCE), 0
        self._used += ID_BYTES
        return self._bytes[self._used - ID_BYTES : self._used]

    def forget(self) -> None:
        """Drop what another process has too."""
        self._bytes, self._used = b"", 0


_randomness: Final = _Randomness()
os.register_at_fork(after_in_child=_randomness.forget)


def new_correlation_id() -> str:
    """Make an id that nobody can guess or repeat: 96 random bits."""
    return _randomness.take().hex()


def correlation_id_of(sent: bytes | None, new_id: MakeId = new_correlation_id) -> str:
    """Take over what the caller sent under `x-correlation-id`, or make an id."""
    if sent is not None and _HARMLESS.fullmatch(sent):
        return sent.decode("ascii")
    return new_id()
