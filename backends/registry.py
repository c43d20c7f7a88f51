"""The registry: which kinds of systems there are, and those that are configured, opened.

A kind is a row of `KINDS`: it makes an adapter, and says which roles that plays. Every
system gets a wire of its own, observed. What was opened is closed in reverse.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from opentelemetry.trace import Tracer

from backends.cache import ReadingCache
from backends.capabilities import AskBy, Capabilities
from backends.erp.sandbox import ErpSandbox
from backends.items import ItemCatalogue
from backends.observe import Health, ObservedTransport
from backends.oms.sandbox import OmsSandbox
from backends.origin import InvalidOriginError
from backends.ports import FulfilmentSource, ItemSource, OrderSource, PromiseSource
from backends.settings import BackendSettings, Kind
from backends.transport import Transport
from backends.wire import Wire
from backends.wire_limits import WireLimits
from backends.wms.sandbox import WmsSandbox
from orderlines.errors import GatewayError
from orderlines.facets import Facts

T = TypeVar("T")

Now: TypeAlias = Callable[[], datetime]
Connect: TypeAlias = Callable[[str, BackendSettings], Transport]
"""Makes the transport of a configured system, by its name and settings."""


class ConfigurationError(GatewayError):
    """The configured systems cannot be used together as they stand."""

    code: ClassVar[str] = "CONFIGURATION"


@dataclass(frozen=True, slots=True)
class Roles:
    """What one system plays; None where it does not."""

    capabilities: Capabilities
    orders: OrderSource | None = None
    promises: PromiseSource | None = None
    fulfilments: FulfilmentSource | None = None
    items: ItemSource | None = None


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """A system as an operator sees it.

    Attributes:
        name: Configured name.
        kind: Which adapter speaks to it.
        capabilities: What it can do.
        health: Tells how it has answered.
    """

    name: str
    kind: str
    capabilities: Capabilities
    health: Callable[[], Health]


@dataclass(frozen=True, slots=True)
class Systems:
    """The systems that can be asked, by role.

    Attributes:
        orders: By configured name; the first is the default.
        promises: The one system that promises.
        fulfilments: The one system that allocates and ships.
        items: Master data, of the first system that has any.
        backends: All of them, in the order of the configuration.
        splits: What is asked at once and what later, by what is asked for: kept by who asks.
    """

    orders: Mapping[str, OrderSource]
    promises: PromiseSource
    fulfilments: FulfilmentSource
    items: ItemCatalogue
    backends: tuple[BackendInfo, ...]
    splits: dict[Facts, Any] = field(default_factory=dict, repr=False, compare=False)


def _erp(transport: ObservedTransport, _: BackendSettings) -> Roles:
    erp = ErpSandbox(transport)
    return Roles(erp.capabilities, orders=erp, items=erp)


def _oms(transport: ObservedTransport, settings: BackendSettings) -> Roles:
    oms = OmsSandbox(transport, ask_by=AskBy[settings.ask_by or "ORDER_NUMBER"])
    return Roles(oms.capabilities, promises=oms)


def _wms(transport: ObservedTransport, _: BackendSettings) -> Roles:
    wms = WmsSandbox(transport)
    return Roles(wms.capabilities, fulfilments=wms)


KINDS: Final[Mapping[Kind, Callable[[ObservedTransport, BackendSettings], Roles]]] = (
    MappingProxyType({Kind.SANDBOX_ERP: _erp, Kind.SANDBOX_OMS: _oms, Kind.SANDBOX_WMS: _wms})
)
ASKED_BY_CHOICE: Final = frozenset({Kind.SANDBOX_OMS})


utc_now: Final[Now] = partial(datetime.now, UTC)
"""Tells the time, aware and in UTC."""


def connect_by_wire(name: str, settings: BackendSettings) -> Transport:
    """Give a system a wire of its own."""
    limits = WireLimits(max_connections=settings.max_connections)
    return Wire(settings.url, system=name, limits=limits)


@asynccontextmanager
async def open_systems(
    backends: Mapping[str, BackendSettings],
    *,
    now: Now = utc_now,
    connect: Connect = connect_by_wire,
    cache: ReadingCache | None = None,
    tracer: Tracer | None = None,
) -> AsyncIterator[Systems]:
    """Open the configured systems. Nothing is called yet.

    Args:
        backends: By configured name.
        now: The wall clock of readings and of health, aware and in UTC.
        connect: Makes the transport of a system.
        cache: Where answers are kept for callers who allow that; it stays the caller's.
        tracer: Where spans go, if anywhere.

    Raises:
        ConfigurationError: A role is not filled, or filled twice; or a system's
            settings do not fit its kind.
    """
    async with AsyncExitStack() as stack:
        played: dict[str, Roles] = {}
        infos: list[BackendInfo] = []
        for name, settings in backends.items():
            inner = _connected(name, settings, connect)
            transport = ObservedTransport(inner, name, now, cache=cache, tracer=tracer)
            stack.push_async_callback(transport.aclose)
            roles = KINDS[settings.kind](transport, settings)
            played[name] = roles
            infos.append(
                BackendInfo(name, str(settings.kind), roles.capabilities, transport.health)
            )
        systems = _systems(played, infos)
        stack.push_async_callback(systems.items.aclose)
        yield systems


def _connected(name: str, settings: BackendSettings, connect: Connect) -> Transport:
    if settings.ask_by is not None and settings.kind not in ASKED_BY_CHOICE:
        msg = f"`backends.{name}.ask_by` cannot be chosen for a system of kind `{settings.kind}`."
        raise ConfigurationError(msg)
    try:
        return connect(name, settings)
    except InvalidOriginError as error:
        msg = f"`backends.{name}.url` cannot be used. {error.message}"
        raise ConfigurationError(msg, detail=error.detail) from error


def _systems(played: Mapping[str, Roles], infos: Sequence[BackendInfo]) -> Systems:
    roles = played.values()
    orders = {name: one.orders for name, one in played.items() if one.orders is not None}
    items = [one.items for one in roles if one.items is not None]
    if not orders or not items:
        msg = "No system is configured that knows what was ordered, as `sandbox-erp` does."
        raise ConfigurationError(msg)
    return Systems(
        orders=MappingProxyType(orders),
        promises=_only([one.promises for one in roles], "promises", "sandbox-oms"),
        fulfilments=_only([one.fulfilments for one in roles], "ships", "sandbox-wms"),
        items=ItemCatalogue(items[0]),
        backends=tuple(infos),
    )


def _only(players: Sequence[T | None], does: str, kind: str) -> T:
    """Take the one system that plays a role."""
    found = [player for player in players if player is not None]
    if len(found) != 1:
        msg = f"One system that {does} is needed, as `{kind}` does; {len(found)} are configured."
        raise ConfigurationError(msg)
    return found[0]
