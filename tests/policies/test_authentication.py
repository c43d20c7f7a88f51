"""The chain: odd credentials, order of checks, and what is remembered for how long."""

import gc
import hmac
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from backends.store.memory import MemoryKeyStore
from orderlines.visibility import Visibility
from policies import key_authenticator
from policies.api_keys import PREFIX, Grant, KeyRecord, MintedKey, checksum, digest, hide, mint
from policies.authentication import (
    MAX_HEADER_BYTES,
    NOT_MINE,
    AuthenticationChain,
    Bad,
    Credentials,
    Refusal,
    Verdict,
    read_credentials,
    shown_in,
)
from policies.key_authenticator import (
    KEPT_S,
    MAX_REMEMBERED,
    REMEMBERED_S,
    ApiKeyAuthenticator,
)
from policies.principal import Credential, Principal

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PEPPER = b"pepper"
ALL_ROWS = Visibility.everything()

INVALID = Refusal(
    401,
    "INVALID_CREDENTIALS",
    "The credential is not valid, has ended, or was withdrawn.",
    'Bearer realm="orderline", error="invalid_token"',
    "malformed credential header",
)


@dataclass(slots=True)
class Guard:
    """An authenticator over a counting store, with clocks that stand still."""

    store: MemoryKeyStore = field(default_factory=MemoryKeyStore)
    looked_up: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0
    get_takes_s: float = 0.0

    async def get(self, key_id: str) -> bytes | None:
        """Count, then look up."""
        self.looked_up.append(key_id)
        stored = await self.store.get(key_id)
        self.elapsed_s += self.get_takes_s
        return stored

    async def put(self, key_id: str, record: bytes) -> None:
        """Keep it."""
        await self.store.put(key_id, record)

    async def new_key(self, grant: Grant | None = None, **changes: object) -> MintedKey:
        """Make a key and keep its record, changed as asked."""
        made = mint(grant or Grant("partner", frozenset({"a:b"}), ALL_ROWS), PEPPER, START)
        record = msgspec.structs.replace(made.record, **changes)
        await self.store.put(record.id, record.encode())
        return made

    async def revoke(self, made: MintedKey) -> None:
        """Withdraw a key."""
        record = msgspec.structs.replace(made.record, revoked_at=START)
        await self.store.put(record.id, record.encode())

    def authenticator(self, max_remembered: int = MAX_REMEMBERED) -> ApiKeyAuthenticator:
        """Make the authenticator."""
        return ApiKeyAuthenticator(
            self,
            PEPPER,
            now=lambda: START + timedelta(seconds=self.elapsed_s),
            clock=lambda: self.elapsed_s,
            max_remembered=max_remembered,
        )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"authorization", b"Bearer abc")], Credentials("abc")),
        ([(b"authorization", b"bEARER   abc  ")], Credentials("abc")),
        ([(b"x-api-key", b" abc ")], Credentials("abc")),
        ([(b"authorization", b"Basic YTpi")], INVALID),
        ([(b"authorization", b"Bearer")], INVALID),
        ([(b"authorization", b"")], INVALID),
        ([(b"authorization", b"Bearer a b")], INVALID),
        ([(b"authorization", b"Bearer a\x00b")], INVALID),
        ([(b"authorization", "Bearer é".encode())], INVALID),
        ([(b"x-api-key", b"")], INVALID),
        ([(b"x-api-key", b"Bearer abc")], INVALID),
        ([(b"authorization", b"Bearer a, Bearer b")], INVALID),
    ],
)
def test_odd_credentials_are_read_or_refused(
    headers: list[tuple[bytes, bytes]], expected: Credentials | Refusal
) -> None:
    """K-6: scheme in any case, blanks around, and nothing cleverer."""
    assert read_credentials(headers) == expected


def test_no_credential_is_asked_for_without_an_error_code() -> None:
    """RFC 6750: an error code belongs to a credential that was sent."""
    assert read_credentials([]) == Refusal(
        401,
        "UNAUTHENTICATED",
        "Send an API key: `Authorization: Bearer <key>`.",
        'Bearer realm="orderline"',
    )


