"""What the route needs of others: who calls, what they may know, and the execution."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Protocol

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode

from orderlines.deadline import Deadline
from policies.authentication import Credentials, Refusal
from policies.principal import Principal


class Executed(Protocol):
    """What came of an operation."""

    @property
    def json(self) -> bytes | None:
        """The data as JSON; None for null."""
        ...

    @property
    def errors(self) -> Sequence[GraphQLError]:
        """In the order they were met."""
        ...

    @property
    def executed(self) -> bool:
        """False if the variables did not fit, so that there is no data at all."""
        ...


class Executor(Protocol):
    """Executes one operation of a validated document."""

    async def execute(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
        context: object,
        *,
        known_as: Hashable = None,
    ) -> Executed:
        """Execute it; being cancelled cancels everything it started.

        `known_as` is what the document is known by: documents of one name are one.
        """
        ...


class Authentication(Protocol):
    """Tells who calls."""

    async def authenticate(self, credentials: Credentials) -> Principal | Refusal:
        """Name the caller, or say why not."""
        ...


class MakeContext(Protocol):
    """Makes what resolvers may know about a question."""

    def __call__(self, principal: Principal, *, deadline: Deadline, correlation_id: str) -> object:
        """Make the context of one question."""
        ...
