"""From what was executed to the bytes of a JSON answer.

Errors stand before the data, so that whoever reads the answer sees them first.

Source: GraphQL specification, section 7.1 (Response Format).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


def encode(
    data: bytes | None,
    errors: Sequence[Mapping[str, Any]] = (),
    extensions: bytes = b"",
) -> bytes:
    """Encode the answer to an operation that was executed.

    Args:
        data: As JSON; None where a root field that may not be null failed.
        errors: As they are shown.
        extensions: What is told beside the data, as JSON; empty for nothing.
    """
    told = b"null" if data is None else data
    # One copy of the data, which may be long.
    head = (b'{"errors":', _encode(errors), b',"data":') if errors else (b'{"data":',)
    tail = (b',"extensions":', extensions, b"}") if extensions else (b"}",)
    return b"".join((*head, told, *tail))
