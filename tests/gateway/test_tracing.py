"""Spans: one for a question and one for each call, and none where nobody collects them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Tracer, TracerProvider
from opentelemetry.trace.span import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.util.types import Attributes, AttributeValue

from backends.registry import open_systems
from backends.store.memory import MemoryKeyStore
from backends.tracing import find_tracer
from gateway import app as module
from gateway.app import create_app
from gateway.callers import Keyring
from gateway.cli.explain import DEMO
from gateway.settings import GatewaySettings, Settings
from tests.gateway.door import PEPPER, Door, living


class Span(NonRecordingSpan):
    """A span that keeps what it is told."""

    def __init__(self, name: str, attributes: Attributes) -> None:
        super().__init__(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1)))
        self.name = name
        self.told: dict[str, AttributeValue] = dict(attributes or {})

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Keep it."""
        self.told[key] = value


class Collector(TracerProvider, Tracer):
    """Collects spans in this process."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:  # noqa: ANN401 - OpenTelemetry's own
        """Give itself."""
        return self

    def start_span(  # noqa: PLR0913, PLR0917 - OpenTelemetry's own
        self,
        name: str,
        context: Context | None = None,  # noqa: ARG002 - as above
        kind: SpanKind = SpanKind.INTERNAL,  # noqa: ARG002 - as above
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002 - as above
        start_time: int | None = None,  # noqa: ARG002 - as above
        record_exception: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
        set_status_on_exception: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
    ) -> Span:
        """Begin a span."""
        span = Span(name, attributes)
        self.spans.append(span)
        return span

    @contextmanager
    def start_as_current_span(self, name: str, *_: Any, **given: Any) -> Iterator[Span]:  # type: ignore[override] # noqa: ANN401 - as above
        """Begin a span around a block."""
        yield self.start_span(name, attributes=given.get("attributes"))


async def test_a_question_and_its_calls_are_spans(
    tmp_path: Path, store: MemoryKeyStore, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By names of few kinds; no number of an order is in any of them."""
    collector = Collector()
    monkeypatch.setattr(module, "find_tracer", lambda: find_tracer(collector))
    settings = Settings(gateway=GatewaySettings(log_file=str(tmp_path / "log")))
    async with open_systems(DEMO, tracer=find_tracer(collector)) as systems:
        application = create_app(settings, systems=systems, keys=Keyring(store, PEPPER))
        door.application = application
        async with living(application):
            await door.ask('query Page { order(number: "SO-4711") { number } }')

    question, call = collector.spans
    assert (question.name, call.name) == ("graphql", "erp GET")
    assert question.told["graphql.operation.name"] == "Page"
    assert question.told["http.response.status_code"] == 200
    assert call.told["peer.service"] == "erp"
    assert "SO-4711" not in str([one.told for one in collector.spans])


def test_without_a_collector_there_are_no_spans() -> None:
    """Nothing is begun that nobody would see."""
    assert find_tracer() is None
