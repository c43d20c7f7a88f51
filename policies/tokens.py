"""Knowing callers by access tokens of an identity provider (OIDC, OAuth 2).

A token is believed because of a key that the provider publishes, never because of
anything the token itself brings or points to. It must be an access token for this
gateway, and it sees only what its claims name: a restriction that is missing or
malformed sees nothing.

Sources: RFC 7519, RFC 8725 and RFC 9068.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import msgspec
from joserfc.errors import ClaimError, JoseError
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry

from orderlines.deadline import Clock
from orderlines.stated import Channel
from orderlines.visibility import ALL, Restriction, Visibility
from policies.api_keys import PREFIX
from policies.authentication import MAX_HEADER_BYTES, NOT_MINE, Bad, Credentials, Verdict
from policies.key_authenticator import Now
from policies.key_sets import KeySets
from policies.principal import Credential, Principal, scope_set
from policies.remembered import Remembered
from policies.settings import OidcSettings

LEEWAY_S: Final = 30
"""How far the clocks of the provider and of the gateway may be apart."""
REMEMBERED_S: Final = 60.0
"""How long a good token stays good without being verified again."""
MAX_REMEMBERED: Final = 50_000
MAX_NAME_CHARS: Final = 100

Claims: TypeAlias = Mapping[str, object]

_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_PLAIN_SUBJECT: Final = re.compile(r"[!-~]{1,128}")
_CHANNELS: Final = frozenset(Channel.__members__)
_LAST_SECOND: Final = datetime.max.replace(tzinfo=UTC, microsecond=0)


class _Verified(msgspec.Struct, frozen=True, gc=False):
    """A caller whose token was verified.

    Attributes:
        generation: Of the key set it was verified with.
        over_at: When the token ends, clocks being apart as they may.
        ends_at: Until when it is believed.
    """

    principal: Principal
    generation: int | None
    over_at: datetime
    ends_at: float


_PREFIX: Final = PREFIX.encode("ascii")


class TokenAuthenticator:
    """Knows callers by access tokens.

    A token that was found good is remembered under a keyed hash of its text: for a
    minute, until it ends, or until the provider changes its keys. Bad ones are not
    remembered, so nobody fills the memory without a good token.

    Args:
        settings: Whose tokens, and what their claims mean.
        keys: Of that provider.
        now: The wall clock, for what the claims say about time.
        clock: A monotonic clock, for the memory.
        max_remembered: How many tokens are remembered.
    """

    def __init__(
        self,
        settings: OidcSettings,
        keys: KeySets,
        *,
        now: Now = lambda: datetime.now(UTC),
        clock: Clock = time.monotonic,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._now = now
        self._clock = clock
        self._known: Remembered[_Verified] = Remembered(clock, max_remembered)
        self._types = frozenset(map(_plain_type, settings.token_types))
        # Headers that are not known are ignored, as RFC 7515 wants it.
        self._registry = JWSRegistry(algorithms=settings.algorithms, strict_check_header=False)
        self._claims = JWTClaimsRegistry(
            now=lambda: int(now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            sub={"essential": True},
            exp={"essential": True},
        )

    def authenticate_now(self, shown: bytes) -> Principal | None:
        """Know a caller whose token was found good, under keys that are still the keys."""
        known = None if shown.startswith(_PREFIX) else self._known.find(shown)
        if known is None or self._clock() >= known.ends_at:
            return None
        if known.generation != self._keys.generation():
            return None
        return known.principal if self._now() < known.over_at else None

    async def authenticate(self, credentials: Credentials) -> Verdict:
        """Know a caller by a token of the provider.

        Raises:
            KeySetUnavailableError: The token may be good, and cannot be verified now.
        """
        text = credentials.text
        if len(text) > MAX_HEADER_BYTES or text.startswith(PREFIX) or not _TOKEN.fullmatch(text):
            return NOT_MINE
        name = self._known.name(text)
        asked_at = self._clock()
        known = self._known.get(name)
        if known is not None:
            is_current = known.generation == self._keys.generation() and asked_at < known.ends_at
            if is_current and self._now() < known.over_at:
                return known.principal
            self._known.forget(name)
        verified = await self._verify(text, asked_at + REMEMBERED_S)
        if isinstance(verified, str):
            return Bad(f"token: {verified}")
        self._known.put(name, verified)
        return verified.principal

    async def _verify(self, text: str, ends_at: float) -> _Verified | str:
        """Find whose token this is, or why it is nobody's."""
        try:
            token = extract_compact(text.encode(), registry=self._registry)
        except (JoseError, ValueError):
            return "unreadable"
        wrong = self._wrong_in_header(token.protected)
        if wrong is not None:
            return wrong
        wrong = await self._wrong_in_signature(token)
        if wrong is not None:
            return wrong
        generation = self._keys.generation()
        try:
            claims = msgspec.json.decode(token.payload, type=dict[str, object])
            self._claims.validate(claims)
        except (ValueError, RecursionError):
            return "unreadable claims"
        except ClaimError as error:
            return f"claims: {error.description}"
        principal, over_at = self._principal(claims)
        return _Verified(principal, generation, over_at, ends_at)

    def _wrong_in_header(self, header: object) -> str | None:
        if not isinstance(header, dict):
            return "unreadable header"
        if header.get("alg") not in self._settings.algorithms:
            return "algorithm"
        kind = header.get("typ")
        if not isinstance(kind, str) or _plain_type(kind) not in self._types:
            return "type"
        # No extension is understood, so none can be critical; b64 is not for tokens.
        if "crit" in header or "b64" in header:
            return "critical header"
        if not isinstance(header.get("kid", ""), str):
            return "key id"
        return None

    async def _wrong_in_signature(self, token: CompactSignature) -> str | None:
        kid: str | None = token.protected.get("kid")
        algorithm: str = token.protected["alg"]
        key = await self._keys.find(kid, algorithm)
        if key is None:
            return "unknown key"
        try:
            is_right = validate_compact(token, key, registry=self._registry)
            if not is_right and kid is not None:
                other = await self._keys.find_other(kid, algorithm, key)
                if other is not None:
                    is_right = validate_compact(token, other, registry=self._registry)
        except (JoseError, ValueError):
            return "unreadable header"
        return None if is_right else "wrong signature"

    def _principal(self, claims: Claims) -> tuple[Principal, datetime]:
        settings = self._settings
        channels = _restriction(claims.get(settings.channels_claim))
        expires_at, over_at = _ends(claims["exp"])
        subject = str(claims["sub"])
        principal = Principal(
            id=_id_of(subject),
            name=_name_of(claims, subject),
            credential=Credential.TOKEN,
            scopes=scope_set(_scopes(claims.get(settings.scopes_claim))),
            visibility=Visibility(
                customers=_restriction(claims.get(settings.customers_claim)),
                channels=channels if channels is ALL else channels & _CHANNELS,
                warehouses=_restriction(claims.get(settings.warehouses_claim)),
            ),
            expires_at=expires_at,
        )
        return principal, over_at


