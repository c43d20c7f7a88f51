"""A provider over real sockets: what is asked, what is believed, and what is not followed."""

import time
from collections.abc import Mapping

import pytest

from gateway.oidc import DISCOVERED_S, TIMEOUT_S, open_oidc
from gateway.settings import SettingsError
from policies.key_sets import MAX_BYTES, KeySetUnavailableError
from policies.settings import OidcSettings
from tests.backends.loopback import answer, serving
from tests.gateway.identity_provider import DISCOVERY, KEYS, SET, Stub


def settings(issuer: str) -> OidcSettings:
    """Make the settings of a provider."""
    return OidcSettings(issuer=issuer, audience="orderline")


async def refusal(
    stub: Stub, metadata: Mapping[str, object] | None = None, timeout_s: float = TIMEOUT_S
) -> str:
    """Fetch once, in vain; say why, without the address of the stub."""
    async with serving(stub.script) as server:
        answers = dict(stub.answers)
        issuer = stub.describe(server, **(metadata or {}))
        stub.answers.update(answers)
        async with open_oidc(settings(issuer), timeout_s=timeout_s) as source:
            with pytest.raises(KeySetUnavailableError) as caught:
                await source.fetch()
    assert str(caught.value) == "The identity provider gave no keys."
    return caught.value.detail.replace(server.origin, "")


async def test_the_keys_are_where_the_provider_says() -> None:
    """Discovery is asked once; the keys each time."""
    stub = Stub()
    async with serving(stub.script) as server:
        issuer = stub.describe(server)
        async with open_oidc(settings(issuer)) as source:
            fetched = [await source.fetch() for _ in range(3)]
    head = server.requests[0].lower()

    assert fetched == [SET] * 3
    assert stub.asked == [DISCOVERY, KEYS, KEYS, KEYS]
    assert b"\r\naccept-encoding: identity\r\n" in head
    assert b"\r\nauthorization:" not in head


async def test_a_slash_at_the_end_of_an_issuer_belongs_to_it() -> None:
    """The address has one slash fewer; the name is compared as it stands."""
    stub = Stub()
    async with serving(stub.script) as server:
        issuer = stub.describe(server, issuer=f"{server.origin}/realm/")
        async with open_oidc(settings(f"{issuer}/")) as source:
            fetched = await source.fetch()
        async with open_oidc(settings(issuer)) as source:
            with pytest.raises(KeySetUnavailableError):
                await source.fetch()

    assert fetched == SET


async def test_discovery_is_asked_again_when_the_keys_moved() -> None:
    """Once an hour, and right after the address stopped answering."""
    stub, elapsed_s = Stub(), 0.0
    async with serving(stub.script) as server:
        issuer = stub.describe(server)
        async with open_oidc(settings(issuer), clock=lambda: elapsed_s) as source:
            await source.fetch()
            elapsed_s = DISCOVERED_S
            await source.fetch()
            del stub.answers[KEYS]
            with pytest.raises(KeySetUnavailableError):
                await source.fetch()
            stub.answers["/moved"] = (answer(b"moved"),)
            stub.describe(server, jwks_uri=f"{server.origin}/moved")
            fetched = await source.fetch()

    assert fetched == b"moved"
    assert stub.asked == [DISCOVERY, KEYS, DISCOVERY, KEYS, KEYS, DISCOVERY, "/moved"]


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
async def test_a_redirect_is_not_followed(path: str, status: bytes) -> None:
    """Whoever can redirect could else name keys of its own."""
    moved = answer(b"", b"location: /elsewhere", status=status)
    stub = Stub({path: (moved,), "/elsewhere": (answer(SET),)})

    assert f"{path} answered with status {status[:3].decode()}" in await refusal(stub)
    assert "/elsewhere" not in stub.asked


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n", *[b" " * 65_536] * 160),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            *[b"10000\r\n" + b" " * 65_536 + b"\r\n"] * 160,
        ),
        (answer(b" " * (MAX_BYTES + 1)),),
    ],
)
async def test_a_huge_answer_is_given_up(path: str, pieces: tuple[bytes, ...]) -> None:
    """At 256 KB, however many were announced; the rest is not read."""
    stub = Stub({path: pieces})

    assert f"{path} answered with more than {MAX_BYTES} bytes" in await refusal(stub)


