"""What an answer means: from a status and a body to the error a caller is told.

Each dialect knows how its system says "too often"; everything else is the same for
all. A caller learns the system and a reason; what the system sent goes to the log,
cut short.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from backends.reasons import Reason
from backends.transport import (
    BackendError,
    BackendInvalidAnswerError,
    BackendUnavailableError,
    Response,
)

MAX_SHOWN_CHARS: Final = 200

_MEANINGS: Final[Mapping[Reason, tuple[str, bool]]] = MappingProxyType(
    {
        Reason.TIMEOUT: ("The system `{system}` did not answer in time.", True),
        Reason.STATUS: ("The system `{system}` failed.", True),
        Reason.THROTTLED: ("The system `{system}` is asked too often.", True),
        Reason.REFUSED: ("The system `{system}` refused the question.", False),
        Reason.REDIRECT: ("The system `{system}` points elsewhere, which is not followed.", False),
    }
)
"""What a caller is told, and whether the same question may be answered later."""


def unusable(system: str, response: Response, *, is_throttled: bool = False) -> BackendError:
    """Name what an answer other than 200 means.

    Args:
        system: Configured name of the system.
        response: What came.
        is_throttled: Whether this is how the system says that it is asked too often.
    """
    said = response.body[: 4 * MAX_SHOWN_CHARS].decode(errors="replace")
    detail = f"status {response.status}: {said}"
    if is_throttled:
        return unavailable(system, Reason.THROTTLED, detail)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unavailable(system, Reason.STATUS, detail)
    if response.status >= HTTPStatus.BAD_REQUEST:
        return unavailable(system, Reason.REFUSED, detail)
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        return unavailable(system, Reason.REDIRECT, detail)
    return invalid(system, detail)


def unavailable(system: str, reason: Reason, detail: str) -> BackendUnavailableError:
    """Say why no usable answer came."""
    sentence, retriable = _MEANINGS[reason]
    return BackendUnavailableError(
        sentence.format(system=system),
        system=system,
        reason=reason,
        retriable=retriable,
        detail=shown(detail),
    )


def invalid(
    system: str, detail: str, reason: Reason = Reason.MALFORMED
) -> BackendInvalidAnswerError:
    """Say that an answer came, and is not what the system's contract says."""
    return BackendInvalidAnswerError(
        f"The system `{system}` sent an answer that is not as its contract says.",
        system=system,
        reason=reason,
        retriable=False,
        detail=shown(detail),
    )


def shown(text: str) -> str:
    """Give the beginning of a text for the log, without what cannot be printed."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_SHOWN_CHARS])
