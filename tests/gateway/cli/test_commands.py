"""The commands: what they print, what they end with, and what a mistake is told."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.cli.serve import refuse_to_be_reached
from gateway.settings import GatewaySettings, Settings, SettingsError, TlsSettings
from policies.settings import AuthSettings
from resolvers.schema import print_schema

QUERY = '{ order(number: "SO-1") { number } }'


@contextmanager
def gateway_that_says(status: int, body: bytes) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Answer every POST with the same bytes; remember what was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            asked.append(
                {"headers": dict(self.headers), "body": json.loads(self.rfile.read(length))}
            )
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/graphql", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Give a function that runs a command as `main` does: exit code, and what was printed."""
    for name in ("ORDERLINE_KEY", "ORDERLINE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: str | None = None) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


Run = Callable[..., tuple[int, str]]


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (200, {"data": {"order": {"number": "SO-1"}}}, 0),
        (200, {"data": {"order": None}, "errors": [{"message": "no"}]}, 3),
        (200, {"data": None, "errors": [{"message": "late"}]}, 1),
        (400, {"errors": [{"message": "bad"}]}, 1),
        (401, {"title": "Unauthorized", "code": "UNAUTHENTICATED"}, 1),
    ],
)
def test_the_exit_code_says_how_whole_the_answer_is(
    run: Run, status: int, answer: dict[str, Any], code: int
) -> None:
    """0 whole, 3 partial, 1 none; the answer itself is printed in every case."""
    with gateway_that_says(status, json.dumps(answer).encode()) as (url, _):
        ended, printed = run("query", "-", "--url", url, stdin=QUERY)

    assert (ended, json.loads(printed)) == (code, answer)


