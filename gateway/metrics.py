"""What a scrape tells: counted where it happens, and put together when it is asked for.

A request costs two additions; the texts, the buckets' sums and what systems and guard
count themselves are read at scrape time only. They are served on an address of their
own, because they tell how the business goes.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from backends.registry import BackendInfo
from gateway.graphql.admission import Admission
from gateway.settings import SettingsError

BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)

Backends = Callable[[], Sequence[BackendInfo]]
"""Gives the systems that are open."""


class RequestMetrics:
    """How requests ended, and how long they took.

    Attributes:
        ends: How many, by status and first error code; the code is empty for none.
    """

    def __init__(self) -> None:
        self.ends: Counter[tuple[int, str]] = Counter()
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.cost = 0

    def observe(self, status: int, codes: Sequence[str], seconds: float, cost: int) -> None:
        """Count one request."""
        self.ends[status, codes[0] if codes else ""] += 1
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.seconds += seconds
        self.cost += cost


class GatewayCollector(Collector):
    """Puts everything together.

    Args:
        requests: What requests counted.
        admission: Operations in progress.
        backends: The systems.
    """

    def __init__(self, requests: RequestMetrics, admission: Admission, backends: Backends) -> None:
        self._requests = requests
        self._admission = admission
        self._backends = backends

    def collect(self) -> Iterator[Metric]:
        """Give every metric."""
        yield from self._of_requests()
        yield from self._of_admission()
        yield from self._of_backends()

    def _of_requests(self) -> Iterator[Metric]:
        requests = self._requests
        ends = CounterMetricFamily(
            "orderline_requests", "GraphQL requests answered.", labels=["status", "code"]
        )
        for (status, code), number in sorted(requests.ends.items()):
            ends.add_metric([str(int(status)), code], number)
        yield ends
        took = HistogramMetricFamily(
            "orderline_request_duration_seconds", "From the first step to the answer."
        )
        total, buckets = 0, []
        for bound, number in zip((*map(str, BUCKETS_S), "+Inf"), requests.buckets, strict=True):
            total += number
            buckets.append((bound, total))
        took.add_metric([], buckets, requests.seconds)
        yield took
        cost = CounterMetricFamily("orderline_cost_points", "Cost points that were spent.")
        cost.add_metric([], requests.cost)
        yield cost

    def _of_admission(self) -> Iterator[Metric]:
        admission = self._admission
        for name, text, value in (
            ("operations_in_progress", "Operations being executed.", admission.in_progress),
            ("operations_limit", "Operations that may be, at present.", admission.limit),
            ("queueing_seconds", "Delay of the event loop.", admission.queueing_s),
        ):
            yield GaugeMetricFamily(f"orderline_{name}", text, value=value)
        shed = CounterMetricFamily("orderline_operations_shed", "Sent away unread.")
        shed.add_metric([], admission.shed)
        yield shed

    def _of_backends(self) -> Iterator[Metric]:
        calls = CounterMetricFamily("orderline_backend_calls", "Calls begun.", labels=["system"])
        failures = CounterMetricFamily(
            "orderline_backend_failures",
            "Calls without a usable answer.",
            labels=["system", "reason"],
        )
        received = CounterMetricFamily(
            "orderline_backend_received_bytes", "Bytes of answers.", labels=["system"]
        )
        in_flight = GaugeMetricFamily(
            "orderline_backend_in_flight", "Calls going on.", labels=["system"]
        )
        for info in self._backends():
            health = info.health()
            calls.add_metric([info.name], health.calls)
            received.add_metric([info.name], health.bytes_received)
            in_flight.add_metric([info.name], health.in_flight)
            for reason, number in sorted(health.failures_by_reason.items()):
                failures.add_metric([info.name, reason], number)
        yield from (calls, failures, received, in_flight)


@contextmanager
def serve_metrics(collector: Collector, host: str, port: int) -> Iterator[int]:
    """Serve `/metrics` until left; gives the port.

    Raises:
        SettingsError: The address cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        msg = f"Port {port} of {host} cannot be listened on for metrics: {error.strerror}."
        raise SettingsError(msg) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
