"""The demo as a stranger starts it: one command, and it ends without a trace."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from gateway.cli import demo as demo_module
from gateway.cli.personas import mint_keys, personas
from policies.authentication import AuthenticationChain, Credentials
from policies.key_authenticator import ApiKeyAuthenticator
from policies.principal import Principal

ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "80"}


@contextmanager
def demo(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the demo, and see to it that it ends."""
    command = [sys.executable, "-m", "gateway", "demo", *arguments]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def is_listening(url: str) -> bool:
    """Tell whether anybody accepts connections there."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=1).close()
    except OSError:
        return False
    return True


def test_with_json_one_line_tells_all_and_ctrl_c_ends_all() -> None:
    """A script waits for one line, uses what is in it, and leaves nothing running."""
    with demo("--port", "0", "--json", "--lines", "40") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        answer = httpx2.post(
            ready["url"],
            json={"query": demo_module.WELCOME.read_text()},
            headers={"authorization": f"Bearer {ready['keys']['portal']}"},
            timeout=10,
        ).json()
        process.send_signal(signal.SIGINT)
        rest, log = process.communicate(timeout=15)

    assert (process.returncode, rest) == (0, "")
    assert sorted(ready) == ["backends", "keys", "url"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/graphql", ready["url"])
    assert list(ready["keys"]) == list(personas(None))
    assert [(name, sorted(one)) for name, one in ready["backends"].items()] == [
        (name, ["fault", "url"]) for name in ("erp", "oms", "wms")
    ]
    assert "errors" not in answer
    assert answer["data"]["order"]["lines"]["nodes"] != []
    assert all(json.loads(line) for line in log.splitlines())
    assert ready["keys"]["portal"][20:] not in log
    addresses = [ready["url"], *(one["url"] for one in ready["backends"].values())]
    assert [address for address in addresses if is_listening(address)] == []


def test_a_file_of_orders_is_loaded_and_its_bad_rows_are_named(tmp_path: Path) -> None:
    """By line number; what was assumed is said; the query that is printed asks for the first."""
    file = tmp_path / "lines.csv"
    file.write_text("order_id,sku,quantity\nA-1,X,3\nA-1,X,many\nA-2,Y,5\n")
    shown = []
    with demo("--port", "0", "--orders", str(file)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            shown.append(line)
            if line.startswith("Ctrl-C"):
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    text = "".join(shown)

    assert process.returncode == 0
    assert "Line 3, column quantity: " in text
    assert "Assumed: " in text
    assert "Loaded 2 order lines." in text
    assert '{"number": "A-1"}' in text
    assert demo_module.WELCOME.read_text().strip() in text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "order_id,sku,quantity\nA-1,X,many\n",
            "No row of the file could be read as an order line.",
        ),
        ("sku,quantity\nX,1\n", "order_number"),
    ],
)
def test_a_file_that_holds_no_orders_starts_nothing(
    tmp_path: Path, content: str, sentence: str
) -> None:
    """A sentence and exit code 1; an empty demo would only puzzle."""
    file = tmp_path / "lines.csv"
    file.write_text(content)
    with demo("--port", "0", "--json", "--orders", str(file)) as process:
        shown, log = process.communicate(timeout=15)

    assert (process.returncode, shown) == (1, "")
    assert log.splitlines()[-1].startswith("orderline: ")
    assert sentence in log


def test_a_port_that_is_taken_is_a_sentence_before_anything_is_started() -> None:
    """The commonest way to fail on a second try."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        with demo("--port", port) as process:
            shown, log = process.communicate(timeout=15)

    assert (process.returncode, shown) == (1, "")
    assert log == (
        f"orderline: Port {port} of 127.0.0.1 cannot be listened on: "
        "Address already in use. Choose another.\n"
    )


async def test_every_persona_has_a_key_of_its_own() -> None:
    """Known by name; a portal sees its customer only, and an operator everything."""
    keyring, keys = await mint_keys("C-100")
    chain = AuthenticationChain([ApiKeyAuthenticator(keyring.store, keyring.pepper)])
    known = [await chain.authenticate(Credentials(key)) for key in keys.values()]
    principals = {one.name: one for one in known if isinstance(one, Principal)}

    assert list(principals) == list(personas(None))
    assert principals["portal"].visibility.customers == frozenset({"C-100"})
    assert principals["partner"].visibility.channels == frozenset({"EDI"})
    assert principals["operator"].visibility.is_unrestricted
    assert principals["partner"].scopes < principals["portal"].scopes
    assert len(set(keys.values())) == 4
