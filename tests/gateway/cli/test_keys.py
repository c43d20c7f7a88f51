"""`orderline keys`: from the command to a gateway that knows the key."""

import asyncio
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backends.store.sqlite import open_store
from gateway.cli import main as command
from policies.authentication import AuthenticationChain, Credentials, Refusal
from policies.key_authenticator import REMEMBERED_S, ApiKeyAuthenticator
from policies.principal import Principal

PEPPER = "a pepper for tests, long enough to be one"
EVERY_ROW = ("--all-customers", "--all-channels", "--all-warehouses")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a configuration with a store of its own."""
    monkeypatch.setenv("ORDERLINE_PEPPER", PEPPER)
    path = tmp_path / "orderline.toml"
    path.write_text('[auth]\npepper = "${ORDERLINE_PEPPER}"\n[store]\npath = "keys.sqlite"\n')
    return path


class Keys:
    """Runs the commands against one configuration."""

    def __init__(
        self, config: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.config = config
        self._capsys = capsys
        self._patch = patch

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command; give its exit code and what it wrote."""
        self._patch.setattr(
            "sys.argv", ["orderline", "keys", *arguments, "--config", str(self.config)]
        )
        with pytest.raises(SystemExit) as stopped:
            command()
        written = self._capsys.readouterr()
        return int(str(stopped.value.code)), written.out, written.err

    def create(self, name: str = "portal", *more: str) -> str:
        """Make a key that sees every row, and give it."""
        code, out, _ = self.run("create", name, "--scope", "lines:read", *EVERY_ROW, *more)
        assert code == 0
        return out.strip()

    def listed(self) -> list[dict[str, object]]:
        """List the keys."""
        code, out, _ = self.run("list", "--json")
        assert code == 0
        return [json.loads(line) for line in out.splitlines()]

    def known(self, *texts: str) -> list[str | None]:
        """Ask a gateway that opens the same store who shows these keys."""

        async def ask() -> list[str | None]:
            async with open_store(self.config.parent / "keys.sqlite") as store:
                chain = AuthenticationChain([ApiKeyAuthenticator(store, PEPPER.encode())])
                found = [await chain.authenticate(Credentials(text)) for text in texts]
            return [one.id if isinstance(one, Principal) else None for one in found]

        return asyncio.run(ask())


