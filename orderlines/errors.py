"""The root of every error this service raises on purpose.

An error carries two texts: a message written for the caller, and a detail that
only the log sees. What is public is decided here, by type, not by a filter at
the exit. Each error class lives beside the code that raises it; the whole tree
and its way to HTTP and GraphQL are drawn in `gateway/errors.py`.
"""

from typing import ClassVar, TypeAlias

Fact: TypeAlias = str | int | float | bool | None


class GatewayError(Exception):
    """A failure with a stable code and a message that is safe to show.

    Args:
        message: One sentence for the caller. Never a path, a host, SQL, or text
            that another system sent.
        detail: For the log only.
        facts: Public, machine-readable facts beside the code, for example the
            name of the system that failed.
    """

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, detail: str = "", **facts: Fact) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.facts = facts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, detail={self.detail!r}, {self.facts!r})"
