"""The id that ties an answer to its log lines and to the calls behind it.

A caller may bring its own, if it is harmless; every answer carries one.
"""

import os
import re
from collections.abc import Callable
from typing import Final, TypeAlias

HEADER: Final = b"x-correlation-id"

_HARMLESS: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")

MakeId: TypeAlias = Callable[[], str]


def new_correlation_id() -> str:
    """Make an id that nobody can guess or repeat: 96 random bits."""
    return os.urandom(12).hex()


def correlation_id_of(sent: bytes | None, new_id: MakeId = new_correlation_id) -> str:
    """Take over what the caller sent under `x-correlation-id`, or make an id."""
    if sent is not None and _HARMLESS.fullmatch(sent):
        return sent.decode("ascii")
    return new_id()
