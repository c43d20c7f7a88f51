"""The registry: every role filled once, and everything that was opened closed again."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from backends.capabilities import AskBy
from backends.observe import HealthState
from backends.registry import KINDS, ConfigurationError, Systems, open_systems
from backends.settings import AskByName, BackendSettings, Kind
from backends.transport import Request, Response
from orderlines.deadline import Deadline
from tests.backends.kit import EVERYTHING, orders, soon
from tests.backends.native import rest_page


def _settings(kind: Kind, ask_by: AskByName | None = None) -> BackendSettings:
    return BackendSettings(kind=kind, url="http://127.0.0.1:9", ask_by=ask_by)


ERP, OMS, WMS = map(_settings, Kind)
ALL = {"erp": ERP, "oms": OMS, "wms": WMS}


@dataclass(slots=True)
class Wires:
    """Transports that remember in which order they were opened and closed."""

    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def connect(self, name: str, _: BackendSettings) -> "OneWire":
        """Make one."""
        self.opened.append(name)
        return OneWire(name, self)


@dataclass(slots=True)
class OneWire:
    """A transport that answers with an empty page of the WMS."""

    name: str
    wires: Wires

    async def send(self, request: Request, *, deadline: Deadline) -> Response:  # noqa: ARG002 - says the same to all
        """Answer."""
        return rest_page()

    async def aclose(self) -> None:
        """Remember."""
        self.wires.closed.append(self.name)


async def _opened(backends: Mapping[str, BackendSettings]) -> tuple[Systems, list[str]]:
    wires = Wires()
    async with open_systems(backends, connect=wires.connect) as systems:
        assert wires.closed == []
    return systems, wires.closed


def test_every_kind_has_a_row() -> None:
    """A kind that can be configured can be opened."""
    assert set(KINDS) == set(Kind)


async def test_each_system_plays_its_roles_under_its_configured_name() -> None:
    """Three systems, four roles; the first order source is the default."""
    systems, _ = await _opened({"sap-2": ERP, "promises": OMS, "hall": WMS, "sap-1": ERP})

    assert list(systems.orders) == ["sap-2", "sap-1"]
    assert [source.name for source in systems.orders.values()] == ["sap-2", "sap-1"]
    assert (systems.promises.name, systems.fulfilments.name) == ("promises", "hall")
    assert [(one.name, one.kind, one.health().state) for one in systems.backends] == [
        ("sap-2", "sandbox-erp", HealthState.UNKNOWN),
        ("promises", "sandbox-oms", HealthState.UNKNOWN),
        ("hall", "sandbox-wms", HealthState.UNKNOWN),
        ("sap-1", "sandbox-erp", HealthState.UNKNOWN),
    ]
    assert [one.capabilities for one in systems.backends] == [
        systems.orders["sap-2"].capabilities,
        systems.promises.capabilities,
        systems.fulfilments.capabilities,
        systems.orders["sap-1"].capabilities,
    ]


async def test_health_tells_of_the_calls_made() -> None:
    """What an operator sees is what the adapter did."""
    async with open_systems(ALL, connect=Wires().connect) as systems:
        await systems.fulfilments.read_fulfilments(
            orders("SO-1"), visibility=EVERYTHING, deadline=soon()
        )
        calls = {one.name: one.health().calls for one in systems.backends}

    assert calls == {"erp": 0, "oms": 0, "wms": 1}


async def test_what_was_opened_is_closed_in_reverse() -> None:
    """Also when the body fails."""
    wires = Wires()
    _, closed = await _opened(ALL)
    with suppress(RuntimeError):
        async with open_systems(ALL, connect=wires.connect):
            raise RuntimeError

    assert closed == wires.closed == ["wms", "oms", "erp"]


async def test_an_oms_may_be_asked_by_the_customers_number() -> None:
    """Where the kind leaves a choice, the configuration makes it."""
    systems, _ = await _opened(ALL | {"oms": _settings(Kind.SANDBOX_OMS, "CUSTOMER_PO")})

    assert systems.promises.capabilities.ask_by is AskBy.CUSTOMER_PO


@pytest.mark.parametrize(
    ("backends", "message"),
    [
        ({}, "No system is configured that knows what was ordered, as `sandbox-erp` does."),
        (
            {"oms": OMS, "wms": WMS},
            "No system is configured that knows what was ordered, as `sandbox-erp` does.",
        ),
        (
            {"erp": ERP, "wms": WMS},
            "One system that promises is needed, as `sandbox-oms` does; 0 are configured.",
        ),
        (
            {"erp": ERP, "oms": OMS},
            "One system that ships is needed, as `sandbox-wms` does; 0 are configured.",
        ),
        (
            ALL | {"oms2": OMS},
            "One system that promises is needed, as `sandbox-oms` does; 2 are configured.",
        ),
        (
            ALL | {"erp": _settings(Kind.SANDBOX_ERP, "CUSTOMER_PO")},
            "`backends.erp.ask_by` cannot be chosen for a system of kind `sandbox-erp`.",
        ),
    ],
)
async def test_systems_that_do_not_fit_together_are_refused(
    backends: Mapping[str, BackendSettings], message: str
) -> None:
    """At the start, with what is missing; and nothing stays open."""
    wires = Wires()
    with pytest.raises(ConfigurationError) as caught:
        async with open_systems(backends, connect=wires.connect):
            raise AssertionError(backends)

    assert caught.value.message == message
    assert wires.closed == wires.opened[::-1]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://erp.example",
        "http://user:secret@erp.example",
        "http://erp.example/odata",
        "erp.example",
        "http://",
    ],
)
async def test_an_address_the_wire_cannot_speak_to_is_refused_by_name(url: str) -> None:
    """S-1: only an origin, and the message says whose; never what stands in it."""
    backends = ALL | {"oms": BackendSettings(kind=Kind.SANDBOX_OMS, url=url)}
    with pytest.raises(ConfigurationError) as caught:
        async with open_systems(backends):
            raise AssertionError(url)

    assert caught.value.message.startswith("`backends.oms.url` cannot be used. ")
    assert "secret" not in caught.value.message
