"""One request while it is answered: what is learned about it, and the line it leaves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from graphql import OperationDefinitionNode, OperationType

from gateway.answers import Answer
from gateway.graphql.answers import DeadlineExceededError, NotReadyError, RequestTimeoutError
from gateway.graphql.media import MediaType
from gateway.graphql.time_limit import Task
from gateway.telemetry import RequestLine
from orderlines.errors import GatewayError
from policies.throttle import Charge

CLIENT_LEFT: Final = 499


class Turn:
    """What is learned about one request while it is answered."""

    __slots__ = (
        "body",
        "calls",
        "charge",
        "correlation_id",
        "cost",
        "document_hash",
        "failure",
        "media",
        "operation",
        "principal",
        "started",
        "step",
        "task",
    )

    task: Task

    def __init__(self, correlation_id: str, started: float) -> None:
        self.correlation_id = correlation_id
        self.started = started
        self.step: str = "caller"
        self.body = b""
        self.media = MediaType.JSON
        self.principal: str | None = None
        self.document_hash: str | None = None
        self.operation: OperationDefinitionNode | None = None
        self.calls: Mapping[str, int] | None = None
        self.cost = 0
        self.charge: Charge | None = None
        self.failure: Exception | None = None


def line_of(turn: Turn, answer: Answer | None, *, at: datetime, took_s: float) -> RequestLine:
    """Write the line that a request leaves in the log."""
    operation = turn.operation
    codes = answer.codes if answer else ()
    return RequestLine(
        ts=at,
        level="error" if GatewayError.code in codes else "info",
        event="request",
        correlation_id=turn.correlation_id,
        status=answer.status if answer else CLIENT_LEFT,
        duration_ms=round(took_s * 1_000, 3),
        bytes_out=answer.size if answer else 0,
        principal=turn.principal,
        operation_name=operation.name.value if operation and operation.name else None,
        operation_type=_type_of(operation) if operation else None,
        document_hash=turn.document_hash,
        error_codes=codes,
        calls=dict(turn.calls) if turn.calls else None,
        cost=turn.cost or None,
    )


def _type_of(operation: OperationDefinitionNode) -> str:
    # To ask an enum for its value is a function of Python.
    kind = operation.operation
    return "query" if kind is OperationType.QUERY else kind.value


def too_late(turn: Turn) -> GatewayError:
    """Say what the deadline ended."""
    if turn.step == "execution":
        return DeadlineExceededError("The answer was not ready in time.")
    if turn.step == "body":
        return RequestTimeoutError("The body did not arrive in time.")
    return NotReadyError("The caller could not be identified in time.", detail="key store too slow")
