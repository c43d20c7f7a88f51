"""The way in: executes operations of one schema, compiling each once.

Compiled plans are kept by document, operation, field mask, and the values of the
variables that `@skip` and `@include` read; nothing else of a request has a part in a
plan, and an executor has one schema only. The least recently used goes when the
estimated bytes of all plans pass the limit.

The schema is only read. What cannot be executed is refused when the executor is made.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, KeysView, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLID,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    get_nullable_type,
    is_abstract_type,
    is_object_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature
from graphql.execution.values import VariableValues, get_variable_values

from gateway.execution.compile import Compiled, compile_plan
from gateway.execution.leaves import Writers
from gateway.execution.plan import NO_MASK, Field, FieldMask, FieldSource, Plan, Readers
from gateway.execution.planner import (
    UnsupportedOperationError,
    directive_variables,
    make_plan,
)
from gateway.execution.prepared import Prepared
from gateway.execution.run import ROOT, Run
from gateway.execution.texts import FAILED

MAX_VARIANTS: Final = 32
"""Plans kept of one operation, one for each choice of its `@skip` and `@include`."""

_TEXTS: Final = (GraphQLString, GraphQLID)

Choice: TypeAlias = tuple[object, ...]


class Executed(msgspec.Struct):
    """What came of an operation.

    Attributes:
        json: The data; None where nothing was executed or a root field failed that may
            not be null.
        errors: In the order they were met.
        executed: False if the request failed before execution; then the answer
            has no `data` at all.
        counts: How many items the lists of a field had together, nulls among them.
    """

    json: bytes | None
    errors: Sequence[GraphQLError]
    executed: bool = True
    counts: Mapping[Field, int] = {}

    @property
    def data(self) -> Any:  # noqa: ANN401 - any JSON
        """The data, read back, for those who do not send it on."""
        return None if self.json is None else msgspec.json.decode(self.json)


class _Usual(NamedTuple):
    """The only plan of an operation whose variables take any text as it is.

    Attributes:
        names: Of the variables.
        kinds: The types of their values, if all of them are texts.
        signatures: Of the variables.
    """

    names: KeysView[str]
    kinds: list[type]
    signatures: Mapping[str, GraphQLVariableSignature]
    compiled: Compiled


@dataclass(slots=True)
class _Known:
    """An operation that was met, and its plans.

    Attributes:
        document: Held, so that its identity is not given to another.
        reads: The variables that `@skip` and `@include` read.
        usual: Its only plan, and how it is found, if each variable takes any text as it is.
    """

    document: DocumentNode
    operation: OperationDefinitionNode
    reads: tuple[str, ...]
    variants: OrderedDict[Choice, Compiled] = field(default_factory=OrderedDict)
    usual: _Usual | None = None


class Executor:
    """Executes documents against one schema.

    Args:
        schema: Strawberry's or any other of graphql-core.
        fields: How each field is executed; what is missing is done as graphql-core would.
        leaves: How usual values of scalars are written, by name of the scalar and exact
            type of the values; others go through the scalar's own function.
        plain_texts: Names of the scalars among them whose texts hold nothing that JSON
            writes in another way.
        readers: What reads leaves of usual objects at once, by name of their type.
        max_bytes: What all compiled plans may take together, as far as it is estimated.
        note: Works out of each plan what its owner wants to know of it, once.

    Raises:
        UnsupportedOperationError: The schema finds object types asynchronously.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        schema: GraphQLSchema,
        fields: FieldSource,
        *,
        leaves: Mapping[str, Writers] | None = None,
        plain_texts: frozenset[str] = frozenset(),
        readers: Readers | None = None,
        max_bytes: int = 32 * 1024 * 1024,
        note: Callable[[Plan], object] = lambda _: None,
    ) -> None:
        for kind in schema.type_map.values():
            if (is_abstract_type(kind) and iscoroutinefunction(kind.resolve_type)) or (
                is_object_type(kind) and iscoroutinefunction(kind.is_type_of)
            ):
                msg = f"The type '{kind.name}' finds object types asynchronously."
                raise UnsupportedOperationError(msg)
        self.schema = schema
        self.size_bytes = 0
        self._fields = fields
        self._max_bytes = max_bytes
        self._note = note
        self._leaves = leaves or {}
        self._plain_texts = plain_texts
        self._readers = readers
        self.plain: set[type] = set()
        self._known: OrderedDict[tuple[Hashable, ...], _Known] = OrderedDict()

    async def execute(  # noqa: PLR0913 - each is part of what is executed
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
        context: object,
        *,
        known_as: Hashable = None,
        mask: FieldMask = NO_MASK,
    ) -> Executed:
        """Prepare an operation and run it; see `prepare`."""
        prepared = self.prepare(document, operation, variables, known_as=known_as, mask=mask)
        return prepared if isinstance(prepared, Executed) else await self.run(prepared, context)

    def prepare(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
        *,
        known_as: Hashable = None,
        mask: FieldMask = NO_MASK,
    ) -> Prepared | Executed:
        """Make one operation of a document that has been validated ready to be run.

        Args:
            document: All of it, for its fragments.
            operation: One of its operations.
            variables: As they were sent.
            known_as: What the operation is known by, such as the hash of its document's
                text and its name; without, it is known by the identity of the document.
            mask: The fields that may not be asked for; each fails with an error.

        Returns:
            The operation; or what came of it, where nothing is to be run.
        """
        identity = (_name_of(document, operation) if known_as is None else known_as, mask)
        known = self._known.get(identity)
        if known is not None and known.usual is not None:
            # Texts that are to be texts are what they are already, and choose no plan.
            names, kinds, signatures, compiled = known.usual
            if [*map(type, variables.values())] == kinds and variables.keys() == names:
                self._known.move_to_end(identity)
                return Prepared(compiled, None, {**variables}, signatures)
        coerced = self._coerced(operation, variables)
        if isinstance(coerced, list):
            return Executed(None, coerced, executed=False)
        try:
            compiled = self.compiled(document, operation, coerced, known_as=known_as, mask=mask)
        except UnsupportedOperationError as error:
            return Executed(None, (error,), executed=False)
        except GraphQLError as error:
            return Executed(None, (error,))
        return Prepared(compiled, coerced)

    async def run(self, prepared: Prepared, context: object) -> Executed:
        """Run an operation. Cancelling it cancels everything it started.

        Args:
            prepared: From `prepare`, and usable again.
            context: Handed to resolvers.
        """
        run = Run(prepared, context, self.plain)
        try:
            made = prepared.compiled.root([None], ROOT, run)
            (data,) = made if type(made) is list else await made
        finally:
            if run.tracked:
                run.leave()
        # A root field that may not be null may have failed.
        told = None if data is FAILED else data.encode()
        return Executed(told, tuple(run.errors), True, run.counts)  # noqa: FBT003 - it was executed

    def _coerced(
        self,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
    ) -> VariableValues | list[GraphQLError]:
        """Coerce variables."""
        return get_variable_values(
            self.schema,
            operation.variable_definitions or (),
            dict(variables),
            hide_suggestions=True,
        )

    def compiled(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        *,
        known_as: Hashable = None,
        mask: FieldMask = NO_MASK,
    ) -> Compiled:
        """Find or make the plan of an operation under the values of its variables.

        Raises:
            GraphQLError: It cannot be planned.
        """
        identity = (_name_of(document, operation) if known_as is None else known_as, mask)
        known = self._known.get(identity)
        if known is None:
            reads = directive_variables(document, operation)
            known = self._known[identity] = _Known(document, operation, reads)
        self._known.move_to_end(identity)
        choice = tuple(variables.coerced.get(name, Undefined) for name in known.reads)
        found = known.variants.get(choice)
        if found is None:
            plan = make_plan(self.schema, self._fields, document, operation, variables, mask)
            found = known.variants[choice] = compile_plan(
                plan,
                self._leaves,
                self.plain,
                self._plain_texts,
                readers=self._readers,
                note=self._note(plan),
            )
            known.usual = None if known.reads else self._usual(found, variables)
            self.size_bytes += found.size_bytes
            self._make_room(known)
        else:
            known.variants.move_to_end(choice)
        return found

    def _usual(self, found: Compiled, variables: VariableValues) -> _Usual | None:
        """Tell how a plan is found, if all of its variables take texts as they are."""
        signatures = {name: one.signature for name, one in variables.sources.items()}
        takes_texts = all(get_nullable_type(one.type) in _TEXTS for one in signatures.values())
        is_whole = len(signatures) == len(found.plan.operation.variable_definitions or ())
        if not (takes_texts and is_whole):
            return None
        return _Usual(signatures.keys(), [str] * len(signatures), signatures, found)

    def _make_room(self, newest: _Known) -> None:
        while len(newest.variants) > MAX_VARIANTS:
            _, dropped = newest.variants.popitem(last=False)
            self.size_bytes -= dropped.size_bytes
        while self.size_bytes > self._max_bytes and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self.size_bytes -= sum(one.size_bytes for one in oldest.variants.values())


def _name_of(document: DocumentNode, operation: OperationDefinitionNode) -> Hashable:
    return id(document), operation.name.value if operation.name is not None else None
