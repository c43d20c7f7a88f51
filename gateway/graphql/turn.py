"""One request while it is answered: what is learned about it, and the line it leaves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from gateway.answers import Answer
from gateway.graphql.answers import DeadlineExceededError, NotReadyError, RequestTimeoutError
from gateway.graphql.documents import Operation
from gateway.graphql.media import MediaType
from gateway.graphql.watch import Task
from gateway.telemetry import RequestLine
from orderlines.errors import GatewayError
from policies.throttle import Charge

CLIENT_LEFT: Final = 499


class Turn(msgspec.Struct):
    """What is learned about one request while it is answered."""

    correlation_id: str
    started: float
    task: Task
    step: str = "caller"
    body: bytes = b""
    media: MediaType = MediaType.JSON
    principal: str | None = None
    document_hash: str | None = None
    operation: Operation | None = None
    calls: Mapping[str, int] | None = None
    cost: int = 0
    charge: Charge | None = None


def line_of(turn: Turn, answer: Answer | None, *, at: datetime, took_s: float) -> RequestLine:
    """Write the line that a request leaves in the log."""
    operation = turn.operation
    name = kind = None
    if operation is not None:
        name, kind = operation.name, operation.kind
    codes: tuple[str, ...] = ()
    bytes_out = 0
    if answer is not None:
        codes, bytes_out = answer.codes, sum(map(len, answer.pieces))
    return RequestLine(
        ts=at,
        level="error" if GatewayError.code in codes else "info",
        event="request",
        correlation_id=turn.correlation_id,
        status=answer.status if answer else CLIENT_LEFT,
        duration_ms=int(took_s * 1_000_000) / 1_000,
        bytes_out=bytes_out,
        principal=turn.principal,
        operation_name=name,
        operation_type=kind,
        document_hash=turn.document_hash,
        error_codes=codes,
        calls=turn.calls or None,
        cost=turn.cost or None,
    )


def too_late(turn: Turn) -> GatewayError:
    """Say what the deadline ended."""
    if turn.step == "execution":
        return DeadlineExceededError("The answer was not ready in time.")
    if turn.step == "body":
        return RequestTimeoutError("The body did not arrive in time.")
    return NotReadyError("The caller could not be identified in time.", detail="key store too slow")
