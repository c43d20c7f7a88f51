"""The keys of an identity provider: fetched, kept, and fetched again when that is due.

Nobody waits for a key that is held. A token that names an unknown key asks for the
set once, however many such tokens there are. While the provider is down, the keys
that were had last stay good for a day; one that it took back is refused as soon as
it is heard. Whatever the provider sends that is no set of keys changes nothing.

Source: RFC 7517.
"""

import asyncio
import random
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple, Protocol, TypeAlias

import msgspec
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from orderlines.deadline import Clock
from orderlines.errors import GatewayError

REFRESH_S: Final = 300.0
"""How long a set is good before it is looked at again."""
KEPT_S: Final = 86_400.0
"""How long it stays good while the provider gives no other."""
COOLDOWN_S: Final = 10.0
"""Between two refreshes that tokens asked for."""
FETCH_S: Final = 10.0
"""After which a fetch is given up, should its source not have done so."""
MAX_BACK_OFF_S: Final = 60.0
MAX_BYTES: Final = 262_144
MAX_KEYS: Final = 100

PublicKey: TypeAlias = RSAKey | ECKey | OKPKey
Tell: TypeAlias = Callable[[str], object]
"""Hears, for the log, why a refresh failed."""

# A retry without any key is worth more than one that only looks for a newer set.
_FIRST_BACK_OFF_S: Final = 1.0
_LATER_BACK_OFF_S: Final = 2 * COOLDOWN_S
# What kind of key makes a signature; no symmetric one: whoever can check such a
# signature can also make it.
_KINDS: Final[Mapping[str, tuple[str, str | None]]] = MappingProxyType(
    {
        "RS256": ("RSA", None),
        "PS256": ("RSA", None),
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "Ed25519": ("OKP", "Ed25519"),
    }
)
_CLASSES: Final[Mapping[object, type[RSAKey] | type[ECKey] | type[OKPKey]]] = MappingProxyType(
    {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
)
_CURVES: Final = frozenset(curve for _, curve in _KINDS.values())
# Members of a key that are read; a private part, or an address to follow, is none.
_MEMBERS: Final = frozenset({"kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y"})
# An RSA modulus of 8,192 bits in base64url; a longer one makes every check slow.
_MAX_MODULUS_CHARS: Final = 1_366
_MAX_EXPONENT_CHARS: Final = 8
_MAX_KID_CHARS: Final = 512


class KeySetUnavailableError(GatewayError):
    """Whether a token is good cannot be told now: its provider gives no keys."""

    code: ClassVar[str] = "NOT_READY"


class KeySetSource(Protocol):
    """Where the keys of a provider are had."""

    async def fetch(self) -> bytes:
        """Give the key set as it was sent, in JSON; raise where there is none."""
        ...


class _Answer(msgspec.Struct):
    keys: list[object]


class _Set(NamedTuple):
    """The keys that can be used.

    Attributes:
        named: By their id, and by the algorithm a token is signed with.
        only: By algorithm, where just one key fits it.
    """

    named: Mapping[tuple[str, str], PublicKey]
    only: Mapping[str, PublicKey]


_NOTHING: Final = _Set({}, {})


class KeySets:
    """The keys of one provider, by id and algorithm.

    Args:
        source: Where they are had.
        algorithms: The signatures that are accepted; keys for others are not kept.
        clock: A monotonic clock.
        rng: Spreads retries; gives 0 up to 1.
        tell: Hears why a refresh failed.
    """

    def __init__(
        self,
        source: KeySetSource,
        algorithms: Collection[str],
        *,
        clock: Clock = time.monotonic,
        rng: Callable[[], float] = random.random,
        tell: Tell = lambda _: None,
    ) -> None:
        self._source = source
        self._algorithms = tuple(algorithms)
        self._clock = clock
        self._rng = rng
        self._tell = tell
        self._keys = _NOTHING
        self._generation = 0
        self._ends_at = float("-inf")
        self._due_at = float("-inf")
        self._cool_at = float("-inf")
        self._failures = 0
        self._refreshing: asyncio.Task[None] | None = None

    def generation(self) -> int | None:
        """Number the set that is good now; None if there is none.

        What was verified under another number is to be verified again. Asking
        begins the refresh that is due.
        """
        now_s = self._clock()
        if now_s >= self._due_at:
            self._start()
        return self._generation if now_s < self._ends_at else None

    def reason(self) -> str | None:
        """Tell why no token can be verified now; None if one can.

        Asking begins the refresh that is due, so that a gateway that nobody asks
        because it is not ready gets ready.
        """
        return "No keys of the identity provider yet." if self.generation() is None else None

    async def find(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """Find the key a token names; None if there is none.

        A token that names no key means the only one that fits its algorithm, and
        never causes a refresh.

        Raises:
            KeySetUnavailableError: There are no keys, or the provider cannot be
                asked for one that may be new.
        """
        if self.generation() is None:
            await self._finish()
            if self.generation() is None:
                raise _unavailable()
        if kid is None:
            return self._keys.only.get(algorithm)
        found = self._keys.named.get((kid, algorithm))
        if found is None:
            await self._refresh()
            found = self._keys.named.get((kid, algorithm))
            if found is None and self._failures:
                raise _unavailable()
        return found

    async def find_other(self, kid: str, algorithm: str, than: PublicKey) -> PublicKey | None:
        """Find the key that took the place of one that does not fit; None if none did."""
        await self._refresh()
        found = self._keys.named.get((kid, algorithm))
        return None if found is None or found.thumbprint() == than.thumbprint() else found

    async def aclose(self) -> None:
        """Give up the refresh that is under way, and begin no other."""
        self._due_at = self._cool_at = float("inf")
        if self._refreshing is not None:
            self._refreshing.cancel()
            await self._finish()

    async def _refresh(self) -> None:
        """Refresh because of a token: not soon after another one did, nor during a back-off."""
        now_s = self._clock()
        is_backing_off = self._failures and now_s < self._due_at
        if self._refreshing is None and now_s >= self._cool_at and not is_backing_off:
            self._cool_at = now_s + COOLDOWN_S
            self._start()
        await self._finish()

    def _start(self) -> None:
        if self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().create_task(self._fetch())

    async def _finish(self) -> None:
        """Wait for the refresh under way. Whoever stops waiting does not stop it."""
        if self._refreshing is not None:
            await asyncio.wait({self._refreshing})

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_S):
                sent = await self._source.fetch()
            keys = _read(sent, self._algorithms)
        except Exception as error:  # noqa: BLE001 - a provider fails in any way it likes
            self._back_off()
            self._tell(f"{type(error).__name__}: {getattr(error, 'detail', '') or error}")
        else:
            self._keep(keys)
        finally:
            self._refreshing = None

    def _keep(self, keys: _Set) -> None:
        now_s = self._clock()
        self._failures = 0
        self._due_at = now_s + REFRESH_S
        self._ends_at = now_s + KEPT_S
        if keys != self._keys:
            self._keys = keys
            self._generation += 1

    def _back_off(self) -> None:
        now_s = self._clock()
        first_s = _LATER_BACK_OFF_S if now_s < self._ends_at else _FIRST_BACK_OFF_S
        # The exponent is bounded: a day of failures must not become a huge number.
        wait_s = min(MAX_BACK_OFF_S, first_s * 2 ** min(self._failures, 10))
        self._failures += 1
        self._due_at = now_s + wait_s * (0.5 + self._rng() / 2)


def _unavailable() -> KeySetUnavailableError:
    return KeySetUnavailableError("Tokens cannot be verified just now; ask again soon.")


def _read(sent: bytes, algorithms: Collection[str]) -> _Set:
    """Read a key set, leaving out what is no key for the algorithms.

    Raises:
        ValueError: It is no key set, or nothing in it can be used.
    """
    if len(sent) > MAX_BYTES:
        msg = f"a key set of more than {MAX_BYTES} bytes"
        raise ValueError(msg)
    named: dict[tuple[str, str], PublicKey] = {}
    fitting: dict[str, list[PublicKey]] = {algorithm: [] for algorithm in algorithms}
    for one in msgspec.json.decode(sent, type=_Answer).keys[:MAX_KEYS]:
        key = _read_key(one)
        if key is None:
            continue
        for algorithm in algorithms:
            if _fits(key, algorithm):
                fitting[algorithm].append(key)
                if key.kid is not None:
                    named.setdefault((key.kid, algorithm), key)
    only = {algorithm: keys[0] for algorithm, keys in fitting.items() if len(keys) == 1}
    if not any(fitting.values()):
        msg = "a key set without a key that can be used"
        raise ValueError(msg)
    return _Set(named, only)


def _read_key(one: object) -> PublicKey | None:
    if not isinstance(one, dict):
        return None
    members = {name: value for name, value in one.items() if name in _MEMBERS}
    kind, curve = str(members.get("kty")), members.get("crv")
    sizes = (("n", _MAX_MODULUS_CHARS), ("e", _MAX_EXPONENT_CHARS), ("kid", _MAX_KID_CHARS))
    if (
        kind not in _CLASSES
        or not isinstance(curve, str | None)
        or curve not in _CURVES
        or any(len(str(members.get(name, ""))) > size for name, size in sizes)
    ):
        return None
    try:
        with warnings.catch_warnings():
            # Such as a modulus that is too short.
            warnings.simplefilter("error", SecurityWarning)
            return _CLASSES[kind].import_key(members)
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
        return None


def _fits(key: PublicKey, algorithm: str) -> bool:
    kind, curve = _KINDS[algorithm]
    operations = key.get("key_ops")
    return (
        key.key_type == kind
        and (isinstance(key, RSAKey) or key.curve_name == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (operations is None or "verify" in operations)
    )