async def test_the_largest_answer_is_read() -> None:
    """The bound is part of what is allowed."""
    largest = SET + b" " * (MAX_BYTES - len(SET))
    stub = Stub({KEYS: (answer(largest),)})
    async with (
        serving(stub.script) as server,
        open_oidc(settings(stub.describe(server))) as source,
    ):
        fetched = await source.fetch()

    assert fetched == largest


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
async def test_a_compressed_answer_is_refused(path: str) -> None:
    """It was not asked for, and a small one could be huge."""
    stub = Stub({path: (answer(b"\x1f\x8b", b"content-encoding: gzip"),)})

    assert f"{path} answered with compressed content" in await refusal(stub)


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
@pytest.mark.parametrize("is_silent", [True, False])
async def test_a_slow_answer_is_given_up(path: str, is_silent: bool) -> None:  # noqa: FBT001
    """The time is for the whole fetch: a byte now and then does not prolong it."""
    drops = (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", *[b" "] * 99)
    stub = Stub({path: None if is_silent else drops}, pause_s=0.02)
    started = time.monotonic()
    reason = await refusal(stub, timeout_s=0.3)

    assert "Timeout" in reason
    assert time.monotonic() - started < 1
    assert TIMEOUT_S == 5


async def test_a_provider_that_is_down_is_a_failure() -> None:
    """Nobody listens."""
    stub = Stub()
    async with serving(stub.script) as server:
        issuer = stub.describe(server)
    async with open_oidc(settings(issuer)) as source:
        with pytest.raises(KeySetUnavailableError) as caught:
            await source.fetch()

    assert caught.value.detail.startswith("ConnectError: ")


@pytest.mark.parametrize(
    "pieces",
    [
        (answer(b"<html>"),),
        (answer(b"[]"),),
        (answer(b"{}"),),
        (answer(b'{"issuer": 5, "jwks_uri": 5}'),),
        (answer(b'{"a":' + b"[" * 100_000),),
        (answer(SET, status=b"500 Oops"),),
        (b"garbage\r\n\r\n",),
    ],
)
async def test_metadata_that_is_none_is_a_failure(pieces: tuple[bytes, ...]) -> None:
    """A page of a proxy in between is no provider."""
    stub = Stub({DISCOVERY: pieces})

    assert await refusal(stub) != ""
    assert stub.asked == [DISCOVERY]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"issuer": "https://login.example.com"}, "ValueError: the metadata is that of another"),
        ({"issuer": "http://127.0.0.1/realm"}, "ValueError: the metadata is that of another"),
        ({"jwks_uri": "http://login.example.com/keys"}, "ValueError: `jwks_uri` is no https"),
        ({"jwks_uri": "http://10.0.0.1/keys"}, "ValueError: `jwks_uri` is no https"),
        ({"jwks_uri": "file:///etc/passwd"}, "ValueError: `jwks_uri` is no https"),
        ({"jwks_uri": "/keys"}, "ValueError: `jwks_uri` is no https"),
        ({"jwks_uri": "https://a:b@127.0.0.1/keys"}, "ValueError: `jwks_uri` is no https"),
        ({"jwks_uri": "https://[::1/keys"}, "ValueError: `jwks_uri` is no https"),
        ({"jwks_uri": ""}, "ValueError: `jwks_uri` is no https"),
        ({"jwks_uri": None}, "ValidationError: "),
    ],
)
async def test_metadata_cannot_lead_elsewhere_in_the_clear(
    metadata: Mapping[str, object], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys come over TLS, or from this machine; no variable of the environment opens that."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    stub = Stub()

    assert (await refusal(stub, metadata)).startswith(expected)
    assert stub.asked == [DISCOVERY]


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example.com",
        "http://10.0.0.1/realm",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "https://user:secret@login.example.com",
        "https://",
        "https://[::1",
        "https://login.example.com:99999",
    ],
)
async def test_an_issuer_in_the_clear_stops_the_start(issuer: str) -> None:
    """The sentence does not repeat the address: it may hold a password."""
    with pytest.raises(SettingsError) as caught:
        async with open_oidc(settings(issuer)):
            pass

    assert str(caught.value) == (
        "`auth.oidc.issuer` must be an https address (http only for this machine itself)."
    )


@pytest.mark.parametrize(
    "issuer",
    ["https://login.example.com", "http://localhost:8080", "http://[::1]:8080", "http://127.0.0.2"],
)
async def test_opening_asks_nobody(issuer: str) -> None:
    """The gateway starts whether or not the provider answers."""
    async with open_oidc(settings(issuer)) as source:
        assert source is not None