@pytest.mark.parametrize("name", [b"x-user", b"x-tenant", b"x-forwarded-for", b"forwarded"])
def test_no_other_header_says_who_calls(name: bytes) -> None:
    """B-5: what a proxy might have said is what an attacker can say."""
    foreign = (name, b"admin")
    shown = (b"authorization", b"Bearer abc")

    assert read_credentials([foreign]) == read_credentials([])
    assert read_credentials([foreign, shown, foreign]) == Credentials("abc")


@pytest.mark.parametrize("first", [b"authorization", b"x-api-key"])
@pytest.mark.parametrize("second", [b"authorization", b"x-api-key"])
def test_two_credentials_are_a_bad_request(first: bytes, second: bytes) -> None:
    """K-6: whichever was meant, another reader could take the other one."""
    assert read_credentials([(first, b"Bearer abc"), (second, b"Bearer abc")]) == Refusal(
        400,
        "INVALID_REQUEST",
        "Credentials were sent more than once.",
        'Bearer realm="orderline", error="invalid_request"',
    )


@pytest.mark.parametrize("name", [b"authorization", b"x-api-key"])
@pytest.mark.parametrize("size", [MAX_HEADER_BYTES + 1, 1 << 20, 8 << 20])
def test_a_huge_credential_is_refused_before_any_work(name: bytes, size: int) -> None:
    """A-4: the size is checked before the text is even decoded."""
    assert read_credentials([(name, b"\xff" * size)]) == Refusal(
        431, "HEADER_TOO_LARGE", "A credential header holds at most 8192 bytes."
    )


def test_the_largest_credential_is_read() -> None:
    """A-4: the bound is part of what is allowed."""
    text = "x" * (MAX_HEADER_BYTES - len("Bearer "))

    assert read_credentials([(b"authorization", f"Bearer {text}".encode())]) == Credentials(text)


async def test_a_good_key_is_its_principal() -> None:
    """The record says who calls; the text says nothing."""
    guard = Guard()
    made = await guard.new_key()

    assert await guard.authenticator().authenticate(Credentials(made.text)) == Principal(
        id=f"key:{made.record.id}",
        name="partner",
        credential=Credential.API_KEY,
        scopes=frozenset({"a:b"}),
        visibility=Visibility.everything(),
        expires_at=None,
    )


async def test_a_wrong_checksum_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """K-1: guesses stop at arithmetic, without a look-up and without an HMAC."""
    guard = Guard()
    made = await guard.new_key()
    typo = made.text[:-1] + ("0" if made.text[-1] != "0" else "1")
    work = _count_work(monkeypatch)
    verdict = await guard.authenticator().authenticate(Credentials(typo))

    assert verdict == Bad(f"wrong checksum: {hide(typo)}")
    assert guard.looked_up == []
    assert work == []


async def test_an_unknown_id_costs_the_work_of_a_wrong_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """K-1: one look-up, HMAC and comparison each, whether the id exists or not.

    No record is read: a long one would take longer.
    """
    guard = Guard()
    made = await guard.new_key()
    authenticator = guard.authenticator()
    work = _count_work(monkeypatch)
    told = []
    for text in (_with_secret(made.record.id, "x" * 32), _with_secret("0" * 10, "x" * 32)):
        work.clear()
        told.append((await authenticator.authenticate(Credentials(text)), list(work)))

    same = ["hmac", "compare 44 with 44"]
    assert told == [
        (Bad(f"wrong secret: {PREFIX}{made.record.id[:4]}…"), same),
        (Bad(f"unknown id: {PREFIX}0000…"), same),
    ]
    assert guard.looked_up == [made.record.id, "0" * 10]


