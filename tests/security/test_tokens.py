"""Attacks on tokens and on the keys behind them, by their numbers in the threat list."""

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest
from joserfc import jwe
from joserfc.jwk import Key, OctKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from backends.store.memory import MemoryKeyStore
from gateway.oidc import open_oidc
from orderlines.visibility import Visibility
from policies.api_keys import Grant, mint
from policies.authentication import (
    MAX_HEADER_BYTES,
    NOT_MINE,
    AuthenticationChain,
    Bad,
    Credentials,
    Refusal,
    read_credentials,
    refused,
)
from policies.key_authenticator import ApiKeyAuthenticator
from policies.key_sets import COOLDOWN_S, KEPT_S, REFRESH_S, KeySetUnavailableError
from policies.principal import Principal
from policies.tokens import LEEWAY_S
from tests.backends.loopback import Loopback, answer, serving
from tests.gateway.identity_provider import DISCOVERY, KEYS, Stub
from tests.policies.token_kit import (
    AUDIENCE,
    ISSUER,
    NOW,
    SETTINGS,
    START,
    Guard,
    Provider,
    claims,
    key_set,
    make_key,
    public,
    publishing,
    put_together,
    sign,
)
from tests.timing import cpu_ms

PEPPER: Final = b"a pepper for tests, 32 bytes long"
RSA: Final = make_key("RS256", "rsa")
EC: Final = make_key("ES256", "ec")
STRANGER: Final = make_key("ES256", "stranger")
INVALID: Final = refused("")


async def caller(one: Guard, text: str) -> Principal | Refusal:
    """Ask at the door, without what only the log hears."""
    found = await AuthenticationChain([one.authenticator]).authenticate(Credentials(text))
    return replace(found, detail="") if isinstance(found, Refusal) else found


@asynccontextmanager
async def provided(stub: Stub) -> AsyncIterator[tuple[Guard, Loopback]]:
    """Guard with a provider behind real sockets; its clock belongs to the test."""
    async with serving(stub.script) as server:
        issuer = stub.describe(server)
        settings = msgspec.structs.replace(SETTINGS, issuer=issuer)
        async with open_oidc(settings, timeout_s=0.2) as source:
            one = Guard(Provider(b""), settings, source=source)
            yield one, server
            await one.keys.aclose()


def header_of(**members: object) -> bytes:
    """Write a header that passes for that of an access token."""
    return json.dumps({"typ": "at+jwt", **members}).encode()


def public_pem(key: Key) -> bytes:
    """Write the public part of a key as everybody may have it."""
    assert isinstance(key, RSAKey)
    return key.as_pem(private=False)


def forgeries(issuer: str, address: str) -> dict[str, str]:
    """Forge a token in every way that has worked somewhere."""
    payload = json.dumps(claims(iss=issuer, orderline_customers="ALL")).encode()
    good = sign(payload, EC)
    head, body, signature = good.split(".")
    r_and_s = urlsafe_b64decode(signature.encode())
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    forged = {
        f"alg {name} {kid} {len(given)}": put_together(header_of(alg=name, **kid), payload, given)
        for name in ("none", "None", "nOnE", "NONE", "")
        for kid in ({}, {"kid": "ec"})
        for given in (b"", r_and_s)
    }
    for secret in (public_pem(RSA), public_pem(RSA).strip(), json.dumps(public(RSA)).encode(), b""):
        unsigned = put_together(header_of(alg="HS256", kid="rsa"), payload).rpartition(".")[0]
        mac = hmac.digest(secret, unsigned.encode(), hashlib.sha256)
        forged[f"HS256 {len(secret)}"] = f"{unsigned}.{urlsafe_b64encode(mac).decode()}"
    for kid in (None, "ec", "stranger"):
        named: dict[str, Any] = {
            "jwk": public(STRANGER),
            "jku": f"{address}/jku",
            "x5u": f"{address}/x5u",
            "x5c": ["MIIB"],
        }
        for name, value in named.items():
            forged[f"{name} {kid}"] = sign(payload, STRANGER, kid=kid, **{name: value})
    for r, s in ((0, 0), (1, 0), (0, 1), (order, order), (1, 1)):
        number = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        forged[f"r={r} s={s}"] = put_together(header_of(alg="ES256", kid="ec"), payload, number)
    swapped_alg = header_of(alg="PS256", kid="rsa")
    return forged | {
        "empty signature": f"{head}.{body}.",
        "half a signature": f"{head}.{body}.{signature[:43]}",
        "a longer signature": f"{good}AAAA",
        "other claims": f"{head}.{urlsafe_b64encode(payload + b' ').decode()}.{signature}",
        "other header": f"{urlsafe_b64encode(header_of(alg='ES256')).decode()}.{body}.{signature}",
        "swapped key id": sign(payload, EC, kid="rsa"),
        "swapped key id, same kind": sign(payload, EC, kid="ec2"),
        "key of a stranger": sign(payload, STRANGER, kid="ec"),
        "swapped algorithm": put_together(
            swapped_alg, payload, urlsafe_b64decode(sign(payload, RSA, "RS256")[-342:].encode())
        ),
    }


