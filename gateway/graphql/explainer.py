"""Explaining a question: everything that is decided before a system is asked, and no more."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from gateway.execution import Executed, Executor, Prepared
from gateway.execution.plan import Selection, Way
from gateway.graphql.documents import Documents, RefusedDocument
from gateway.graphql.guard import Bill, Guard
from gateway.graphql.request import GraphQLRequest
from orderlines.errors import GatewayError
from orderlines.facets import Section
from policies.principal import Principal
from policies.throttle import Throttle
from resolvers.explanations import (
    Explanation,
    HiddenField,
    PlannedCalls,
    PlannedField,
    WouldBeRefused,
)
from resolvers.forecast import keys_of
from resolvers.needs import sections_of

MAX_ROWS: Final = 500


class Explainer:
    """Explains questions with the parts that would answer them."""

    def __init__(
        self, documents: Documents, executor: Executor, guard: Guard, throttle: Throttle
    ) -> None:
        self._documents = documents
        self._executor = executor
        self._guard = guard
        self._throttle = throttle

    async def __call__(
        self,
        principal: Principal,
        query: str,
        variables: Mapping[str, object],
        operation_name: str | None,
    ) -> Explanation:
        """Explain a question, as it would be answered for a caller."""
        found = self._prepared(principal, query, variables, operation_name)
        if isinstance(found, WouldBeRefused):
            return Explanation(refusal=found)
        hidden = [
            HiddenField(
                f"{one.parent.name}.{one.name}",
                sorted(
                    self._guard.permissions.missing((one.parent.name, one.name), principal.scopes)
                ),
            )
            for one in found.plan.refused
        ]
        explained = partial(
            Explanation,
            fields=list(_fields(found.plan.root))[:MAX_ROWS],
            calls=list(_calls(found)),
            hidden=hidden,
        )
        try:
            bill: Bill = self._guard.check(principal, found)
        except GatewayError as error:
            return explained(refusal=WouldBeRefused(error.code, error.message))
        standing = await self._throttle.peek(principal.id, bill.calls)
        left = standing.key.remaining - bill.cost
        if left < 0 or any(
            one.remaining < bill.calls[system] for system, one in standing.by_system.items()
        ):
            refusal = WouldBeRefused("RATE_LIMITED", "The quota does not hold as much now.")
            return explained(cost=bill.cost, refusal=refusal)
        return explained(cost=bill.cost, quota_after=left)

    def _prepared(
        self,
        principal: Principal,
        query: str,
        variables: Mapping[str, object],
        operation_name: str | None,
    ) -> Prepared | WouldBeRefused:
        document = self._documents.find(GraphQLRequest(query, operation_name, variables))
        operation = (
            document
            if isinstance(document, RefusedDocument)
            else document.operation(operation_name)
        )
        if isinstance(document, RefusedDocument) or isinstance(operation, RefusedDocument):
            refused = document if isinstance(document, RefusedDocument) else operation
            assert isinstance(refused, RefusedDocument)  # noqa: S101 - one of the two is
            return WouldBeRefused(refused.code, refused.errors[0].message)
        prepared = self._executor.prepare(
            document.ast,
            operation.node,
            variables,
            known_as=operation.known_as,
            mask=self._guard.mask(principal),
        )
        if isinstance(prepared, Executed):
            return WouldBeRefused("BAD_VARIABLES", prepared.errors[0].message)
        return prepared


def _fields(selection: Selection, above: str = "") -> Iterator[PlannedField]:
    for one in selection.fields:
        path = f"{above}{one.key}"
        if one.way is not Way.REFUSED:
            reads = sections_of(frozenset(one.needs)) - {Section.HEADER}
            yield PlannedField(
                path,
                one.way.name.lower(),
                [section.name for section in Section if section in reads],
                str(one.definition.type),
            )
        for below in one.below.values():
            yield from _fields(below, f"{path}.")


def _calls(prepared: Prepared) -> Iterator[PlannedCalls]:
    for one, reads in prepared.note.reads:
        given = prepared.given(one) if one.slot >= 0 else None
        keys = keys_of((given or {}).values())
        for read in reads:
            yield PlannedCalls(
                one.key,
                read.system,
                [section.name for section in Section if section in read.sections],
                keys,
                read.capabilities.calls_for(keys),
            )
