"""Metrics: what a scrape shows of requests, admission and systems, on an address of its own."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from backends.registry import open_systems
from backends.store.memory import MemoryKeyStore
from gateway.app import create_app
from gateway.callers import Keyring
from gateway.cli.explain import DEMO
from gateway.metrics import BUCKETS_S, RequestMetrics
from gateway.settings import GatewaySettings, MetricsSettings, Settings
from tests.gateway.door import PEPPER, Door, StartupFailedError, living


async def scraped(port: int | None, path: str = "/metrics") -> dict[str, float]:
    """Scrape, without keeping the loop."""
    address = f"http://127.0.0.1:{port}{path}"
    text = (await asyncio.to_thread(httpx2.get, address, timeout=5)).text
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_a_scrape_shows_requests_and_systems(
    tmp_path: Path, store: MemoryKeyStore, door: Door
) -> None:
    """Counted by status and code; systems as they counted themselves."""
    settings = Settings(
        gateway=GatewaySettings(log_file=str(tmp_path / "log")), metrics=MetricsSettings(port=0)
    )
    async with open_systems(DEMO) as systems:
        application = create_app(settings, systems=systems, keys=Keyring(store, PEPPER))
        door.application = application
        async with living(application):
            await door.ask("{ viewer { name } }")
            await door.ask("{ viewer { nothing } }")
            await door.ask('{ order(number: "SO-1") { number } }')
            shown = await scraped(application.metrics_port)

    assert shown['orderline_requests_total{code="",status="200"}'] == 1
    assert shown['orderline_requests_total{code="GRAPHQL_VALIDATION_FAILED",status="400"}'] == 1
    assert shown['orderline_requests_total{code="BACKEND_UNAVAILABLE",status="200"}'] == 1
    assert shown["orderline_request_duration_seconds_count"] == 3
    assert shown['orderline_request_duration_seconds_bucket{le="+Inf"}'] == 3
    assert shown["orderline_cost_points_total"] == 2
    assert shown['orderline_backend_calls_total{system="erp"}'] == 1
    assert shown['orderline_backend_failures_total{reason="CONNECT",system="erp"}'] == 1
    assert (shown["orderline_operations_in_progress"], shown["orderline_operations_limit"]) == (
        0,
        512,
    )


async def test_a_port_that_is_taken_is_told_at_the_start(
    tmp_path: Path, store: MemoryKeyStore
) -> None:
    """Not found out by whoever looks for figures later."""
    listener = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    settings = Settings(
        gateway=GatewaySettings(log_file=str(tmp_path / "log")), metrics=MetricsSettings(port=port)
    )
    async with open_systems(DEMO) as systems:
        application = create_app(settings, systems=systems, keys=Keyring(store, PEPPER))
        with pytest.raises(StartupFailedError):
            async with living(application):
                pass
    listener.close()
    await listener.wait_closed()

    assert application.failure is not None
    assert f"Port {port} of 127.0.0.1" in application.failure.message


def test_a_duration_falls_into_the_first_bucket_it_fits() -> None:
    """A bound belongs to its bucket; what is longer than all has the last one."""
    metrics = RequestMetrics()
    for seconds in (0.0, 0.001, 0.0011, 9.0):
        metrics.observe(200, (), seconds, 0)

    assert (metrics.buckets[0], metrics.buckets[1], metrics.buckets[-1]) == (2, 1, 1)
    assert len(metrics.buckets) == len(BUCKETS_S) + 1