def test_the_question_is_sent_as_it_was_given(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Document from a file, variables from JSON, key and address from the environment."""
    (tmp_path / "q.graphql").write_text(QUERY)
    with gateway_that_says(200, b'{"data": {}}') as (url, asked):
        monkeypatch.setenv("ORDERLINE_KEY", "olg_live_x")
        monkeypatch.setenv("ORDERLINE_URL", url)
        run("query", str(tmp_path / "q.graphql"), "--variables", '{"n": 1}')

    assert asked[0]["body"] == {"query": QUERY, "variables": {"n": 1}}
    assert asked[0]["headers"]["authorization"] == "Bearer olg_live_x"
    assert asked[0]["headers"]["accept"].startswith("application/graphql-response+json")


def test_a_table_is_printed_instead_if_wanted(run: Run) -> None:
    """Of what arrived; a refusal is printed as it came."""
    line = {"lineNumber": "10", "state": "OPEN"}
    with gateway_that_says(200, json.dumps({"data": {"l": line}}).encode()) as (url, _):
        table = run("query", "-", "--url", url, "--table", stdin=QUERY)
    with gateway_that_says(401, b'{"code": "UNAUTHENTICATED"}') as (url, _):
        refusal = run("query", "-", "--url", url, "--table", stdin=QUERY)

    assert table[0] == 0
    assert table[1].splitlines()[0].split() == [
        *("order", "line", "item", "requested", "promised", "allocated", "shipped", "open", "state")
    ]
    assert (refusal[0], json.loads(refusal[1])) == (1, {"code": "UNAUTHENTICATED"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "nowhere.graphql"],
        ["query", "-", "--variables", "{"],
        ["query", "-", "--variables", "[]"],
        ["query"],
        ["nonsense"],
        ["demo", "--port", "70000"],
        ["demo", "--orders", "nowhere.csv"],
    ],
)
def test_a_command_that_is_not_understood_ends_with_2(run: Run, arguments: list[str]) -> None:
    """Usage is not failure: a script can tell them apart."""
    code, printed = run(*arguments, stdin=QUERY)

    assert code == 2
    assert "Traceback" not in printed


def test_a_gateway_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and one line, not a traceback."""
    url = "http://127.0.0.1:9/graphql"
    code, said = main("query", __file__, "--url", url, capsys=capsys)

    assert code == 1
    assert said == (
        f"orderline: {url} does not answer (ConnectError). Is the gateway running there?\n"
    )


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_something_else_that_answers_is_a_sentence(
    capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """A proxy's page is not an answer."""
    with gateway_that_says(502, body) as (url, _):
        code, said = main("query", __file__, "--url", url, capsys=capsys)

    assert code == 1
    assert said.startswith(f"orderline: {url} answered with ")


def main(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run the command as the console does; give the exit code and standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["orderline", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def test_the_schema_is_printed_as_it_is_committed(run: Run, tmp_path: Path) -> None:
    """What is printed is what is checked."""
    printed = run("schema", "print")
    (tmp_path / "schema.graphql").write_text(printed[1])

    assert printed == (0, print_schema())
    assert run("schema", "check", str(tmp_path / "schema.graphql")) == (0, "")


def test_a_copy_that_has_drifted_is_shown_where(run: Run, tmp_path: Path) -> None:
    """The lines that differ, and how to mend it."""
    copy = tmp_path / "schema.graphql"
    copy.write_text(print_schema().replace("type Query {", "type Query {\n  old: Int"))
    code, printed = run("schema", "check", str(copy))

    assert code == 1
    assert "-  old: Int" in printed.splitlines()
    assert f"orderline schema print > {copy}" in printed


def test_changes_are_listed_and_a_breaking_one_ends_with_1(run: Run, tmp_path: Path) -> None:
    """A field that is gone breaks callers; one that is new does not."""
    old = tmp_path / "old.graphql"
    old.write_text(print_schema().replace("type Query {", "type Query {\n  gone: Int"))
    breaking = run("schema", "diff", str(old))
    old.write_text(print_schema())
    same = run("schema", "diff", str(old))

    assert breaking == (
        1,
        "breaking   FIELD_REMOVED                     Field Query.gone was removed.\n",
    )
    assert same == (0, "Nothing changed that could hurt a caller.\n")


@pytest.mark.parametrize("content", [None, "type Query {", "type Query { a: Nope }"])
def test_a_file_that_is_no_schema_is_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str | None
) -> None:
    """Whatever is wrong with it."""
    old = tmp_path / "old.graphql"
    if content is not None:
        old.write_text(content)
    code, said = main("schema", "diff", str(old), capsys=capsys)

    assert code == 1
    assert said in (
        f"orderline: {old} cannot be read as text.\n",
        f"orderline: {old} is not a GraphQL schema.\n",
    )


BEYOND = ["0.0.0.0", "::", "192.168.1.5", "gateway.example", "8.8.8.8"]  # noqa: S104 - as asked


def settings_of(host: str, *, pepper: bool, tls: bool = False, proxy: bool = False) -> Settings:
    """Make settings that say where to listen, and what makes that safe."""
    return Settings(
        gateway=GatewaySettings(
            host=host,
            tls=TlsSettings(certificate="c", key="k") if tls else None,
            behind_proxy=proxy,
        ),
        auth=AuthSettings(pepper="x" * 32 if pepper else None),
    )


@pytest.mark.parametrize("host", BEYOND)
def test_serve_is_not_reached_where_it_would_not_be_safe(host: str) -> None:
    """Nobody could be known, or everybody could listen; the sentence says what is missing."""
    with pytest.raises(SettingsError, match="nobody could be known"):
        refuse_to_be_reached(settings_of(host, pepper=False, tls=True))
    with pytest.raises(SettingsError, match="without TLS"):
        refuse_to_be_reached(settings_of(host, pepper=True))


@pytest.mark.parametrize("host", BEYOND)
def test_serve_may_be_reached_with_keys_and_tls(host: str) -> None:
    """Its own, or that of something in front of it."""
    refuse_to_be_reached(settings_of(host, pepper=True, tls=True))
    refuse_to_be_reached(settings_of(host, pepper=True, proxy=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_serve_listens_on_loopback(host: str) -> None:
    """However it is written."""
    refuse_to_be_reached(Settings(gateway=GatewaySettings(host=host)))


def test_a_configuration_that_is_wrong_starts_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By its place; and systems that cannot be used are told the same way."""
    path = tmp_path / "orderline.toml"
    path.write_text("[gateway]\nprot = 1")
    wrong = main("serve", "--config", str(path), capsys=capsys)
    path.write_text("[gateway]\nport = 0\nlog_file = '/dev/null'")
    empty = main("serve", "--config", str(path), capsys=capsys)

    assert wrong == (
        1,
        (
            "orderline: The configuration is wrong: Object contains unknown field `prot` - "
            "at `$.gateway`.\n"
        ),
    )
    assert empty[0] == 1
    assert empty[1].count("\n") == 1


def test_help_comes_at_once_and_explains_by_example() -> None:
    """Half a second of CPU, and no server, schema or client imported for it."""
    code = (
        "import sys, time, gateway.cli as cli\n"
        "sys.argv = ['orderline', 'demo', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'uvicorn', 'strawberry', 'graphql', 'httpx2', 'starlette'} & set(sys.modules)\n"
        "print(time.process_time(), sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    cpu_s, heavy = done.stderr.split(" ", 1)

    assert heavy == "[]\n"
    assert float(cpu_s) < 5 * 0.5
    assert "Example: orderline demo --port 8001" in done.stdout


def test_the_version_is_the_distributions(run: Run) -> None:
    """What a bug report needs first."""
    code, printed = run("--version")

    assert code == 0
    assert printed.startswith("orderline ")
