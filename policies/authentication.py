"""How a caller becomes known: credentials, a chain of authenticators, one refusal.

Each authenticator answers "not mine", "mine", or "mine and bad"; the first that
does not say "not mine" decides. Whatever was wrong with a credential, the caller
hears the same sentence; the log hears the reason.

The answers follow RFC 6750: 401 with a challenge, without an error code where no
credential was sent; 400 where two were.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol, TypeAlias

from policies.principal import Principal

MAX_HEADER_BYTES = 8192
REALM = "orderline"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller showed, unread.

    Attributes:
        text: The token or key itself; never logged, never kept.
    """

    text: str

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a caller is turned away, as a value.

    Attributes:
        status: HTTP status.
        code: Stable code of the refusal.
        message: For the caller.
        www_authenticate: The challenge header, where one belongs to the status.
        detail: For the log only.
    """

    status: int
    code: str
    message: str
    www_authenticate: str | None = None
    detail: str = ""


class NotMine(Enum):
    """The one answer of an authenticator to somebody else's kind of credential."""

    NOT_MINE = "not mine"


NOT_MINE: Final = NotMine.NOT_MINE


@dataclass(frozen=True, slots=True)
class Bad:
    """An authenticator's own kind of credential, and it is no good; the reason is for the log."""

    reason: str


Verdict: TypeAlias = Principal | Bad | NotMine


class Authenticator(Protocol):
    """One way of being known."""

    def authenticate_now(self, shown: bytes, /) -> Principal | None:
        """Know a caller without asking anybody; None: it must be awaited.

        Only a credential that `authenticate` has just found good is known so, and only
        by the one who found it; its kind is nobody else's.

        Args:
            shown: The text of one credential, as it came, and not looked at yet.
        """
        ...

    async def authenticate(self, credentials: Credentials) -> Verdict:
        """Know the caller, refuse the credential, or leave it to the next."""
        ...


def read_credentials(headers: Iterable[tuple[bytes, bytes]]) -> Credentials | Refusal:
    """Find the one credential among the headers of a request.

    `Authorization: Bearer …` or `X-Api-Key: …`; nothing else is ever looked at, so
    no header can claim to be somebody.
    """
    found: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name in _CREDENTIAL_HEADERS:
            if len(value) > MAX_HEADER_BYTES:
                return Refusal(
                    431,
                    "HEADER_TOO_LARGE",
                    f"A credential header holds at most {MAX_HEADER_BYTES} bytes.",
                )
            found.append((name, value))
    if not found:
        return Refusal(
            401,
            "UNAUTHENTICATED",
            "Send an API key: `Authorization: Bearer <key>`.",
            f'Bearer realm="{REALM}"',
        )
    if len(found) > 1:
        return Refusal(
            400,
            "INVALID_REQUEST",
            "Credentials were sent more than once.",
            f'Bearer realm="{REALM}", error="invalid_request"',
        )
    text = _text_of(*found[0])
    return refused("malformed credential header") if text is None else Credentials(text)


_BEARER: Final = b"Bearer "
_BEARER_BYTES: Final = len(_BEARER)
_CREDENTIAL_HEADERS = frozenset({b"authorization", b"x-api-key"})


def shown_in(headers: Mapping[bytes, bytes]) -> bytes:
    """Find what a caller shows, as most callers show it; empty where it is another way.

    What is found here is one credential, unread: it may be known again, and nothing else
    may be concluded from it. Whoever is not known by it is read with `read_credentials`.

    Args:
        headers: By name; one that came twice holds both, and is no credential.
    """
    value = headers.get(b"authorization")
    if value is None:
        shown = headers.get(b"x-api-key", b"")
        return shown if len(shown) <= MAX_HEADER_BYTES else b""
    if b"x-api-key" in headers or len(value) > MAX_HEADER_BYTES or not value.startswith(_BEARER):
        return b""
    return value[_BEARER_BYTES:]


def _text_of(name: bytes, value: bytes) -> str | None:
    try:
        text = value.decode("ascii").strip(" ")
    except UnicodeDecodeError:
        return None
    if name == b"authorization":
        scheme, _, text = text.partition(" ")
        if scheme.lower() != "bearer":
            return None
        text = text.strip(" ")
    return text if text and " " not in text and text.isprintable() else None


def refused(reason: str) -> Refusal:
    """Turn a credential away; the caller does not hear what was wrong with it."""
    return Refusal(
        401,
        "INVALID_CREDENTIALS",
        "The credential is not valid, has ended, or was withdrawn.",
        f'Bearer realm="{REALM}", error="invalid_token"',
        reason,
    )


class AuthenticationChain:
    """Asks authenticators in order until one knows the kind of credential."""

    def __init__(self, members: Sequence[Authenticator]) -> None:
        self._members = tuple(members)

    def authenticate_now(self, shown: bytes) -> Principal | None:
        """Know a caller who was just known; None: it must be awaited."""
        for member in self._members:
            principal = member.authenticate_now(shown)
            if principal is not None:
                return principal
        return None

    async def authenticate(self, credentials: Credentials) -> Principal | Refusal:
        """Know the caller, or say why not."""
        for member in self._members:
            verdict = await member.authenticate(credentials)
            if isinstance(verdict, Principal):
                return verdict
            if isinstance(verdict, Bad):
                return refused(verdict.reason)
        return refused("no authenticator knows this kind of credential")
