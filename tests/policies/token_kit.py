"""An identity provider for tests of tokens: keys, tokens, and clocks that tests set."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode

from policies.authentication import Credentials, Verdict
from policies.key_sets import KeySets, KeySetSource
from policies.settings import OidcSettings
from policies.tokens import MAX_REMEMBERED, TokenAuthenticator

ISSUER: Final = "https://login.example.com/realms/orders"
AUDIENCE: Final = "orderline"
START: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW: Final = int(START.timestamp())

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "Ed25519")
SETTINGS: Final = OidcSettings(issuer=ISSUER, audience=AUDIENCE, algorithms=ALGORITHMS)


@cache
def make_key(algorithm: str, kid: str | None) -> Key:
    """Make a private key, once for each name."""
    parameters: Any = {} if kid is None else {"kid": kid}
    if algorithm in ("RS256", "PS256"):
        return RSAKey.generate_key(2048, parameters)
    if algorithm == "ES384":
        return ECKey.generate_key("P-384", parameters)
    if algorithm == "Ed25519":
        return OKPKey.generate_key("Ed25519", parameters)
    if algorithm == "HS256":
        return OctKey.generate_key(256, parameters)
    return ECKey.generate_key("P-256", parameters)


def public(key: Key, **members: object) -> dict[str, Any]:
    """Write the public part of a key as a provider publishes it."""
    return {**key.as_dict(private=isinstance(key, OctKey)), **members}


def key_set(*keys: Mapping[str, object]) -> bytes:
    """Write a key set."""
    return json.dumps({"keys": keys}).encode()


def claims(**changes: object) -> dict[str, object]:
    """Give the claims of a good token with changes; a claim that is None is left out."""
    good: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "u-17",
        "iat": NOW,
        "exp": NOW + 600,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def sign(
    payload: Mapping[str, object] | bytes,
    key: Key,
    algorithm: str = "ES256",
    **header: object,
) -> str:
    """Sign a token; a member of the header that is None is left out."""
    given = {"alg": algorithm, "typ": "at+jwt", "kid": key.kid, **header}
    protected = {name: value for name, value in given.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_payload_length = registry.max_header_length = 1 << 24
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jws.serialize_compact(protected, text, key, registry=registry)


def put_together(header: bytes, payload: bytes, signature: bytes = b"x" * 64) -> str:
    """Write a token that nobody signed."""
    return b".".join(map(urlsafe_b64encode, (header, payload, signature))).decode()


@dataclass
class Provider:
    """A provider in memory, and the gateway's clocks.

    Attributes:
        sends: The answer to the next fetches; an exception is raised.
        fetches: How many there were.
        gate: Held back until set, if there is one.
        elapsed_s: On both clocks.
        told: What the log heard.
    """

    sends: bytes | Exception
    fetches: int = 0
    gate: asyncio.Event | None = None
    elapsed_s: float = 0.0
    told: list[str] = field(default_factory=list)

    async def fetch(self) -> bytes:
        """Answer as told."""
        self.fetches += 1
        sends = self.sends
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(sends, Exception):
            raise sends
        return sends

    def publish(self, *keys: Key) -> None:
        """Publish these keys, and no others."""
        self.sends = key_set(*(public(key) for key in keys))

    def clock(self) -> float:
        """Tell the monotonic time."""
        return self.elapsed_s

    def now(self) -> datetime:
        """Tell the time of day."""
        return START + timedelta(seconds=self.elapsed_s)

    def key_sets(
        self, algorithms: Sequence[str] = ALGORITHMS, source: KeySetSource | None = None
    ) -> KeySets:
        """Make the cache of its keys; retries are spread as widely as they can be."""
        return KeySets(
            source or self, algorithms, clock=self.clock, rng=lambda: 1.0, tell=self.told.append
        )


def publishing(*keys: Key) -> Provider:
    """Make a provider of these keys."""
    provider = Provider(b"")
    provider.publish(*keys)
    return provider


@dataclass
class Guard:
    """An authenticator of tokens, and all that it depends on."""

    provider: Provider
    settings: OidcSettings = SETTINGS
    max_remembered: int = MAX_REMEMBERED
    source: KeySetSource | None = None
    keys: KeySets = field(init=False)
    authenticator: TokenAuthenticator = field(init=False)

    def __post_init__(self) -> None:
        self.keys = self.provider.key_sets(self.settings.algorithms, self.source)
        self.authenticator = TokenAuthenticator(
            self.settings,
            self.keys,
            now=self.provider.now,
            clock=self.provider.clock,
            max_remembered=self.max_remembered,
        )

    async def verdict(self, text: str) -> Verdict:
        """Show a token; whoever is known at once is who would be known by asking."""
        at_once = self.authenticator.authenticate_now(text.encode())
        verdict = await self.authenticator.authenticate(Credentials(text))

        assert at_once in (None, verdict)
        return verdict