@pytest.fixture
def keys(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Give the commands."""
    return Keys(config, capsys, monkeypatch)


def test_a_key_is_printed_alone_and_known_at_once(keys: Keys) -> None:
    """So that `KEY=$(orderline keys create …)` is the key."""
    text = keys.create("portal", "--expires", "90d")
    (listed,) = keys.listed()

    assert text.startswith("olg_live_")
    assert keys.known(text) == [f"key:{listed['id']}"]
    assert (listed["name"], listed["state"], listed["scopes"]) == (
        "portal",
        "ends",
        ["lines:read"],
    )
    assert listed["customers"] == "ALL"
    ends = datetime.fromisoformat(str(listed["expiresAt"]))
    assert timedelta(days=89) < ends - datetime.now(UTC) <= timedelta(days=90)


def test_restrictions_are_kept_as_they_were_said(keys: Keys) -> None:
    """Each as often as it was said."""
    code, _, said = keys.run(
        "create", "partner", "--customer", "C-1", "--customer", "C-2", "--channel", "EDI",
        "--all-warehouses",
    )  # fmt: skip
    (listed,) = keys.listed()

    assert (code, "shown this once" in said) == (0, True)
    assert (listed["customers"], listed["channels"], listed["warehouses"]) == (
        ["C-1", "C-2"],
        ["EDI"],
        "ALL",
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("portal",), "Say which customers the key may see: --customer NAME"),
        (("portal", "--all-customers"), "Say which channels"),
        (("portal", "--customer", "C", *EVERY_ROW), "either --customer or --all-customers"),
        (("portal", *EVERY_ROW[::2], "--channel", "FAX"), "`FAX` is no channel; there are"),
        (("portal", *EVERY_ROW, "--scope", "Lines"), "`Lines` is no scope"),
        (("portal", *EVERY_ROW, "--expires", "soon"), "`soon` is no span of time"),
        (("portal", *EVERY_ROW, "--expires", "2020-01-01"), "ends in the future"),
        (("", *EVERY_ROW), "1 to 100 printable characters"),
    ],
)
def test_what_cannot_be_granted_is_said(arguments: tuple[str, ...], says: str, keys: Keys) -> None:
    """Nothing is granted by silence, and nothing is kept."""
    code, out, said = keys.run("create", *arguments)

    assert (code, out) == (1, "")
    assert says in said
    assert keys.listed() == []


def test_a_rotated_key_and_its_successor_are_both_good_for_a_while(keys: Keys) -> None:
    """K-3: the old one ends with the overlap."""
    old = keys.create()
    (before,) = keys.listed()
    code, out, said = keys.run("rotate", f"key:{before['id']}", "--overlap", "1h")
    new = out.strip()
    listed = {one["id"]: one for one in keys.listed()}
    successor = next(one for one in listed.values() if one["rotatedFrom"] == before["id"])

    assert code == 0
    assert str(before["id"]) in said
    assert keys.known(old, new) == [f"key:{before['id']}", f"key:{successor['id']}"]
    assert listed[before["id"]]["state"] == "ends"
    assert keys.run("rotate", str(before["id"]), "--overlap", "0h")[0] == 0
    assert keys.known(old, new) == [None, f"key:{successor['id']}"]


def test_k4_a_withdrawn_key_is_refused_by_a_gateway_that_knows_it(keys: Keys) -> None:
    """Within the seconds that a key is remembered."""
    text = keys.create()
    (listed,) = keys.listed()
    at = 0.0

    async def ask(authenticator: ApiKeyAuthenticator) -> bool:
        found = await AuthenticationChain([authenticator]).authenticate(Credentials(text))
        return not isinstance(found, Refusal)

    async def live() -> list[bool]:
        nonlocal at
        async with open_store(keys.config.parent / "keys.sqlite") as store:
            authenticator = ApiKeyAuthenticator(store, PEPPER.encode(), clock=lambda: at)
            seen = [await ask(authenticator)]
            await asyncio.to_thread(keys.run, "revoke", str(listed["id"]))
            at = REMEMBERED_S
            seen.append(await ask(authenticator))
        return seen

    assert asyncio.run(live()) == [True, False]
    assert REMEMBERED_S <= 5
    assert keys.listed()[0]["state"] == "revoked"
    assert keys.run("revoke", str(listed["id"]))[0] == 1


def test_k2_nothing_that_is_kept_holds_the_secret(keys: Keys) -> None:
    """Not the store, not its log of writes, not the audit; nor does a list show digests."""
    texts = [keys.create(f"key {n}") for n in range(5)]
    keys.known(*texts)
    kept = b"".join(path.read_bytes() for path in keys.config.parent.glob("keys.sqlite*"))
    _, table, _ = keys.run("list")

    for text in texts:
        secret = text.rsplit("_", 1)[1][:32]
        assert secret.encode() not in kept
        assert secret not in table
    assert "digest" not in json.dumps(keys.listed())


def test_every_change_is_in_the_audit_log(keys: Keys) -> None:
    """Who, what, which key, when."""
    keys.create()
    (listed,) = keys.listed()
    keys.run("rotate", str(listed["id"]))
    keys.run("revoke", str(listed["id"]))
    connection = sqlite3.connect(keys.config.parent / "keys.sqlite")
    entries = [json.loads(row[0]) for row in connection.execute("SELECT entry FROM audit")]
    connection.close()

    assert [(one["by"], one["event"]) for one in entries] == [
        ("cli", "key_created"),
        ("cli", "key_rotated"),
        ("cli", "key_revoked"),
    ]
    assert {one["key"] for one in entries} == {f"key:{listed['id']}"}


def test_what_is_missing_is_said(keys: Keys) -> None:
    """A key of another store, and a configuration without a pepper."""
    assert keys.run("revoke", "nobody")[::2] == (
        1,
        "orderline: There is no key 'nobody'; `orderline keys list` shows all.\n",
    )
    assert "There are no keys" in keys.run("list")[2]
    keys.config.write_text("")
    code, _, said = keys.run("list")
    assert (code, "openssl rand -hex 32" in said) == (1, True)


def test_a_record_that_cannot_be_read_is_told(keys: Keys) -> None:
    """It authenticates nobody; the others are listed."""
    keys.create()
    connection = sqlite3.connect(keys.config.parent / "keys.sqlite")
    connection.execute("INSERT INTO api_keys VALUES ('broken', X'78', 99)")
    connection.commit()
    connection.close()

    code, out, said = keys.run("list")
    assert (code, out.count("portal")) == (0, 1)
    assert "1 records cannot be read" in said
