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

_DRAWN: Final = re.compile(f"[0-9a-f]{{{2 * ID_BYTES}}}")
_HARMLESS: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")

MakeId: TypeAlias = Callable[[], str]


# Ids that were not given yet, made many at a time: asking the system costs more than an id.
_ready: Final[list[str]] = []
# Another process must not have them too.
os.register_at_fork(after_in_child=_ready.clear)


def new_correlation_id() -> str:
    """Make an id that nobody can guess or repeat: 96 random bits."""
    if not _ready:
        _ready.extend(_DRAWN.findall(os.urandom(ID_BYTES * AT_ONCE).hex()))
    return _ready.pop()


def correlation_id_of(sent: bytes | None, new_id: MakeId = new_correlation_id) -> str:
    """Take over what the caller sent under `x-correlation-id`, or make an id."""
    if sent is not None and _HARMLESS.fullmatch(sent):
        return sent.decode("ascii")
    return new_id()
