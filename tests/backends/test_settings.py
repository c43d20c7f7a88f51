"""Settings of a system: refused by name, before anything is opened."""

from typing import Any

import msgspec
import pytest

from backends.settings import BackendSettings, Kind

GOOD = {"kind": "sandbox-erp", "url": "http://127.0.0.1:9001"}


def _decoded(**changes: Any) -> BackendSettings:  # noqa: ANN401 - any TOML
    return msgspec.convert(GOOD | changes, BackendSettings)


def test_a_kind_and_a_url_are_enough() -> None:
    """Everything else has a default."""
    assert _decoded() == BackendSettings(
        kind=Kind.SANDBOX_ERP, url="http://127.0.0.1:9001", max_connections=32, ask_by=None
    )


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"kind": "sap"}, "$.kind"),
        ({"url": ""}, "$.url"),
        ({"url": 9001}, "$.url"),
        ({"max_connections": 0}, "$.max_connections"),
        ({"max_connections": 1025}, "$.max_connections"),
        ({"ask_by": "NAME"}, "$.ask_by"),
        ({"password": "x"}, "password"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, object], place: str) -> None:
    """A typing error in a configuration is found where it stands."""
    with pytest.raises(msgspec.ValidationError, match=place.replace("$", r"\$")):
        _decoded(**changes)
