"""The chain: odd credentials, order of checks, and what is remembered for how long."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from backends.store.memory import MemoryKeyStore
from orderlines.visibility import Visibility
from policies import authentication
from policies.api_keys import PREFIX, Grant, MintedKey, checksum, mint
from policies.authentication import (
    NOT_MINE,
    ApiKeyAuthenticator,
    AuthenticationChain,
    Bad,
    Credentials,
    Refusal,
    Verdict,
    read_credentials,
)
from policies.principal import Credential, Principal

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PEPPER = b"pepper"

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

    async def get(self, key: str) -> bytes | None:
        """Count, then look up."""
        self.looked_up.append(key)
        return await self.store.get(key)

    async def new_key(self, grant: Grant | None = None, **changes: object) -> MintedKey:
        """Make a key and keep its record, changed as asked."""
        made = mint(
            grant or Grant("partner", frozenset({"a:b"}), Visibility.everything()), PEPPER, START
        )
        record = msgspec.structs.replace(made.record, **changes)
        await self.store.put(record.id, record.encode())
        return made

    def authenticator(self, **options: float) -> ApiKeyAuthenticator:
        """Make the authenticator."""
        return ApiKeyAuthenticator(
            self,
            PEPPER,
            now=lambda: START + timedelta(seconds=self.elapsed_s),
            clock=lambda: self.elapsed_s,
            **options,  # type: ignore[arg-type] # bounds are numbers
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
    ],
)
def test_odd_credentials_are_read_or_refused(
    headers: list[tuple[bytes, bytes]], expected: Credentials | Refusal
) -> None:
    """K-6: scheme in any case, blanks around, and nothing cleverer."""
    assert read_credentials(headers) == expected


def test_no_credential_is_asked_for_without_an_error_code() -> None:
    """RFC 6750: an error code belongs to a credential that was sent."""
    refusal = read_credentials([(b"x-user", b"admin"), (b"x-forwarded-for", b"127.0.0.1")])

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (401, "UNAUTHENTICATED")
    assert refusal.www_authenticate == 'Bearer realm="orderline"'


@pytest.mark.parametrize("second", [b"authorization", b"x-api-key"])
def test_two_credentials_are_a_bad_request(second: bytes) -> None:
    """K-6: whichever was meant, another reader could take the other one."""
    refusal = read_credentials([(b"authorization", b"Bearer abc"), (second, b"Bearer abc")])

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (400, "INVALID_REQUEST")
    assert 'error="invalid_request"' in (refusal.www_authenticate or "")


def test_a_huge_credential_is_refused_before_any_work() -> None:
    """A-4: the size is checked before the text is even decoded."""
    refusal = read_credentials([(b"authorization", b"Bearer " + b"\xff" * 8192)])

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (431, "HEADER_TOO_LARGE")


def test_credentials_do_not_show_themselves() -> None:
    """LOG-1: a credential in an error report is a leak."""
    assert repr(Credentials("secret")) == "Credentials(…)"


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


async def test_a_wrong_checksum_looks_nothing_up() -> None:
    """K-1: guesses stop at arithmetic."""
    guard = Guard()
    made = await guard.new_key()
    typo = made.text[:-1] + ("0" if made.text[-1] != "0" else "1")

    assert await guard.authenticator().authenticate(Credentials(typo)) == Bad("checksum")
    assert guard.looked_up == []


async def test_an_unknown_id_costs_the_work_of_a_wrong_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """K-1: one look-up, one HMAC and one comparison, whether the id exists or not."""
    guard = Guard()
    made = await guard.new_key()
    wrong = _with_secret(made.record.id, "x" * 32)
    unknown = _with_secret("0" * 10, "x" * 32)
    work: list[str] = []

    def counted_digest(secret: str, pepper: bytes) -> bytes:
        work.append("hmac")
        return hmac.new(pepper, secret.encode(), hashlib.sha256).digest()

    def counted_compare(left: bytes, right: bytes) -> bool:
        work.append(f"compare {len(left)} with {len(right)}")
        return compare_digest(left, right)

    compare_digest = hmac.compare_digest
    monkeypatch.setattr(authentication, "digest", counted_digest)
    monkeypatch.setattr(hmac, "compare_digest", counted_compare)
    authenticator = guard.authenticator()
    seen = []
    for text in (wrong, unknown):
        work.clear()
        verdict = await authenticator.authenticate(Credentials(text))
        seen.append((verdict, tuple(work)))

    assert [verdict for verdict, _ in seen] == [Bad("wrong secret"), Bad("unknown id")]
    assert seen[0][1] == seen[1][1] != ()
    assert guard.looked_up == [made.record.id, "0" * 10]


async def test_every_bad_key_is_refused_in_the_same_words() -> None:
    """What was wrong helps whoever guesses; only the log hears it."""
    guard = Guard()
    chain = AuthenticationChain([guard.authenticator()])
    texts = {
        "revoked": (await guard.new_key(revoked_at=START)).text,
        "expired": (await guard.new_key(expires_at=START)).text,
        "checksum": PREFIX + "x" * 49,
        "unknown id": _with_secret("0" * 10, "x" * 32),
    }
    unreadable = await guard.new_key()
    await guard.store.put(unreadable.record.id, b"{}")
    texts["unreadable record"] = unreadable.text
    refusals = [await chain.authenticate(Credentials(text)) for text in texts.values()]

    assert all(isinstance(one, Refusal) for one in refusals)
    assert [one.detail for one in refusals if isinstance(one, Refusal)] == list(texts)
    assert (
        len(
            {
                (one.status, one.code, one.message, one.www_authenticate)
                for one in refusals
                if isinstance(one, Refusal)
            }
        )
        == 1
    )


async def test_a_key_is_remembered_for_five_seconds() -> None:
    """K-4: a withdrawal is seen within 5 s, and thousands of questions cost one look-up."""
    guard = Guard()
    made = await guard.new_key()
    authenticator = guard.authenticator()
    for _ in range(100):
        await authenticator.authenticate(Credentials(made.text))
    looked_up_while_fresh = len(guard.looked_up)
    await guard.store.put(
        made.record.id, msgspec.structs.replace(made.record, revoked_at=START).encode()
    )
    guard.elapsed_s = 4.9
    before = await authenticator.authenticate(Credentials(made.text))
    guard.elapsed_s = 5.0

    assert looked_up_while_fresh == 1
    assert isinstance(before, Principal)
    assert await authenticator.authenticate(Credentials(made.text)) == Bad("revoked")


async def test_a_remembered_key_ends_when_it_expires() -> None:
    """Expiry is not put off by the memory."""
    guard = Guard()
    made = await guard.new_key(expires_at=START + timedelta(seconds=2))
    authenticator = guard.authenticator()
    first = await authenticator.authenticate(Credentials(made.text))
    guard.elapsed_s = 2.0

    assert isinstance(first, Principal)
    assert await authenticator.authenticate(Credentials(made.text)) == Bad("expired")


async def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    """Many keys must not become much memory."""
    guard = Guard()
    keys = [await guard.new_key() for _ in range(3)]
    authenticator = guard.authenticator(max_remembered=2)
    for made in (*keys, keys[2], keys[0]):
        await authenticator.authenticate(Credentials(made.text))

    assert guard.looked_up == [made.record.id for made in (*keys, keys[0])]


@dataclass(frozen=True, slots=True)
class Fixed:
    """An authenticator that always says the same."""

    verdict: Verdict

    async def authenticate(self, credentials: Credentials) -> Verdict:
        """Say it."""
        del credentials
        return self.verdict


async def test_the_chain_stops_at_the_first_that_knows_the_kind() -> None:
    """A bad credential ends the chain: no other member may take it for good."""
    guard = Guard()
    made = await guard.new_key()
    key = guard.authenticator()
    other = Credentials("eyJ.somebody.else")
    nobody = await AuthenticationChain([key]).authenticate(other)
    bad = await AuthenticationChain([Fixed(Bad("mine")), key]).authenticate(Credentials(made.text))

    assert await key.authenticate(other) is NOT_MINE
    assert isinstance(nobody, Refusal)
    assert nobody.detail == "no authenticator knows this kind of credential"
    assert isinstance(bad, Refusal)
    assert isinstance(
        await AuthenticationChain([Fixed(NOT_MINE), key]).authenticate(Credentials(made.text)),
        Principal,
    )


def _with_secret(key_id: str, secret: str) -> str:
    body = f"{PREFIX}{key_id}_{secret}"
    return body + checksum(body)