def _plain_type(kind: str) -> str:
    """Write a type as RFC 7515 compares it: `application/` may be left out."""
    return kind.lower().removeprefix("application/")


def _ends(exp: object) -> tuple[datetime, datetime]:
    """Tell when a token ends, and when it is over wherever the clocks stand."""
    if not isinstance(exp, int | float) or exp >= _LAST_SECOND.timestamp() - LEEWAY_S:
        return _LAST_SECOND, _LAST_SECOND
    ends_at = datetime.fromtimestamp(exp, UTC)
    return ends_at, ends_at + timedelta(seconds=LEEWAY_S)


def _id_of(subject: str) -> str:
    """Name a subject in logs. What would not read well there is hashed.

    The two kinds cannot meet: a provider cannot make a subject that is taken for
    the hash of another.
    """
    if _PLAIN_SUBJECT.fullmatch(subject):
        return f"token:{subject}"
    return f"token#{hashlib.blake2b(subject.encode(), digest_size=16).hexdigest()}"


def _name_of(claims: Claims, subject: str) -> str:
    candidates = (claims.get("name"), claims.get("preferred_username"), subject)
    named = (one for one in candidates if isinstance(one, str) and one.strip())
    name = next(named, subject)
    return "".join(one if one.isprintable() else "?" for one in name[:MAX_NAME_CHARS])


def _restriction(claim: object) -> Restriction:
    """Read what a dimension is restricted to; what cannot be read sees nothing."""
    return ALL if claim == ALL.value else frozenset(_texts(claim))


def _scopes(claim: object) -> frozenset[str]:
    return frozenset(claim.split() if isinstance(claim, str) else _texts(claim))


def _texts(claim: object) -> list[str]:
    """Read a text, or a list of nothing but texts; anything else holds none."""
    given = claim if isinstance(claim, list) else [claim]
    texts = [one for one in given if isinstance(one, str) and one]
    return texts if len(texts) == len(given) else []
