"""From what was executed to the bytes of a JSON answer, in one pass.

Errors stand before the data, so that whoever reads the answer sees them first.

Source: GraphQL specification, section 7.1 (Response Format).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


def encode(data: Mapping[str, Any] | None, errors: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """Encode the answer to an operation that was executed.

    Args:
        data: None where a root field that may not be null failed.
        errors: As they are shown.

    Raises:
        TypeError: A scalar of the schema gave something JSON has no word for.
    """
    return _encode({"errors": errors, "data": data} if errors else {"data": data})
