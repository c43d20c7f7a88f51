"""What an answer means: from a status and a body to the error a caller is told.

Each dialect knows how its system says "too often"; everything else is the same for
all. A caller learns the system and a reason; what the system sent goes to the log,
cut short.
"""

from http import HTTPStatus
from typing import Final

from backends.reasons import Reason
from backends.transport import BackendInvalidAnswerError, BackendUnavailableError, Response

MAX_SHOWN_CHARS: Final = 200


def unusable(
    system: str, response: Response, *, is_throttled: bool = False
) -> BackendUnavailableError | BackendInvalidAnswerError:
    """Name what an answer other than 200 means.

    Args:
        system: Configured name of the system.
        response: What came.
        is_throttled: Whether this is how the system says that it is asked too often.
    """
    detail = f"status {response.status}: {shown(response.body)}"
    if is_throttled:
        return throttled(system, detail)
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BackendUnavailableError(
            f"The system `{system}` failed.",
            system=system,
            reason=Reason.STATUS,
            retriable=True,
            detail=detail,
        )
    if response.status >= HTTPStatus.BAD_REQUEST:
        return refused(system, detail)
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        return BackendUnavailableError(
            f"The system `{system}` points to another address, which is not followed.",
            system=system,
            reason=Reason.REDIRECT,
            retriable=False,
            detail=detail,
        )
    return malformed(system, detail)


def throttled(system: str, detail: str) -> BackendUnavailableError:
    """Say that a system wants to be asked less."""
    return BackendUnavailableError(
        f"The system `{system}` is asked too often.",
        system=system,
        reason=Reason.THROTTLED,
        retriable=True,
        detail=detail,
    )


def refused(system: str, detail: str) -> BackendUnavailableError:
    """Say that a system refused the question; asking again changes nothing."""
    return BackendUnavailableError(
        f"The system `{system}` refused the question.",
        system=system,
        reason=Reason.REFUSED,
        retriable=False,
        detail=detail,
    )


def malformed(system: str, detail: str) -> BackendInvalidAnswerError:
    """Say that an answer is not what the system's contract says."""
    return BackendInvalidAnswerError(
        f"The system `{system}` sent an answer that is not as its contract says.",
        system=system,
        reason=Reason.MALFORMED,
        retriable=False,
        detail=detail,
    )


def shown(body: bytes) -> str:
    """Give the beginning of a body for the log, without what cannot be printed."""
    text = body[: 4 * MAX_SHOWN_CHARS].decode(errors="replace")
    return "".join(char if char.isprintable() else " " for char in text)[:MAX_SHOWN_CHARS]
