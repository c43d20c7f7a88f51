"""graphql-core as the oracle: the same resolvers under it, and what "the same" means.

Data must be equal, with the order of its keys. Errors must be the same multiset of
(path, message), but for those below a position that an error made null: there
graphql-core stops siblings by timing, so both must tell at least one for the
position, and each that we tell must be one that came up when nothing is stopped.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute, parse

from gateway.execution import Ask, FieldSource

UNSTOPPED = "@experimental_disableErrorPropagation"
Told = tuple[tuple[str | int, ...], str]


@dataclass(slots=True)
class _Gathered:
    parents: list[object] = field(default_factory=list)
    futures: list[asyncio.Future[object]] = field(default_factory=list)


class Oracle:
    """Runs batch resolvers under graphql-core, all parents of one turn together."""

    def __init__(self, schema: GraphQLSchema, fields: FieldSource) -> None:
        self.schema = schema
        self.waiting: dict[tuple[object, ...], _Gathered] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        for (type_name, name), plan in fields.items():
            if plan.batch is not None:
                one = schema.type_map[type_name].fields[name]  # type: ignore[attr-defined] # an object type
                one.resolve = self._resolver(plan.batch, plan.arguments)

    async def execute(self, text: str, variables: Mapping[str, object]) -> ExecutionResult:
        """Execute the one operation of a document."""
        result = execute(
            self.schema, parse(text), variable_values=dict(variables), hide_suggestions=True
        )
        answer = await result if isinstance(result, Awaitable) else result
        for _ in range(50):  # what it left behind comes to its end
            await asyncio.sleep(0)
        return answer

    def _resolver(
        self, batch: Callable[..., Awaitable[Sequence[object]]], names: Mapping[str, str]
    ) -> Callable[..., object]:
        def resolve(parent: object, info: Any, **given: object) -> object:  # noqa: ANN401 - graphql-core's info
            key = (info.parent_type.name, *(id(node) for node in info.field_nodes))
            loop = asyncio.get_running_loop()
            if key not in self.waiting:
                self.waiting[key] = _Gathered()
                named = {names.get(name, name): value for name, value in given.items()}
                task = loop.create_task(self._answer(key, batch, info.context, named))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            future: asyncio.Future[object] = loop.create_future()
            self.waiting[key].parents.append(parent)
            self.waiting[key].futures.append(future)
            return future

        return resolve

    async def _answer(
        self,
        key: tuple[object, ...],
        batch: Callable[..., Awaitable[Sequence[object]]],
        context: object,
        given: Mapping[str, object],
    ) -> None:
        gathered = self.waiting.pop(key)
        try:
            values = await batch(gathered.parents, Ask(context, frozenset()), **given)
        except Exception as error:  # noqa: BLE001 - whatever it is, it fails each of them
            values = [error] * len(gathered.parents)
        for future, value in zip(gathered.futures, values, strict=True):
            if not future.done():
                future.set_result(value)


def told(errors: Sequence[GraphQLError] | None) -> Counter[Told]:
    """Count errors by path and message."""
    return Counter((tuple(error.path or ()), error.message) for error in errors or ())


def nulled_at(data: object, path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """Find the position above an error that it made null; None if it stands itself."""
    at: Any = data
    for depth, key in enumerate(path):
        if at is None:
            return path[:depth]
        at = at[key]
    return None


def parted(data: object, errors: Counter[Told]) -> tuple[Counter[Told], dict[Any, Counter[Told]]]:
    """Part errors from those below nulled positions, which are given by position."""
    direct: Counter[Told] = Counter()
    below: dict[Any, Counter[Told]] = {}
    for one, count in errors.items():
        position = nulled_at(data, one[0])
        if position is None:
            direct[one] = count
        else:
            below.setdefault(position, Counter())[one] = count
    return direct, below


def in_order(value: object) -> object:
    """Make the order of keys part of a value."""
    if isinstance(value, dict):
        return [(key, in_order(one)) for key, one in value.items()]
    return [in_order(one) for one in value] if isinstance(value, list) else value
