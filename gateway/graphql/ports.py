"""What the route needs of others: who calls, what they may do and know, and the execution."""

from collections.abc import Hashable, Mapping
from typing import Any, Protocol

from graphql import DocumentNode, OperationDefinitionNode

from gateway.execution import Executed, FieldMask, Prepared
from gateway.graphql.guard import Bill
from orderlines.deadline import Deadline
from policies.authentication import Credentials, Refusal
from policies.principal import Principal


class Executor(Protocol):
    """Executes one operation of a validated document."""

    def prepare(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
        *,
        known_as: Hashable = None,
        mask: FieldMask = ...,
    ) -> Prepared | Executed:
        """Make it ready to be run, or say why it cannot be.

        `known_as` is what the operation is known by: operations of one name are one.
        """
        ...

    async def run(self, prepared: Prepared, context: object) -> Executed:
        """Run it; being cancelled cancels everything it started."""
        ...


class Authentication(Protocol):
    """Tells who calls."""

    def authenticate_now(self, shown: bytes) -> Principal | None:
        """Name a caller who was just named; None: it must be awaited."""
        ...

    async def authenticate(self, credentials: Credentials) -> Principal | Refusal:
        """Name the caller, or say why not."""
        ...


class Guard(Protocol):
    """Decides about operations; `gateway.graphql.guard.Guard`."""

    def mask(self, principal: Principal) -> FieldMask:
        """Give the fields that a caller may not ask for."""
        ...

    def check(self, principal: Principal, prepared: Prepared) -> Bill:
        """Decide about one request, and say what it costs at most."""
        ...


class MakeContext(Protocol):
    """Makes what resolvers may know about a question."""

    def __call__(self, principal: Principal, *, deadline: Deadline, correlation_id: str) -> Any:  # noqa: ANN401 - the desk's own
        """Make the context of one question."""
        ...
