"""K-1 by the clock: what guessing keys tells whoever guesses."""

import gc
import random
import string
import time
from datetime import UTC, datetime
from typing import Final

from backends.store.memory import MemoryKeyStore
from gateway.cli.personas import EVERYTHING
from orderlines.visibility import ALL, Visibility
from policies.api_keys import PREFIX, Grant, checksum, mint
from policies.authentication import Credentials
from policies.key_authenticator import ApiKeyAuthenticator
from policies.principal import Principal
from tests.gateway.door import PEPPER
from tests.timing import welch_t

GUESSES: Final = 20_000
LETTERS: Final = string.digits + string.ascii_letters
FEW: Final = Grant("few", frozenset(), Visibility.nothing())
MUCH: Final = Grant("much", EVERYTHING, Visibility.everything())
LONG: Final = Grant("long", EVERYTHING, Visibility(frozenset(map(str, range(200))), ALL, ALL))


class CountingStore(MemoryKeyStore):
    """Records, and how often one was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up = 0

    async def get(self, key_id: str) -> bytes | None:
        """Count, then look up."""
        self.looked_up += 1
        return await super().get(key_id)


async def test_k1_a_guess_takes_no_longer_where_there_is_a_key() -> None:
    """CPU time of 20,000 guesses of each kind in turn: Welch's t stays below 4.5.

    However much the keys may see that are guessed at; a wrong checksum looks nothing up.
    """
    pick = random.Random(1)  # noqa: S311 - guesses
    store = CountingStore()
    ids = []
    for grant in (FEW, MUCH, LONG) * 30:
        minted = mint(grant, PEPPER, datetime.now(UTC))
        await store.put(minted.record.id, minted.record.encode())
        ids.append(minted.record.id)
    authenticator = ApiKeyAuthenticator(store, PEPPER)

    def guess(key_id: str) -> str:
        body = f"{PREFIX}{key_id}_{''.join(pick.choices(LETTERS, k=32))}"
        return body + checksum(body)

    taken: dict[str, list[float]] = {"checksum": [], "id": [], "secret": []}
    gc.disable()
    try:
        for _ in range(GUESSES):
            unknown = "".join(pick.choices(LETTERS, k=10))
            asked = {
                "checksum": guess(pick.choice(ids))[:-1] + "!",
                "id": guess(unknown),
                "secret": guess(pick.choice(ids)),
            }
            for kind in pick.sample(sorted(asked), 3):
                credentials, before = Credentials(asked[kind]), store.looked_up
                started = time.thread_time_ns()
                found = await authenticator.authenticate(credentials)
                taken[kind].append((time.thread_time_ns() - started) / 1_000)
                assert not isinstance(found, Principal)
                assert store.looked_up - before == (kind != "checksum")
    finally:
        gc.enable()

    told = welch_t(taken["id"], taken["secret"])
    assert abs(told.t) < 4.5, told