async def test_a1_no_forged_token_is_believed_and_no_address_in_one_is_called() -> None:
    """Keys come from the provider alone; whatever a token says about itself is not asked."""
    stub = Stub({KEYS: (answer(key_set(*map(public, (RSA, EC, make_key("ES256", "ec2"))))),)})
    async with provided(stub) as (one, server):
        # A look at what is new was just had: from here on every call would be a token's doing.
        await one.verdict(sign(claims(), STRANGER, kid="unknown"))
        stub.asked.clear()
        texts = forgeries(one.settings.issuer, server.origin)
        answers = {name: await caller(one, text) for name, text in texts.items()}
        reasons = {repr(await one.verdict(text)) for text in texts.values()}
        good = await one.verdict(sign(claims(iss=one.settings.issuer), EC))

    assert len(texts) == 50
    assert answers == dict.fromkeys(texts, INVALID)
    assert not any("claims" in reason for reason in reasons)
    assert isinstance(good, Principal)
    assert stub.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": "NaN"},
        {"exp": str(NOW + 600)},
        {"exp": True},
        {"exp": [NOW + 600]},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 0},
        {"exp": -1},
        {"exp": NOW - LEEWAY_S},
        {"nbf": NOW + LEEWAY_S + 1},
        {"nbf": "soon"},
        {"iat": NOW + LEEWAY_S + 1},
        {"iat": False},
        {"iss": None},
        {"iss": ""},
        {"iss": f"{ISSUER}/"},
        {"iss": ISSUER.upper()},
        {"iss": [ISSUER]},
        {"aud": None},
        {"aud": ""},
        {"aud": []},
        {"aud": AUDIENCE + "s"},
        {"aud": ["other"]},
        {"aud": [[AUDIENCE]]},
        {"aud": {AUDIENCE: True}},
        {"sub": None},
        {"sub": ""},
        {"sub": 17},
        {"sub": ["u-17"]},
    ],
    ids=str,
)
async def test_a2_a_claim_that_does_not_hold_refuses_the_token(changes: dict[str, Any]) -> None:
    """A good signature says who wrote it, not that it is for us, or still."""
    assert await caller(Guard(publishing(EC)), sign(claims(**changes), EC)) == INVALID


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - LEEWAY_S + 1},
        {"exp": NOW + 0.5},
        {"nbf": NOW + LEEWAY_S},
        {"iat": NOW + LEEWAY_S},
        {"iat": None},
        {"aud": ["other", AUDIENCE]},
    ],
    ids=str,
)
async def test_a2_a_claim_that_holds_within_the_leeway_is_believed(changes: dict[str, Any]) -> None:
    """Half a minute of difference between clocks refuses nobody."""
    found = await caller(Guard(publishing(EC)), sign(claims(**changes), EC))

    assert isinstance(found, Principal)


@pytest.mark.parametrize("kind", [None, "", "JWT", "jwt", "id+jwt", "logout+jwt", "at+jwt ", "at"])
async def test_a2_another_kind_of_token_is_no_access_token(kind: str | None) -> None:
    """An ID token says who signed in, and is shown to others than us."""
    text = sign(claims(nonce="n", at_hash="h"), EC, typ=kind)

    assert await caller(Guard(publishing(EC)), text) == INVALID


async def test_a3_a_clock_that_is_wrong_accepts_only_within_the_leeway() -> None:
    """From ten minutes behind to ten minutes ahead: the leeway is all there is."""
    text = sign(claims(nbf=NOW, exp=NOW + 300), EC)
    accepted = []
    for skew_s in range(-600, 601, 10):
        one = Guard(publishing(EC))
        one.provider.elapsed_s = skew_s
        if isinstance(await caller(one, text), Principal):
            accepted.append(skew_s)

    assert accepted == list(range(-LEEWAY_S, 300 + LEEWAY_S, 10))


