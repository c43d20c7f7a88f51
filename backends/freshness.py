"""How old what a system said may be, and what to do where it cannot be had as fresh."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class OnStale(Enum):
    """What is done where a reading is wanted fresher than it can be had."""

    SERVE_AND_FLAG = "Serve what was read before, and say so"
    WAIT = "Wait for the system as long as the question may take, and fail then"
    FAIL = "Fail, as soon as the system does"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller allows.

    Attributes:
        max_age_s: Seconds since the system answered; 0 asks it now.
    """

    max_age_s: float = 0.0
    on_stale: OnStale = OnStale.SERVE_AND_FLAG


LIVE: Final = Wanted()