async def test_every_bad_key_is_refused_in_the_same_words() -> None:
    """What was wrong helps whoever guesses; only the log hears it."""
    guard = Guard()
    unreadable, moved, known = [await guard.new_key() for _ in range(3)]
    await guard.store.put(unreadable.record.id, unreadable.record.encode()[:-1])
    await guard.store.put(moved.record.id, known.record.encode())
    taken = _with_secret(moved.record.id, known.text.rpartition("_")[2][:32])
    texts = {
        "revoked": (await guard.new_key(revoked_at=START)).text,
        "expired": (await guard.new_key(expires_at=START)).text,
        "wrong checksum": PREFIX + "x" * 49,
        "unknown id": _with_secret("0" * 10, "x" * 32),
        "wrong secret": _with_secret(known.record.id, "x" * 32),
        "unreadable record": unreadable.text,
    }
    chain = AuthenticationChain([guard.authenticator()])
    refusals = [await chain.authenticate(Credentials(text)) for text in texts.values()]
    refusals.append(await chain.authenticate(Credentials(taken)))

    reasons = [f"{reason}: {hide(text)}" for reason, text in texts.items()]
    reasons.append(f"unreadable record: {hide(taken)}")
    assert refusals == [replace(INVALID, detail=reason) for reason in reasons]


async def test_no_secret_shows_on_the_way_or_stays_behind() -> None:
    """LOG-1: whatever is printed, and whatever is remembered, holds no key."""
    guard = Guard()
    made = await guard.new_key()
    authenticator = guard.authenticator()
    chain = AuthenticationChain([authenticator])
    secret = made.text.rpartition("_")[2][:32]
    credentials = Credentials(made.text)
    typo = Credentials(made.text[:-1] + "!")
    printed = [
        credentials,
        await chain.authenticate(credentials),
        await chain.authenticate(typo),
        await authenticator.authenticate(typo),
        vars(authenticator),
        vars(guard.store),
    ]

    assert [secret in text for one in printed for text in (repr(one), str(one))] == [False] * 12
    assert repr(credentials) == "Credentials(…)"


async def test_a_key_is_remembered_for_five_seconds() -> None:
    """K-4: a withdrawal is seen within 5 s, and thousands of questions cost one look-up."""
    guard = Guard()
    made = await guard.new_key()
    authenticator = guard.authenticator()
    for _ in range(100):
        await authenticator.authenticate(Credentials(made.text))
    await guard.revoke(made)
    guard.elapsed_s = REMEMBERED_S - 0.1
    before = await authenticator.authenticate(Credentials(made.text))
    looked_up_before = list(guard.looked_up)
    guard.elapsed_s = REMEMBERED_S
    after = await authenticator.authenticate(Credentials(made.text))

    assert REMEMBERED_S == 5
    assert isinstance(before, Principal)
    assert looked_up_before == [made.record.id]
    assert after == Bad(f"revoked: {hide(made.text)}")


async def test_a_key_that_was_found_good_is_known_at_once_for_five_seconds() -> None:
    """K-4: without a look-up, and not an instant longer than with one."""
    guard = Guard()
    made = await guard.new_key(expires_at=START + timedelta(seconds=7))
    authenticator = guard.authenticator()
    chain = AuthenticationChain([Fixed(NOT_MINE), authenticator])
    shown = made.text.encode()
    unknown = chain.authenticate_now(shown)
    principal = await chain.authenticate(Credentials(made.text))
    seen = []
    for guard.elapsed_s in (0.0, REMEMBERED_S - 0.1, REMEMBERED_S):
        seen.append(chain.authenticate_now(shown))
    await chain.authenticate(Credentials(made.text))
    for guard.elapsed_s in (6.9, 7.0):
        seen.append(chain.authenticate_now(shown))

    assert unknown is None
    assert seen == [principal, principal, None, principal, None]


