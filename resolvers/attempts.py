"""Failures of single systems, as values: they cost what rests on the system, and no more."""

from collections.abc import Awaitable
from typing import TypeVar

from orderlines.errors import GatewayError

T = TypeVar("T")


class SectionFailedError(GatewayError):
    """The gateway itself failed while reading a section; its cause is in the log."""


async def attempt(call: Awaitable[T]) -> T | GatewayError:
    """Turn the failure of one system into a value, so that the others go on."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001 - a fault in one adapter must cost its section only
        return as_value(error)


def as_value(error: Exception) -> GatewayError:
    """Make a failure a value that may be shown; what a bug said stays in the log."""
    if isinstance(error, GatewayError):
        return error
    failure = SectionFailedError("The gateway failed while reading a system.")
    failure.__cause__ = error
    return failure