def run_once(step: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run what never waits, without a loop."""
    with pytest.raises(StopIteration):
        step().send(None)


@pytest.mark.parametrize("size", [MAX_HEADER_BYTES + 1, 1 << 20, 8 << 20])
def test_a4_a_huge_token_costs_nothing(size: int) -> None:
    """It is refused by its size, at the header and once more by the authenticator."""
    headers = [(b"authorization", b"Bearer e." + b"a" * size + b".e")]
    credentials = Credentials("e." + "a" * size + ".e")
    authenticator = Guard(publishing(EC)).authenticator
    verdicts: list[object] = []

    async def ask() -> None:
        verdicts.append(await authenticator.authenticate(credentials))

    assert cpu_ms(lambda: read_credentials(headers)) < 1
    assert cpu_ms(lambda: run_once(ask)) < 1
    assert set(verdicts) == {NOT_MINE}


async def test_a4_the_largest_token_costs_little_more_than_a_small_one() -> None:
    """Within the bound, too, size buys an attacker no work; nothing is kept of it."""
    one = Guard(publishing(EC))
    await one.verdict(sign(claims(), EC, kid="unknown"))
    small = sign(claims(), STRANGER, kid="ec")
    room = (MAX_HEADER_BYTES - len("Bearer ") - len(small)) * 3 // 4 - 32
    large = sign(claims(x="x" * room), STRANGER, kid="ec")
    wide = put_together(header_of(alg="ES256", kid="ec", x="x" * 5_900), b"{}")
    spent = {}
    for text in (small, large, wide):
        assert len(text) <= MAX_HEADER_BYTES
        spent[text] = cpu_ms(lambda text=text: run_once(lambda: one.verdict(text)))  # type: ignore[misc]

    assert len(large) > MAX_HEADER_BYTES - 100
    assert max(spent.values()) < 1
    assert await one.verdict(large) == Bad("token: wrong signature")
    assert await one.verdict(wide) == Bad("token: unreadable")


async def test_a5_a_rotation_refuses_nobody_and_costs_one_fetch() -> None:
    """New keys appear while tokens of both are shown; then the old one is taken back."""
    rng = random.Random(5)  # noqa: S311 - an order for a test
    stub = Stub()
    async with provided(stub) as (one, _):

        def publish(*names: str) -> None:
            keys = (public(make_key("ES256", name)) for name in names)
            stub.answers[KEYS] = (answer(key_set(*keys)),)

        def token(name: str, number: int) -> str:
            payload = claims(sub=f"u-{number}", iss=one.settings.issuer, exp=NOW + 10**6)
            return sign(payload, make_key("ES256", name))

        publish("r0")
        assert isinstance(await one.verdict(token("r0", 0)), Principal)
        refused_valid, fetches, kept_removed = 0, [], 0
        for turn in range(1, 6):
            old, new = f"r{turn - 1}", f"r{turn}"
            one.provider.elapsed_s += COOLDOWN_S
            publish(old, new)
            texts = [token(name, number) for name in (old, new) for number in range(100)]
            rng.shuffle(texts)
            before = stub.asked.count(KEYS)
            verdicts = await asyncio.gather(*map(one.verdict, texts))
            fetches.append(stub.asked.count(KEYS) - before)
            refused_valid += sum(not isinstance(verdict, Principal) for verdict in verdicts)
            publish(new)
            one.provider.elapsed_s += REFRESH_S
            one.keys.generation()
            for _ in range(1_000):
                if one.keys.generation() == 2 * turn + 1:
                    break
                await asyncio.sleep(0.001)
            kept_removed += isinstance(await one.verdict(token(old, 1)), Principal)

    assert (refused_valid, kept_removed) == (0, 0)
    assert fetches == [1] * 5
    assert stub.asked.count(DISCOVERY) == 1


@pytest.mark.parametrize("is_down", [False, True])
async def test_a6_random_key_ids_cause_no_storm(is_down: bool) -> None:  # noqa: FBT001
    """Ten thousand tokens in 100 s: one fetch in 10 s at most, and good tokens do not wait."""
    rng = random.Random(6)  # noqa: S311 - names for a test
    provider = publishing(EC)
    one = Guard(provider)
    good = sign(claims(), EC)
    assert isinstance(await one.verdict(good), Principal)
    if is_down:
        provider.sends = ConnectionError("down")
    head, body = header_of(alg="ES256"), json.dumps(claims()).encode()
    asked_at: list[float] = []
    for number in range(10_000):
        provider.elapsed_s = number / 100
        kid = f"{rng.getrandbits(64):x}"
        text = put_together(head[:-1] + b', "kid": "%s"}' % kid.encode(), body)
        before = provider.fetches
        try:
            assert await one.verdict(text) == Bad("token: unknown key")
            assert not is_down
        except KeySetUnavailableError:
            assert is_down
        asked_at += [provider.elapsed_s] * (provider.fetches - before)
        if number % 100 == 0:
            run_once(lambda: one.verdict(good))

    assert min(later - sooner for sooner, later in pairwise(asked_at)) >= COOLDOWN_S
    assert len(asked_at) == (3 if is_down else 10)


FAULTS: Final[dict[str, tuple[bytes, ...] | None]] = {
    "silent": None,
    "slow": (b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", *[b" "] * 9_999),
    "garbage": (b"\x00\xff garbage \r\n\r\n",),
    "a page": (answer(b"<html>Sign in</html>", b"content-type: text/html"),),
    "no keys": (answer(b'{"keys": []}'),),
    "10 MB": (answer(b'{"keys": [' + b" " * 10_000_000 + b"]}"),),
    "redirect": (answer(b"", b"location: /stolen", status=b"302 Found"),),
    "an error": (answer(b"", status=b"503 Service Unavailable"),),
    "closes": (),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a7_old_keys_serve_for_a_day_whatever_the_provider_does(fault: str) -> None:
    """Known callers do not notice; when nothing can be trusted any more, nothing is."""
    good = answer(key_set(public(EC)))
    stub = Stub({KEYS: (good,), "/stolen": (answer(key_set(public(STRANGER))),)})
    async with provided(stub) as (one, _):
        text = sign(claims(iss=one.settings.issuer, exp=NOW + 10 * 86_400), EC)
        foreign = sign(claims(iss=one.settings.issuer, exp=NOW + 10 * 86_400), STRANGER)
        known = [await one.verdict(text)]
        stub.answers[KEYS], stub.pause_s = FAULTS[fault], 0.001
        for elapsed_s in (REFRESH_S, 3_600.0, KEPT_S - 1):
            one.provider.elapsed_s = elapsed_s
            known.append(await one.verdict(text))
            with pytest.raises(KeySetUnavailableError):
                await one.verdict(foreign)
        one.provider.elapsed_s = KEPT_S
        with pytest.raises(KeySetUnavailableError):
            await one.verdict(text)
        reason = one.keys.reason()
        stub.answers[KEYS] = (good,)
        one.provider.elapsed_s += 60
        known.append(await one.verdict(text))

    assert [isinstance(verdict, Principal) for verdict in known] == [True] * 5
    assert reason == "No keys of the identity provider yet."
    assert "/stolen" not in stub.asked


@pytest.mark.parametrize("fault", FAULTS)
async def test_a7_a_start_without_the_provider_serves_api_keys(fault: str) -> None:
    """Not ready, and no token is called bad; it heals without a restart."""
    store = MemoryKeyStore()
    made = mint(Grant("portal", frozenset(), Visibility.nothing()), PEPPER, START)
    await store.put(made.record.id, made.record.encode())
    stub = Stub({KEYS: FAULTS[fault]}, pause_s=0.001)
    async with provided(stub) as (one, _):
        chain = AuthenticationChain([ApiKeyAuthenticator(store, PEPPER), one.authenticator])
        token = Credentials(sign(claims(iss=one.settings.issuer), EC))
        with pytest.raises(KeySetUnavailableError) as caught:
            await chain.authenticate(token)
        reason = one.keys.reason()
        by_key = await chain.authenticate(Credentials(made.text))
        stub.answers[KEYS] = (answer(key_set(public(EC))),)
        one.provider.elapsed_s += 60
        by_token = await chain.authenticate(token)
        healed = one.keys.reason()

    assert caught.value.code == "NOT_READY"
    assert (reason, healed) == ("No keys of the identity provider yet.", None)
    assert isinstance(by_key, Principal)
    assert isinstance(by_token, Principal)


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": NOW + 600},
        {"crit": ["unknown"], "unknown": True},
        {"crit": ["unknown"]},
        {"crit": []},
        {"crit": "b64", "b64": True},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": True},
    ],
    ids=str,
)
async def test_a8_what_is_critical_and_unknown_refuses_the_token(header: dict[str, Any]) -> None:
    """Signed by the provider itself, and still: nothing critical is understood here."""
    plain = {"alg": "ES256", "typ": "at+jwt", "kid": "ec", **header}
    head, body = (urlsafe_b64encode(json.dumps(one).encode()) for one in (plain, claims()))
    unsigned = head + b"." + body
    signature = sign_bytes(unsigned)

    assert await caller(Guard(publishing(EC)), f"{unsigned.decode()}.{signature}") == INVALID


def sign_bytes(unsigned: bytes) -> str:
    """Sign what joserfc would not put together."""
    signature: bytes = JWSRegistry.algorithms["ES256"].sign(unsigned, EC)
    return urlsafe_b64encode(signature).decode()


async def test_a8_an_encrypted_token_is_not_unpacked() -> None:
    """A small one could hold ten megabytes of nothing; encryption is nobody's kind here."""
    key = OctKey.generate_key(128)
    bomb = jwe.encrypt_compact(
        {"alg": "dir", "enc": "A128GCM", "zip": "DEF"}, bytes(5_000_000), key
    )
    one = Guard(publishing(EC))

    assert len(bomb) < MAX_HEADER_BYTES
    assert cpu_ms(lambda: run_once(lambda: one.verdict(bomb))) < 1
    assert await one.verdict(bomb) is NOT_MINE
    assert await caller(one, bomb) == INVALID
