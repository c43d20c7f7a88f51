"""Settings: what a file may say, and how a mistake is named."""

from pathlib import Path

import pytest

from gateway.settings import (
    DocumentSettings,
    GatewaySettings,
    SettingsError,
    load_settings,
    parse_settings,
)

HERE = Path()
TWO_BACKENDS = """
[backends.a]
kind = "sandbox-erp"
url = "http://127.0.0.1:1"
[backends.b]
kind = 1
url = "http://127.0.0.1:2"
"""


def refusal(text: str, environ: dict[str, str] | None = None, directory: Path = HERE) -> str:
    """Read a configuration that is wrong, and give the sentence."""
    with pytest.raises(SettingsError) as refused:
        parse_settings(text, environ or {}, directory=directory)
    return refused.value.message


def test_an_empty_file_is_the_defaults() -> None:
    """Every default stands on the struct, and nothing needs to be configured to begin."""
    settings = parse_settings("", {}, directory=HERE)

    assert settings.gateway == GatewaySettings(
        host="127.0.0.1",
        port=8000,
        deadline_s=2.0,
        max_body_bytes=131_072,
        log_level="info",
        log_file=None,
    )
    assert settings.backends == {}


def test_a_full_file_is_read() -> None:
    """The door, and two systems by their names."""
    settings = parse_settings(
        """
        [gateway]
        port = 9000
        deadline_s = 1
        log_file = "/var/log/orderline.log"
        [backends.erp]
        kind = "sandbox-erp"
        url = "http://127.0.0.1:9001"
        [backends.wms-2]
        kind = "sandbox-wms"
        url = "http://127.0.0.1:9002"
        """,
        {},
        directory=HERE,
    )

    assert settings.gateway == GatewaySettings(
        port=9000, deadline_s=1.0, log_file="/var/log/orderline.log"
    )
    assert [(name, one.url) for name, one in settings.backends.items()] == [
        ("erp", "http://127.0.0.1:9001"),
        ("wms-2", "http://127.0.0.1:9002"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[gateway]\nprot = 1", "Object contains unknown field `prot` - at `$.gateway`"),
        ("backends = 1", "Expected `object`, got `int` - at `$.backends`"),
        ("[gatway]", "Object contains unknown field `gatway`"),
        ("[gateway]\nport = 70000", "Expected `int` <= 65535 - at `$.gateway.port`"),
        ("[gateway]\nport = true", "Expected `int`, got `bool` - at `$.gateway.port`"),
        ("[gateway]\ndeadline_s = 0", "Expected `float` > 0.0 - at `$.gateway.deadline_s`"),
        ("[gateway]\ndeadline_s = nan", "Expected `float` > 0.0 - at `$.gateway.deadline_s`"),
        ("[gateway]\nmax_body_bytes = 1", "Expected `int` >= 1024 - at `$.gateway.max_body_bytes`"),
        ("[gateway]\nlog_level = 'loud'", "Invalid enum value 'loud' - at `$.gateway.log_level`"),
        ("[gateway]\nhost = ''", "Expected `str` of length >= 1 - at `$.gateway.host`"),
        (
            "[backends.erp]\nkind = 'sandbox-erp'",
            "Object missing required field `url` - at `$.backends.erp`",
        ),
        (
            "[gateway.documents]\ntrusted_only = true",
            (
                "`trusted_only` without a `manifest` would answer no question"
                " - at `$.gateway.documents`"
            ),
        ),
        (
            TWO_BACKENDS,
            "Expected `str`, got `int` - at `$.backends.b.kind`",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_place(text: str, message: str) -> None:
    """A typo is never a silent default."""
    assert refusal(text) == f"The configuration is wrong: {message}."


def test_a_name_that_no_system_can_have_is_refused() -> None:
    """The name stands in logs, errors and the schema's answers."""
    text = '[backends."ERP 1"]\nkind = "sandbox-erp"\nurl = "http://x"'

    assert "`key` in `$.backends`" in refusal(text)


def test_a_mistake_in_the_toml_is_named_by_line_and_column() -> None:
    """As the parser found it."""
    assert refusal("[gateway]\nport = \n") == (
        "The configuration is not TOML: Invalid value (at line 2, column 8)."
    )


def test_a_value_may_come_from_the_environment() -> None:
    """Whole or in part, for texts and for numbers."""
    settings = parse_settings(
        '[gateway]\nport = "${PORT}"\nlog_file = "/var/${APP}/${APP}.log"',
        {"PORT": "9000", "APP": "orderline"},
        directory=HERE,
    )

    assert settings.gateway.port == 9000
    assert settings.gateway.log_file == "/var/orderline/orderline.log"


def test_what_the_environment_holds_is_not_read_again() -> None:
    """A password with `${…}` in it is that password."""
    settings = parse_settings('[gateway]\nlog_file = "${A}"', {"A": "${B} file:x"}, directory=HERE)

    assert settings.gateway.log_file == "${B} file:x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[gateway]\nhost = '${NOPE}'",
            "The environment has no variable NOPE, which $.gateway.host takes its value from.",
        ),
        (
            "[backends.erp]\nurl = 'http://${NOPE}:1'",
            "The environment has no variable NOPE, which $.backends.erp.url takes its value from.",
        ),
        (
            "x = [1, '${NOPE}']",
            "The environment has no variable NOPE, which $.x[1] takes its value from.",
        ),
        (
            "[gateway]\nlog_file = 'file:nowhere'",
            (
                "The file nowhere, which $.gateway.log_file takes its value from, cannot be read: "
                "No such file or directory."
            ),
        ),
    ],
)  # fmt: skip
def test_a_value_that_is_nowhere_is_named_by_its_place(text: str, message: str) -> None:
    """What is missing, and who misses it."""
    assert refusal(text) == message


def test_a_value_may_come_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    """As secrets are mounted: one line end at the end is not part of it."""
    (tmp_path / "secret").write_text("s3cret \n")
    path = tmp_path / "orderline.toml"
    path.write_text('[gateway]\nlog_file = "file:secret"')

    assert load_settings(path, {}).gateway.log_file == "s3cret "


def test_no_message_holds_a_secret(tmp_path: Path) -> None:
    """Wrong in type, or too long: the place is told, the value is not."""
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "endless").write_text("hunter2" * 100_000)
    (tmp_path / "bytes").write_bytes(b"hunter2\xff")
    texts = ['port = "file:secret"', 'host = "file:endless"', 'host = "file:bytes"']
    messages = [refusal(f"[gateway]\n{text}", directory=tmp_path) for text in texts]
    messages.append(refusal('[gateway]\nport = "${S}"', {"S": "hunter2"}))

    assert [message for message in messages if "hunter2" in message] == []


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    """The most common mistake of all is another working directory."""
    path = tmp_path / "orderline.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"orderline\.toml"):
        load_settings(path, {})


def test_the_manifest_of_trusted_documents_stands_beside_the_configuration() -> None:
    """Unless its path starts at the root."""
    text = "[gateway.documents]\nmanifest = '%s'\ntrusted_only = true"
    beside = parse_settings(text % "documents.json", {}, directory=Path("/etc/orderline"))
    elsewhere = parse_settings(text % "/srv/documents.json", {}, directory=Path("/etc/orderline"))

    assert beside.gateway.documents == DocumentSettings(
        manifest="/etc/orderline/documents.json", trusted_only=True
    )
    assert elsewhere.gateway.documents.manifest == "/srv/documents.json"
