"""Spans, where somebody collects them: one for each question, one for each call of a system.

Without a tracer provider of OpenTelemetry's SDK nothing is begun, so that what nobody
collects costs nothing. Names and attributes are low in number and tell no data: the
system, the method, the status; never a target, which has order numbers in it.
"""

from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider, Tracer, TracerProvider


def find_tracer(provider: TracerProvider | None = None) -> Tracer | None:
    """Give the tracer of this process; None where nobody collects spans.

    Args:
        provider: Whose; by default the one that was set for the process.
    """
    found = provider or trace.get_tracer_provider()
    return None if isinstance(found, ProxyTracerProvider) else found.get_tracer("orderline")
