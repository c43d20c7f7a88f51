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
) -> tuple[bytes, ...]:
    """Encode the answer to an operation that was executed, in pieces.

    The data may be long, and is not copied.

    Args:
        data: As JSON; None where a root field that may not be null failed.
        errors: As they are shown.
        extensions: What is told beside the data, as JSON; empty for nothing.
    """
    told = b"null" if data is None else data
    head = b'{"errors":%b,"data":' % _encode(errors) if errors else b'{"data":'
    return head, told, b',"extensions":%b}' % extensions if extensions else b"}"
