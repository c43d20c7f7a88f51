"""Keys of a provider: who waits, who asks, and what stays good while nobody answers."""

import asyncio
import contextlib
from collections.abc import Mapping
from itertools import pairwise

import pytest

from policies import key_sets
from policies.key_sets import (
    COOLDOWN_S,
    KEPT_S,
    MAX_BACK_OFF_S,
    MAX_BYTES,
    MAX_KEYS,
    REFRESH_S,
    KeySets,
    KeySetUnavailableError,
    PublicKey,
)
from tests.policies.token_kit import ALGORITHMS, Provider, key_set, make_key, public, publishing

OLD = make_key("ES256", "old")
NEW = make_key("ES256", "new")
DOWN = ConnectionError("nobody is there")


async def held(provider: Provider) -> KeySets:
    """Make a cache that has had the keys."""
    keys = provider.key_sets()
    assert await keys.find("none", "ES256") is None
    provider.elapsed_s += COOLDOWN_S
    provider.fetches = 0
    return keys


async def settle() -> None:
    """Let tasks that were begun get as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


def kid_of(key: PublicKey | None) -> str | None:
    """Name a key that was found."""
    return None if key is None else key.kid


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_key_is_found_by_its_id_and_its_algorithm(algorithm: str) -> None:
    """An id alone does not make a key fit: what kind it is belongs to the question."""
    keys = publishing(make_key(algorithm, "k")).key_sets()
    found = {one: kid_of(await keys.find("k", one)) for one in ALGORITHMS}

    fitting = ["RS256", "PS256"] if algorithm in ("RS256", "PS256") else [algorithm]
    assert found == {one: "k" if one in fitting else None for one in ALGORITHMS}


async def test_a_key_that_is_held_is_found_without_waiting() -> None:
    """One fetch serves every token that names a known key."""
    provider = publishing(OLD, NEW)
    keys = provider.key_sets()
    found = [kid_of(await keys.find(kid, "ES256")) for kid in ("old", "new", "old")]

    assert found == ["old", "new", "old"]
    assert provider.fetches == 1


async def test_a_hundred_tokens_with_an_unknown_key_ask_once() -> None:
    """All wait for the one refresh, and all find the new key."""
    provider = publishing(OLD)
    keys = await held(provider)
    provider.publish(OLD, NEW)
    provider.gate = asyncio.Event()
    waiting = [asyncio.create_task(keys.find("new", "ES256")) for _ in range(100)]
    await settle()
    provider.gate.set()
    found = {kid_of(one) for one in await asyncio.gather(*waiting)}

    assert found == {"new"}
    assert provider.fetches == 1


async def test_unknown_keys_ask_once_in_ten_seconds() -> None:
    """The cooldown begins before the call: a slow provider is not asked twice either."""
    provider = publishing(OLD)
    keys = await held(provider)
    for _ in range(3):
        assert await keys.find("unknown", "ES256") is None
        fetches = provider.fetches
        provider.elapsed_s += COOLDOWN_S - 0.1
        assert await keys.find("unknown", "ES256") is None
        assert provider.fetches == fetches
        provider.elapsed_s += 0.1

    assert provider.fetches == 3


async def test_a_token_that_names_no_key_never_asks() -> None:
    """It means the only key that fits; where there are two, it means none."""
    provider = publishing(OLD, make_key("Ed25519", None))
    keys = await held(provider)
    alone = kid_of(await keys.find(None, "ES256"))
    provider.publish(OLD, NEW)
    for _ in range(100):
        provider.elapsed_s += 1
        assert await keys.find(None, "ES384") is None
    asked = provider.fetches
    await keys.find("new", "ES256")

    assert alone == "old"
    assert asked == 0
    assert await keys.find(None, "ES256") is None


async def test_a_key_without_an_id_is_only_found_as_the_only_one() -> None:
    """No id is made up for it that a token could hit."""
    keys = publishing(make_key("Ed25519", None), OLD).key_sets()
    found = await keys.find(None, "Ed25519")

    assert found is not None
    assert await keys.find(found.thumbprint(), "Ed25519") is None


async def test_an_id_that_got_another_key_is_looked_up_once() -> None:
    """Same id, new material: a signature that does not fit may ask, under the same cooldown."""
    provider = publishing(OLD)
    keys = await held(provider)
    before = await keys.find("old", "ES256")
    assert before is not None
    unchanged = await keys.find_other("old", "ES256", before)
    provider.sends = key_set(public(NEW, kid="old"))
    in_cooldown = await keys.find_other("old", "ES256", before)
    provider.elapsed_s += COOLDOWN_S
    after = await keys.find_other("old", "ES256", before)
    provider.publish(NEW)
    provider.elapsed_s += COOLDOWN_S
    gone = await keys.find_other("old", "ES256", before)

    assert (unchanged, in_cooldown, gone) == (None, None, None)
    assert after is not None
    assert after.thumbprint() == NEW.thumbprint()
    assert provider.fetches == 3


async def test_the_scheduled_refresh_makes_nobody_wait() -> None:
    """Old keys serve while new ones are on their way."""
    provider = publishing(OLD)
    keys = await held(provider)
    provider.publish(NEW)
    provider.gate = asyncio.Event()
    provider.elapsed_s = REFRESH_S
    first = keys.generation()
    during = [kid_of(await keys.find("old", "ES256")) for _ in range(10)]
    await settle()
    provider.gate.set()
    await settle()

    assert during == ["old"] * 10
    assert provider.fetches == 1
    assert kid_of(await keys.find("new", "ES256")) == "new"
    assert keys.generation() == (first or 0) + 1


async def test_a_key_that_was_taken_back_is_gone_after_the_refresh() -> None:
    """At most a refresh later, and without a grace of its own."""
    provider = publishing(OLD, NEW)
    keys = await held(provider)
    provider.publish(NEW)
    provider.elapsed_s = REFRESH_S
    before = kid_of(await keys.find("old", "ES256"))
    await settle()

    assert before == "old"
    assert await keys.find("old", "ES256") is None


async def test_the_same_set_again_changes_nothing() -> None:
    """Tokens that were verified stay verified."""
    provider = publishing(OLD)
    keys = await held(provider)
    before = keys.generation()
    provider.elapsed_s = REFRESH_S
    keys.generation()
    await settle()

    assert provider.fetches == 1
    assert keys.generation() == before == 1


async def test_old_keys_serve_for_a_day_while_the_provider_is_down() -> None:
    """Retries come apart, never more than one in a while, and the log hears each failure."""
    provider = publishing(OLD)
    keys = await held(provider)
    got_at = provider.elapsed_s - COOLDOWN_S
    provider.sends = DOWN
    asked_at: list[float] = []
    while provider.elapsed_s < got_at + 600:
        provider.elapsed_s += 1
        assert kid_of(await keys.find("old", "ES256")) == "old"
        await settle()
        asked_at += [provider.elapsed_s] * (provider.fetches - len(asked_at))
    provider.elapsed_s = got_at + KEPT_S - 1
    last = kid_of(await keys.find("old", "ES256"))
    await settle()
    provider.elapsed_s = got_at + KEPT_S

    assert [later - sooner for sooner, later in pairwise(asked_at)] == [
        20, 40, 60, 60, 60, 60,
    ]  # fmt: skip
    assert MAX_BACK_OFF_S == 60
    assert last == "old"
    assert set(provider.told) == {"ConnectionError: nobody is there"}
    assert keys.reason() == "No keys of the identity provider yet."
    with pytest.raises(KeySetUnavailableError):
        await keys.find("old", "ES256")


async def test_an_unknown_key_is_not_refused_while_the_provider_is_down() -> None:
    """It may be new: whoever holds the token is told to come again, and nobody asks more often."""
    provider = publishing(OLD)
    keys = await held(provider)
    provider.sends = DOWN
    for _ in range(20):
        with pytest.raises(KeySetUnavailableError) as caught:
            await keys.find("new", "ES256")
        provider.elapsed_s += 0.5
    fetches = provider.fetches
    provider.publish(OLD, NEW)
    provider.elapsed_s += 2 * COOLDOWN_S

    assert (caught.value.code, str(caught.value)) == (
        "NOT_READY",
        "Tokens cannot be verified just now; ask again soon.",
    )
    assert fetches == 1
    assert kid_of(await keys.find("new", "ES256")) == "new"
    assert await keys.find("unknown", "ES256") is None


async def test_many_failures_are_counted_no_further() -> None:
    """A provider that is down for days is asked once a minute, and found when it is back."""
    provider = Provider(DOWN)
    keys = provider.key_sets()
    for _ in range(1_200):
        keys.reason()
        await settle()
        provider.elapsed_s += MAX_BACK_OFF_S
    provider.publish(OLD)

    assert provider.fetches == 1_200
    assert kid_of(await keys.find("old", "ES256")) == "old"


async def test_joining_a_refresh_does_not_use_up_the_cooldown() -> None:
    """The answer under way may be older than the key; the next token may still ask."""
    provider = publishing(OLD)
    keys = await held(provider)
    provider.gate = asyncio.Event()
    provider.elapsed_s = REFRESH_S
    keys.generation()
    await settle()
    provider.publish(OLD, NEW)
    joining = asyncio.create_task(keys.find("new", "ES256"))
    await settle()
    provider.gate.set()

    assert await joining is None
    assert kid_of(await keys.find("new", "ES256")) == "new"
    assert provider.fetches == 2


async def test_nothing_is_decided_before_there_are_keys() -> None:
    """A start without the provider: not ready, tried again soon, and not by every caller."""
    provider = Provider(DOWN)
    keys = provider.key_sets()
    waited_s: list[float] = []
    last_s = 0.0
    while len(waited_s) < 8:
        with pytest.raises(KeySetUnavailableError):
            await keys.find(None, "ES256")
        if provider.fetches > len(waited_s) + 1:
            waited_s.append(provider.elapsed_s - last_s)
            last_s = provider.elapsed_s
        provider.elapsed_s += 0.5

    assert waited_s == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_asking_for_readiness_makes_it_ready() -> None:
    """A gateway that gets no requests because it is not ready must get ready by itself."""
    provider = Provider(DOWN)
    keys = provider.key_sets()
    reasons = [keys.reason()]
    await settle()
    provider.publish(OLD)
    reasons.append(keys.reason())
    provider.elapsed_s = 1
    reasons.append(keys.reason())
    await settle()
    reasons.append(keys.reason())

    assert reasons == ["No keys of the identity provider yet."] * 3 + [None]
    assert provider.fetches == 2


@pytest.mark.parametrize(
    "sends",
    [
        b"",
        b"<html>",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b"[" * 100_000,
        b'{"keys": [' + b" " * MAX_BYTES + b"]}",
        key_set(public(NEW)) + b" " * MAX_BYTES,
        key_set(public(NEW)) + b"{}",
        key_set(public(make_key("HS256", "old"))),
        key_set(*[{"kty": "oct"}] * MAX_KEYS, public(NEW)),
    ],
)
async def test_an_answer_that_is_no_key_set_changes_nothing(sends: bytes) -> None:
    """Garbage from a proxy in between must not take good keys away."""
    provider = publishing(OLD)
    keys = await held(provider)
    provider.sends = sends
    provider.elapsed_s = REFRESH_S
    keys.generation()
    await settle()

    assert len(provider.told) == 1
    assert kid_of(await keys.find("old", "ES256")) == "old"


@pytest.mark.parametrize(
    "odd",
    [
        5,
        {},
        {"kty": ["EC"]},
        {"kty": "EC", "crv": {}},
        {"kty": "AKP", "pub": "x"},
        {"kty": "RSA", "n": "", "e": "AQAB"},
        {"kty": "RSA", "n": "é", "e": "AQAB"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": "x" * 2_000, "e": "AQAB"},
        {"kty": "RSA", "n": "_" * 171, "e": "AQAB"},
        {"kty": "RSA", "n": "_" * 342, "e": "_" * 342},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519"},
        {"kty": "OKP", "crv": "Ed448", "x": "x" * 76},
        public(NEW, crv="P-384"),
        public(NEW, crv="secp256k1"),
        public(NEW, kid=7),
        public(NEW, kid="x" * 600),
        public(NEW, use="enc"),
        public(NEW, use="other"),
        public(NEW, alg="ES512"),
        public(NEW, key_ops=["sign"]),
        public(NEW, key_ops=5),
        public(make_key("HS256", "new")),
    ],
)
async def test_what_is_no_key_for_signatures_is_left_out(odd: Mapping[str, object]) -> None:
    """The other keys of the set stay good; new kinds of keys are published beside old ones."""
    provider = Provider(key_set(odd, public(OLD, use="sig", alg="ES256", key_ops=["verify"])))
    keys = provider.key_sets()
    found = [kid_of(await keys.find("old", "ES256"))]
    found += [kid_of(await keys.find("new", algorithm)) for algorithm in ALGORITHMS]

    assert found == ["old"] + [None] * len(ALGORITHMS)
    assert provider.told == []


async def test_a_private_part_that_was_published_is_not_kept() -> None:
    """What checks signatures must not hold what makes them."""
    provider = Provider(key_set(OLD.as_dict(private=True)))
    found = await provider.key_sets().find("old", "ES256")

    assert found is not None
    assert not found.is_private


async def test_the_first_of_two_keys_with_one_id_counts() -> None:
    """Which one is meant must not depend on how often the set was read."""
    provider = Provider(key_set(public(OLD), public(NEW, kid="old")))
    found = await provider.key_sets().find("old", "ES256")

    assert found is not None
    assert found.thumbprint() == OLD.thumbprint()


async def test_whoever_stops_waiting_does_not_stop_the_refresh() -> None:
    """A caller that leaves must not cost the others their keys."""
    provider = publishing(OLD)
    provider.gate = asyncio.Event()
    keys = provider.key_sets()
    leaving, staying = (asyncio.create_task(keys.find("old", "ES256")) for _ in range(2))
    await settle()
    leaving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leaving
    provider.gate.set()

    assert kid_of(await staying) == "old"
    assert provider.fetches == 1


async def test_a_source_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait ends, also where a source forgot to end it."""
    monkeypatch.setattr(key_sets, "FETCH_S", 0.01)
    provider = publishing(OLD)
    provider.gate = asyncio.Event()

    with pytest.raises(KeySetUnavailableError):
        await provider.key_sets().find("old", "ES256")
    assert provider.told == ["TimeoutError: "]


async def test_the_log_hears_the_detail() -> None:
    """What a source says for the log only is what the log hears."""
    provider = Provider(KeySetUnavailableError("No keys.", detail="status 500"))
    keys = provider.key_sets()
    keys.reason()
    await settle()

    assert provider.told == ["KeySetUnavailableError: status 500"]


async def test_closing_ends_the_refresh_and_begins_no_other() -> None:
    """Nothing is left running, and nobody is left waiting."""
    provider = publishing(OLD)
    provider.gate = asyncio.Event()
    keys = provider.key_sets()
    waiting = asyncio.create_task(keys.find("old", "ES256"))
    await settle()
    await keys.aclose()
    await keys.aclose()

    with pytest.raises(KeySetUnavailableError):
        await waiting
    assert keys.reason() is not None
    await settle()
    assert provider.fetches == 1
    assert provider.told == []
