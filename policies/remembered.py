"""Credentials that were found good, remembered for a while.

They lie under a keyed hash of their texts, so that no dump of the memory shows one, and
no guess is compared with one. Only what was found good is put here: nobody fills the
memory without a good credential.
"""

import hashlib
import secrets
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeAlias, TypeVar

from orderlines.deadline import Clock

Name: TypeAlias = Hashable
"""What a credential is known by: 128 bits that say nothing of it without the key."""


class Believed(Protocol):
    """What is known of a credential."""

    @property
    def ends_at(self) -> float:
        """Until when it is believed, by a monotonic clock."""
        ...


T = TypeVar("T", bound=Believed)


class Remembered(Generic[T]):
    """What is known of credentials, each until it is looked at again.

    Args:
        clock: A monotonic clock.
        most: How many are remembered; the one that ends first is forgotten.
        kept_s: How much longer one is kept than it is believed, for whoever can compare
            it with what is stored.
    """

    def __init__(self, clock: Clock, most: int, *, kept_s: float = 0.0) -> None:
        self._clock = clock
        self._most = most
        self._kept_s = kept_s
        self._name_of = keyed_hash()
        # All are remembered equally long, so the first is the next to end.
        self._known: OrderedDict[Name, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def name(self, text: str) -> Name:
        """Name a credential."""
        return self._name_of(text.encode())

    def get(self, name: Name) -> T | None:
        """Give what is known of a credential."""
        return self._known.get(name)

    def find(self, shown: bytes) -> T | None:
        """Give what is known of a credential.

        Args:
            shown: Its text, as it came; another spelling of it is another text.
        """
        return self._known.get(self._name_of(shown))

    def put(self, name: Name, one: T) -> None:
        """Remember what is known of a credential that was found good."""
        known, over_at = self._known, self._clock() - self._kept_s
        known.pop(name, None)
        while known and (len(known) >= self._most or next(iter(known.values())).ends_at <= over_at):
            known.popitem(last=False)
        known[name] = one

    def forget(self, name: Name) -> None:
        """Know nothing of a credential any longer."""
        self._known.pop(name, None)


def keyed_hash() -> Callable[[bytes], Name]:
    """Choose a hash of 128 bits with a key of its own.

    Python hashes bytes by SipHash, a hash made to be keyed, with a key that it draws when
    it starts; two of its hashes, each over a secret of ours and the text, cost a fraction
    of one BLAKE2b, whose code alone fills a good part of the processor's first cache. Where
    Python has another hash, or its key was set from outside, BLAKE2b it is.
    """
    if sys.flags.hash_randomization and sys.hash_info.algorithm.startswith("siphash"):
        first, second = secrets.token_bytes(16), secrets.token_bytes(16)
        # In one number: with thousands of callers each object more is one the processor waits for.
        return lambda text: hash(first + text) << 64 ^ hash(second + text)
    key = secrets.token_bytes(16)
    return lambda text: hashlib.blake2b(text, digest_size=16, key=key).digest()
