"""Who calls: made once at the door, carried to the end, never worked out again."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Final

from orderlines.visibility import Visibility

MAX_SCOPE_SETS: Final = 4_096


class Credential(Enum):
    """What a caller showed to be known."""

    API_KEY = "An API key of this gateway"
    TOKEN = "A token of an identity provider"  # noqa: S105 - a sentence, not a secret


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that is known.

    Attributes:
        id: As it stands in logs, for example `key:ab12CD34ef`; never a secret.
        name: What the credential was named by whoever made it.
        credential: What was shown.
        scopes: What it may do.
        visibility: Which rows it may see.
        expires_at: When the credential ends, in UTC; None if it does not.
    """

    id: str
    name: str
    credential: Credential
    scopes: frozenset[str]
    visibility: Visibility
    expires_at: datetime | None


@lru_cache(MAX_SCOPE_SETS)
def scope_set(scopes: frozenset[str]) -> frozenset[str]:
    """Give a set of scopes as the one object that every caller with these scopes has.

    Whoever looks up what they allow then compares no texts: one set for each of ten thousand
    callers would be as many that the processor has to fetch.
    """
    return scopes
