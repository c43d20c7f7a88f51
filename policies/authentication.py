"""How a caller becomes known: credentials, a chain of authenticators, one refusal.

Each authenticator answers "not mine", "mine", or "mine and bad"; the first that
does not say "not mine" decides. Whatever was wrong with a credential, the caller
hears the same sentence; the log hears the reason.

The answers follow RFC 6750: 401 with a challenge, without an error code where no
credential was sent; 400 where two were.
"""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final, Protocol, TypeAlias

from orderlines.deadline import Clock
from policies.api_keys import PREFIX, KeyRecord, digest, parse
from policies.principal import Credential, Principal

MAX_HEADER_BYTES = 8192
REALM = "orderline"

Now = Callable[[], datetime]


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

    async def authenticate(self, credentials: Credentials) -> Verdict:
        """Know the caller, refuse the credential, or leave it to the next."""
        ...


class KeyStore(Protocol):
    """Where key records lie, as bytes."""

    async def get(self, key: str) -> bytes | None:
        """Fetch the record of a key id."""
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


_CREDENTIAL_HEADERS = frozenset({b"authorization", b"x-api-key"})


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

    async def authenticate(self, credentials: Credentials) -> Principal | Refusal:
        """Know the caller, or say why not."""
        for member in self._members:
            verdict = await member.authenticate(credentials)
            if isinstance(verdict, Principal):
                return verdict
            if isinstance(verdict, Bad):
                return refused(verdict.reason)
        return refused("no authenticator knows this kind of credential")


class ApiKeyAuthenticator:
    """Knows callers by API keys.

    A key that was found good is remembered for a few seconds, under a keyed hash of
    its text, so that a caller asking thousands of questions costs one look-up now
    and then. A withdrawal is seen when the memory ends.

    Args:
        store: Where records lie.
        pepper: The secret their digests were made with.
        now: The wall clock, for expiry.
        clock: A monotonic clock, for the memory.
        remembered_s: How long a good key is remembered, at most 5 s.
        max_remembered: How many are.
    """

    def __init__(  # noqa: PLR0913 - the clocks and bounds are there for tests to own
        self,
        store: KeyStore,
        pepper: bytes,
        *,
        now: Now = lambda: datetime.now(UTC),
        clock: Clock = time.monotonic,
        remembered_s: float = 5.0,
        max_remembered: int = 50_000,
    ) -> None:
        self._store = store
        self._pepper = pepper
        self._now = now
        self._clock = clock
        self._remembered_s = remembered_s
        self._max_remembered = max_remembered
        self._hash_key = secrets.token_bytes(16)
        # Compared with where the id is unknown, so that this costs the same work.
        self._nobody = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    async def authenticate(self, credentials: Credentials) -> Verdict:
        """Know a caller by a key of ours."""
        text = credentials.text
        if not text.startswith(PREFIX):
            return NOT_MINE
        memory_key = hashlib.blake2b(text.encode(), digest_size=16, key=self._hash_key).digest()
        remembered = self._known.get(memory_key)
        if remembered is not None and self._clock() < remembered[1]:
            principal = remembered[0]
            if principal.expires_at is None or self._now() < principal.expires_at:
                return principal
        verdict = await self._look_up(text)
        if isinstance(verdict, Principal):
            self._remember(memory_key, verdict)
        return verdict

    def _remember(self, memory_key: bytes, principal: Principal) -> None:
        self._known.pop(memory_key, None)
        while len(self._known) >= self._max_remembered:
            self._known.popitem(last=False)
        self._known[memory_key] = (principal, self._clock() + self._remembered_s)

    async def _look_up(self, text: str) -> Principal | Bad:
        key = parse(text)
        if key is None:
            return Bad("checksum")
        stored = await self._store.get(key.id)
        record = None if stored is None else KeyRecord.decode(stored)
        kept = self._nobody if record is None else record.digest
        is_right = hmac.compare_digest(digest(key.secret, self._pepper), kept)
        if record is None:
            return Bad("unknown id" if stored is None else "unreadable record")
        if not is_right:
            return Bad("wrong secret")
        return self._checked(record)

    def _checked(self, record: KeyRecord) -> Principal | Bad:
        if record.revoked_at is not None:
            return Bad("revoked")
        if record.expires_at is not None and record.expires_at <= self._now():
            return Bad("expired")
        return Principal(
            id=f"key:{record.id}",
            name=record.name,
            credential=Credential.API_KEY,
            scopes=frozenset(record.scopes),
            visibility=record.visibility,
            expires_at=record.expires_at,
        )
