"""Running a validated document under graphql-core, with batch resolvers.

One small adapter: where graphql-core asks for a field once per parent, the parents
of a field are gathered for one turn of the event loop and given to its batch
resolver together. It knows GraphQL and nothing of order lines: what a field needs
is a set of opaque words here, added up over the selection and passed on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLNamedType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    execute,
    get_named_type,
)
from graphql.execution.values import get_directive_values, get_variable_values

from orderlines.errors import GatewayError


class FieldPlan(Protocol):
    """How one field is executed."""

    @property
    def needs(self) -> Collection[Any]:
        """Words for what the field needs to be read."""
        ...

    @property
    def batch(self) -> Callable[..., Awaitable[Sequence[object]]] | None:
        """The batch resolver that answers it; None for a plain field."""
        ...

    @property
    def arguments(self) -> Mapping[str, str]:
        """Python name of each argument, by its GraphQL name."""
        ...


FieldSource: TypeAlias = Mapping[tuple[str, str], FieldPlan]
Info: TypeAlias = GraphQLResolveInfo[Any]


class InvalidBatchError(GatewayError):
    """A batch resolver did not return one value for each parent: a fault of the gateway."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a batch resolver is told about the question."""

    context: Any
    needs: frozenset[Any]


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of an operation.

    Attributes:
        data: None where nothing was executed or a root field that may not be null was.
        errors: In the order they were met.
        executed: False if the request failed before execution; then the answer
            has no `data` at all.
    """

    data: Mapping[str, Any] | None
    errors: Sequence[GraphQLError]
    executed: bool = True


@dataclass(slots=True)
class _Gathering:
    """The parents of one field that were met in one turn of the event loop."""

    batch: Callable[..., Awaitable[Sequence[object]]]
    ask: Ask
    arguments: Mapping[str, object]
    waiting: list[tuple[object, asyncio.Future[object]]] = field(default_factory=list)

    async def answer(self) -> None:
        """Ask the batch resolver once and give each parent its value."""
        parents = [parent for parent, _ in self.waiting]
        try:
            values = _one_each(await self.batch(parents, self.ask, **self.arguments), parents)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fails these items, no others
            values = [error] * len(parents)
        for (_, future), value in zip(self.waiting, values, strict=True):
            if not future.done():
                future.set_result(value)


def _one_each(values: Sequence[object], parents: Sequence[object]) -> Sequence[object]:
    if len(values) == len(parents):
        return values
    msg = "The gateway could not answer this field."
    raise InvalidBatchError(msg, detail=f"{len(values)} values for {len(parents)} parents")


@dataclass(slots=True)
class _Run:
    """One operation being executed."""

    context: Any
    gathering: dict[tuple[int, ...], _Gathering] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, key: tuple[int, ...]) -> None:
        """Answer what was gathered; parents met from now on are gathered anew."""
        await self.gathering.pop(key).answer()


class Executor:
    """Executes documents against one schema, which it takes over.

    Args:
        schema: Its batch fields get their resolvers here; build one for it alone.
        fields: The plan of every field.
    """

    def __init__(self, schema: GraphQLSchema, fields: FieldSource) -> None:
        self.schema = schema
        self._fields = fields
        for (type_name, field_name), plan in fields.items():
            if plan.batch is not None:
                graphql_type: Any = schema.type_map[type_name]
                graphql_type.fields[field_name].resolve = self._resolver(plan, plan.batch)

    async def execute(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
        context: object,
    ) -> Executed:
        """Execute one operation of a document that has been validated.

        Cancelling it cancels everything it started.
        """
        coerced = get_variable_values(
            self.schema,
            operation.variable_definitions or (),
            dict(variables),
            hide_suggestions=True,
        )
        if isinstance(coerced, list):
            return Executed(None, coerced, executed=False)
        run = _Run(context)
        name = operation.name
        try:
            outcome = execute(
                self.schema,
                document,
                context_value=run,
                variable_values=dict(variables),
                operation_name=None if name is None else name.value,
                hide_suggestions=True,
            )
            result = await outcome if isinstance(outcome, Awaitable) else outcome
        finally:
            for task in run.tasks:
                task.cancel()
        return Executed(result.data, result.errors or ())

    def _resolver(
        self, plan: FieldPlan, batch: Callable[..., Awaitable[Sequence[object]]]
    ) -> Callable[..., Awaitable[object]]:
        def resolve(parent: object, info: Info, **given: object) -> Awaitable[object]:
            run: _Run = info.context
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[object] = loop.create_future()
            # The same nodes mean the same field, arguments and selection.
            key = tuple(id(node) for node in info.field_nodes)
            gathering = run.gathering.get(key)
            if gathering is None:
                arguments = {plan.arguments[name]: value for name, value in given.items()}
                gathering = _Gathering(batch, Ask(run.context, self._needs(info)), arguments)
                run.gathering[key] = gathering
                task = loop.create_task(run.answer(key))
                run.tasks.add(task)
                task.add_done_callback(run.tasks.discard)
            gathering.waiting.append((parent, answer))
            return answer

        return resolve

    def _needs(self, info: Info) -> frozenset[Any]:
        """Add up what the selection below a field needs."""
        found: set[Any] = set()
        seen: set[str] = set()
        below = get_named_type(info.return_type)
        for node in info.field_nodes:
            if node.selection_set is not None:
                for type_name, selected in self._selected(info, below, node.selection_set, seen):
                    found.update(self._fields[type_name, selected].needs)
        return frozenset(found)

    def _selected(
        self,
        info: Info,
        parent: GraphQLNamedType,
        selection: SelectionSetNode,
        seen: set[str],
    ) -> Iterator[tuple[str, str]]:
        """Walk every field below a selection; a fragment adds the same wherever it stands."""
        for node in selection.selections:
            if not _is_included(node, info):
                continue
            if isinstance(node, FieldNode):
                selected = getattr(parent, "fields", {}).get(node.name.value)
                if selected is None:
                    continue
                yield parent.name, node.name.value
                if node.selection_set is not None:
                    below = get_named_type(selected.type)
                    yield from self._selected(info, below, node.selection_set, seen)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                on = parent if condition is None else self.schema.type_map[condition.name.value]
                yield from self._selected(info, on, node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = info.fragments[node.name.value]
                on = self.schema.type_map[fragment.type_condition.name.value]
                yield from self._selected(info, on, fragment.selection_set, seen)


def _is_included(node: SelectionNode, info: Info) -> bool:
    """Apply `@skip` and `@include` with the question's variables."""
    skip = get_directive_values(GraphQLSkipDirective, node, info.variable_values)
    if skip is not None and skip["if"]:
        return False
    include = get_directive_values(GraphQLIncludeDirective, node, info.variable_values)
    return include is None or bool(include["if"])