@pytest.mark.parametrize("other", [b"", b" %s", b"%s ", b"x%s", b"%s%s", b"%s, Bearer %s", b"\xff"])
async def test_another_spelling_of_a_key_is_not_known_at_once(other: bytes) -> None:
    """What is not the very text that was found good is looked at with care."""
    guard = Guard()
    made = await guard.new_key()
    authenticator = guard.authenticator()
    await authenticator.authenticate(Credentials(made.text))
    text = made.text.encode()

    assert authenticator.authenticate_now(other.replace(b"%s", text)) is None
    assert isinstance(authenticator.authenticate_now(text), Principal)


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({}, b""),
        ({b"authorization": b"Bearer abc"}, b"abc"),
        ({b"x-api-key": b"abc"}, b"abc"),
        ({b"authorization": b"bearer abc"}, b""),
        ({b"authorization": b"Basic abc"}, b""),
        ({b"authorization": b"Bearer abc", b"x-api-key": b"abc"}, b""),
        ({b"authorization": b"Bearer ".ljust(MAX_HEADER_BYTES, b"a")}, b"a" * 8_185),
        ({b"authorization": b"Bearer ".ljust(MAX_HEADER_BYTES + 1, b"a")}, b""),
        ({b"x-api-key": b"a" * (MAX_HEADER_BYTES + 1)}, b""),
    ],
)
def test_what_most_callers_show_is_found_at_once(headers: dict[bytes, bytes], shown: bytes) -> None:
    """K-6: what could be two credentials, or none, is left to whoever looks at all headers."""
    assert shown_in(headers) == shown


async def test_a_slow_look_up_does_not_put_a_withdrawal_off() -> None:
    """K-4: a key withdrawn while its record is on the way is seen 5 s from the question."""
    guard = Guard(get_takes_s=3)
    made = await guard.new_key()
    authenticator = guard.authenticator()
    first = await authenticator.authenticate(Credentials(made.text))
    await guard.revoke(made)
    guard.elapsed_s = REMEMBERED_S

    assert isinstance(first, Principal)
    assert await authenticator.authenticate(Credentials(made.text)) == Bad(
        f"revoked: {hide(made.text)}"
    )


async def test_a_remembered_key_ends_when_it_expires() -> None:
    """Expiry is not put off by the memory."""
    guard = Guard()
    made = await guard.new_key(expires_at=START + timedelta(seconds=2))
    authenticator = guard.authenticator()
    first = await authenticator.authenticate(Credentials(made.text))
    guard.elapsed_s = 2.0

    assert isinstance(first, Principal)
    assert await authenticator.authenticate(Credentials(made.text)) == Bad(
        f"expired: {hide(made.text)}"
    )


async def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    """Many keys must not become much memory."""
    guard = Guard()
    keys = [await guard.new_key() for _ in range(3)]
    authenticator = guard.authenticator(max_remembered=2)
    for made in (*keys, keys[2], keys[0]):
        await authenticator.authenticate(Credentials(made.text))

    assert guard.looked_up == [made.record.id for made in (*keys, keys[0])]


async def test_ten_thousand_keys_in_turn_are_looked_up_once_each() -> None:
    """The memory holds every key in use, not only the latest."""
    guard = Guard()
    rng = random.Random(1)  # noqa: S311 - keys of a test, and many
    grant = Grant("partner", frozenset(), Visibility.nothing())
    texts = []
    for _ in range(10_000):
        made = mint(grant, PEPPER, START, rng.choice)
        await guard.store.put(made.record.id, made.record.encode())
        texts.append(made.text)
    authenticator = guard.authenticator()
    for text in texts * 2:
        await authenticator.authenticate(Credentials(text))

    assert len(guard.looked_up) == len(set(guard.looked_up)) == 10_000


async def test_what_has_ended_is_forgotten() -> None:
    """A busy hour leaves no memory behind: the next key clears what has ended."""
    guard = Guard()
    keys = [await guard.new_key(Grant(f"brief {n}", frozenset(), ALL_ROWS)) for n in range(3)]
    authenticator = guard.authenticator()
    for made in keys[:2]:
        await authenticator.authenticate(Credentials(made.text))
    held_before = _names_of_live_principals("brief")
    guard.elapsed_s = REMEMBERED_S + KEPT_S
    await authenticator.authenticate(Credentials(keys[2].text))

    assert held_before == ["brief 0", "brief 1"]
    assert _names_of_live_principals("brief") == ["brief 2"]


