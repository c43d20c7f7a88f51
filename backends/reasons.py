"""Why a system gave no usable answer: a closed set of words that callers may see."""

from enum import StrEnum


class Reason(StrEnum):
    """The word behind `BACKEND_UNAVAILABLE` and `BACKEND_INVALID_ANSWER`."""

    CONNECT = "CONNECT"
    """No connection could be made."""
    TIMEOUT = "TIMEOUT"
    """The answer was not complete when it had to be."""
    CUT_OFF = "CUT_OFF"
    """The connection ended inside the answer."""
    TOO_LARGE = "TOO_LARGE"
    """The answer is larger than any this system should give."""
    MALFORMED = "MALFORMED"
    """The answer is not what the protocol or the system's contract says."""
    REDIRECT = "REDIRECT"
    """The system pointed elsewhere; that is never followed."""
    STATUS = "STATUS"
    """The system said that it failed."""
    THROTTLED = "THROTTLED"
    """The system said that it is asked too much."""
    REFUSED = "REFUSED"
    """The system would not answer this question."""
