"""From what was executed to the bytes of a JSON answer.

Errors stand before the data, so that whoever reads the answer sees them first.

Source: GraphQL specification, section 7.1 (Response Format).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


def encode(data: bytes | None, errors: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """Encode the answer to an operation that was executed.

    Args:
        data: As JSON; None where a root field that may not be null failed.
        errors: As they are shown.
    """
    told = b"null" if data is None else data
    # One copy of the data, which may be long.
    if errors:
        return b"".join((b'{"errors":', _encode(errors), b',"data":', told, b"}"))
    return b"".join((b'{"data":', told, b"}"))