async def test_a_record_that_did_not_change_is_fetched_and_not_verified_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that did is verified from its first byte on; one that is gone is nobody's."""
    guard = Guard()
    made = await guard.new_key()
    authenticator, asked = guard.authenticator(), Credentials(made.text)
    first = await authenticator.authenticate(asked)
    verified: list[str] = []

    def counted(secret: str, pepper: bytes) -> bytes:
        verified.append(secret)
        return digest(secret, pepper)

    monkeypatch.setattr(key_authenticator, "digest", counted)
    for _ in range(3):
        guard.elapsed_s += REMEMBERED_S
        assert await authenticator.authenticate(asked) == first
    unchanged = list(verified)
    other = msgspec.structs.replace(made.record, name="renamed")
    await guard.put(other.id, other.encode())
    guard.elapsed_s += REMEMBERED_S
    renamed = await authenticator.authenticate(asked)

    assert unchanged == []
    assert len(guard.looked_up) == 6  # the last one twice: to compare, and to verify
    assert isinstance(renamed, Principal)
    assert (renamed.name, len(verified)) == ("renamed", 1)


@dataclass(frozen=True, slots=True)
class Fixed:
    """An authenticator that always says the same."""

    verdict: Verdict

    def authenticate_now(self, shown: bytes) -> None:
        """Know nobody at once."""
        del shown

    async def authenticate(self, credentials: Credentials) -> Verdict:
        """Say it."""
        del credentials
        return self.verdict


async def test_the_chain_asks_on_until_one_knows_the_kind() -> None:
    """A member that says "not mine" leaves the credential to the next."""
    guard = Guard()
    made = await guard.new_key()
    chain = AuthenticationChain([Fixed(NOT_MINE), guard.authenticator()])

    assert isinstance(await chain.authenticate(Credentials(made.text)), Principal)


async def test_a_bad_credential_ends_the_chain() -> None:
    """No later member may take for good what an earlier one knows to be bad."""
    guard = Guard()
    made = await guard.new_key()
    chain = AuthenticationChain([Fixed(Bad("mine")), guard.authenticator()])

    assert await chain.authenticate(Credentials(made.text)) == replace(INVALID, detail="mine")
    assert guard.looked_up == []


async def test_a_credential_that_is_nobodys_is_refused() -> None:
    """Default deny: a kind that no member knows is not let through, nor looked up."""
    guard = Guard()
    key = guard.authenticator()
    token = Credentials("eyJ.somebody.else")

    assert await key.authenticate(token) is NOT_MINE
    assert await AuthenticationChain([key]).authenticate(token) == replace(
        INVALID, detail="no authenticator knows this kind of credential"
    )
    assert guard.looked_up == []


def _with_secret(key_id: str, secret: str) -> str:
    body = f"{PREFIX}{key_id}_{secret}"
    return body + checksum(body)


def _names_of_live_principals(prefix: str) -> list[str]:
    alive = (one.name for one in gc.get_objects() if isinstance(one, Principal))
    return sorted(name for name in alive if name.startswith(prefix))


def _count_work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every piece of work that depends on what is known of a key."""
    work: list[str] = []
    decode, compare_digest = KeyRecord.decode, hmac.compare_digest

    def noted_decode(stored: bytes) -> KeyRecord | None:
        work.append("decode")
        return decode(stored)

    def noted_digest(secret: str, pepper: bytes) -> bytes:
        work.append("hmac")
        return digest(secret, pepper)

    def noted_compare(left: bytes, right: bytes) -> bool:
        if isinstance(left, bytes):  # a checksum is text, and compared for every key
            work.append(f"compare {len(left)} with {len(right)}")
        return compare_digest(left, right)

    monkeypatch.setattr(KeyRecord, "decode", noted_decode)
    monkeypatch.setattr(key_authenticator, "digest", noted_digest)
    monkeypatch.setattr(hmac, "compare_digest", noted_compare)
    return work
