"""Tokens and keys at one door: a provider on a socket, and an application that asks it."""

import asyncio
import time
from pathlib import Path

import httpx2

from backends.registry import open_systems
from backends.store.memory import MemoryKeyStore
from gateway.app import create_app
from gateway.callers import Keyring
from gateway.cli.explain import DEMO
from gateway.settings import GatewaySettings, Settings
from policies.settings import AuthSettings, OidcSettings
from tests.backends.loopback import answer, serving
from tests.gateway.door import PEPPER, Door, living
from tests.gateway.identity_provider import KEYS, Stub
from tests.policies.token_kit import claims, key_set, make_key, public, sign

VIEWER = "{ viewer { id name credential scopes } backends { name } }"


def settings_of(tmp_path: Path, issuer: str) -> Settings:
    """Make settings that accept tokens of a provider."""
    return Settings(
        gateway=GatewaySettings(log_file=str(tmp_path / "log")),
        auth=AuthSettings(
            oidc=OidcSettings(issuer=issuer, audience="orderline", algorithms=("ES256",))
        ),
    )


def token(issuer: str, **changes: object) -> str:
    """Sign a token that is good now."""
    now = int(time.time())
    told = {"iss": issuer, "iat": now, "exp": now + 300, "scope": "lines:read openid", **changes}
    return sign(claims(**told), make_key("ES256", "k1"), kid="k1", typ="at+jwt")


async def test_a_token_and_a_key_are_both_known(
    tmp_path: Path, store: MemoryKeyStore, door: Door
) -> None:
    """Each by its own kind; scopes of the token decide what it may ask."""
    stub = Stub()
    async with serving(stub.script) as server, open_systems(DEMO) as systems:
        issuer = stub.describe(server)
        stub.answers[KEYS] = (answer(key_set(public(make_key("ES256", "k1")))),)
        application = create_app(
            settings_of(tmp_path, issuer), systems=systems, keys=Keyring(store, PEPPER)
        )
        by_key, door.application = door.key, application
        async with living(application):
            door.key = token(issuer, name="Ada")
            known = await door.ask(VIEWER)
            door.key = by_key
            keyed = await door.ask(VIEWER)
            door.key = token(issuer, aud="somebody else")
            refused = await door.ask(VIEWER)
            ready = await door.send("GET", "/readyz")

    viewer = known.json["data"]["viewer"]
    assert (viewer["name"], viewer["credential"]) == ("Ada", "TOKEN")
    assert "lines:read" in viewer["scopes"]
    assert known.codes == ["FORBIDDEN_FIELD"]
    assert keyed.json["data"]["viewer"]["credential"] == "API_KEY"
    assert (refused.status, refused.codes) == (401, ["INVALID_CREDENTIALS"])
    assert "invalid_token" in refused.headers["www-authenticate"]
    assert ready.status == 200


async def test_a7_a_provider_that_is_down_makes_nobody_a_stranger(
    tmp_path: Path, store: MemoryKeyStore, door: Door
) -> None:
    """Tokens get 503 and when to come back; keys work; readiness says why not."""
    issuer = "http://127.0.0.1:1/realm"
    async with open_systems(DEMO) as systems:
        application = create_app(
            settings_of(tmp_path, issuer), systems=systems, keys=Keyring(store, PEPPER)
        )
        by_key, door.application = door.key, application
        async with living(application):
            await asyncio.sleep(0.05)
            keyed = await door.ask("{ viewer { name } }")
            door.key = token(issuer)
            tokened = await door.ask("{ viewer { name } }")
            ready = await door.send("GET", "/readyz")
        assert by_key != door.key

    assert keyed.status == 200
    assert (tokened.status, tokened.codes) == (503, ["NOT_READY"])
    assert "retry-after" in tokened.headers
    assert ready.status == 503
    assert "identity provider" in ready.json["reasons"][0]
    assert httpx2.codes.is_server_error(ready.status)
