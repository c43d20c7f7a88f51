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
from typing import Final, NamedTuple, Protocol, TypeAlias

from orderlines.deadline import Clock
from orderlines.visibility import Visibility
from policies.api_keys import PREFIX, Grant, KeyRecord, digest, hide, mint, parse
from policies.principal import Credential, Principal

MAX_HEADER_BYTES = 8192
REALM = "orderline"
REMEMBERED_S = 5.0
"""How long a good key stays good without being looked up: a withdrawal is seen by then."""
KEPT_S = 300.0
"""How much longer its record is kept, to be compared with the one that is stored."""
MAX_REMEMBERED = 50_000
"""More keys than are in use at a time, or each is looked up every time."""

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

    async def get(self, key_id: str, /) -> bytes | None:
        """Fetch the record of a key; None if there is none."""
        ...

    async def put(self, key_id: str, record: bytes, /) -> None:
        """Keep the record of a key, in place of an earlier one."""
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


class _Known(NamedTuple):
    """A caller that was looked up.

    Attributes:
        key_id: Of its record.
        stored: The record, as it was when it was found good.
    """

    principal: Principal
    key_id: str
    stored: bytes


_Remembered: TypeAlias = tuple[_Known, float]
"""A caller, and when its record is to be looked at again."""


class ApiKeyAuthenticator:
    """Knows callers by API keys.

    A key that was found good is remembered for a few seconds, under a keyed hash of
    its text, so that a caller asking thousands of questions costs one look-up now
    and then. After that its record is fetched again, and checked again only if it is
    another than before.

    Args:
        store: Where records lie.
        pepper: The secret their digests were made with.
        now: The wall clock, for expiry.
        clock: A monotonic clock, for the memory.
        max_remembered: How many keys are remembered.
    """

    def __init__(
        self,
        store: KeyStore,
        pepper: bytes,
        *,
        now: Now = lambda: datetime.now(UTC),
        clock: Clock = time.monotonic,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._store = store
        self._pepper = pepper
        self._now = now
        self._clock = clock
        self._max_remembered = max_remembered
        self._hash_key = secrets.token_bytes(16)
        # A key that nobody holds, read in place of an unknown one: both cost the same.
        nobody = Grant("nobody", frozenset(), Visibility.nothing())
        self._nobody = mint(nobody, pepper, datetime.min.replace(tzinfo=UTC)).record.encode()
        # All are remembered equally long, so the first is the next to end.
        self._known: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def authenticate(self, credentials: Credentials) -> Verdict:
        """Know a caller by a key of ours."""
        text = credentials.text
        if not text.startswith(PREFIX):
            return NOT_MINE
        name = hashlib.blake2b(text.encode(), digest_size=16, key=self._hash_key).digest()
        asked_at = self._clock()
        remembered = self._known.get(name)
        if remembered is not None:
            known, ends_at = remembered
            is_over = self._is_over(known.principal.expires_at)
            if asked_at < ends_at and not is_over:
                return known.principal
            if not is_over and await self._store.get(known.key_id) == known.stored:
                self._remember(name, known, asked_at + REMEMBERED_S)
                return known.principal
        found = await self._look_up(text)
        if isinstance(found, str):
            return Bad(f"{found}: {hide(text)}")
        # Counted from before the look-up: the record may have changed while it was slow.
        self._remember(name, found, asked_at + REMEMBERED_S)
        return found.principal

    def _remember(self, name: bytes, one: _Known, ends_at: float) -> None:
        known, now_s = self._known, self._clock()
        known.pop(name, None)
        while known and (len(known) >= self._max_remembered or _first(known)[1] + KEPT_S <= now_s):
            known.popitem(last=False)
        known[name] = (one, ends_at)

    async def _look_up(self, text: str) -> _Known | str:
        """Find whose key this is, or why it is nobody's."""
        key = parse(text)
        if key is None:
            return "wrong checksum"
        stored = await self._store.get(key.id)
        record = KeyRecord.decode(self._nobody if stored is None else stored)
        given = digest(key.secret, self._pepper)
        is_right = record is not None and hmac.compare_digest(given, record.digest)
        if stored is None:
            return "unknown id"
        if record is None or record.id != key.id:
            return "unreadable record"
        if not is_right:
            return "wrong secret"
        checked = self._checked(record)
        return checked if isinstance(checked, str) else _Known(checked, record.id, stored)

    def _checked(self, record: KeyRecord) -> Principal | str:
        if record.revoked_at is not None:
            return "revoked"
        if self._is_over(record.expires_at):
            return "expired"
        return Principal(
            id=f"key:{record.id}",
            name=record.name,
            credential=Credential.API_KEY,
            scopes=frozenset(record.scopes),
            visibility=record.visibility,
            expires_at=record.expires_at,
        )

    def _is_over(self, expires_at: datetime | None) -> bool:
        return expires_at is not None and expires_at <= self._now()


def _first(known: OrderedDict[bytes, _Remembered]) -> _Remembered:
    return next(iter(known.values()))
