"""From a document to its plan.

Collecting and merging fields is left to graphql-core, so that fragments, conditions
and directives mean exactly what they mean there. Fields are shared: the same nodes on
the same type are one field, however many ways lead to it, so a document cannot make
its plan grow faster than itself by spreading a fragment twice.

Source: GraphQL specification, sections 6.2 and 6.3 (CollectFields, merging).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TypeMetaFieldDef,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues, get_argument_values

from gateway.execution.plan import (
    Field,
    FieldMask,
    FieldPlan,
    FieldSource,
    Given,
    Plan,
    Selection,
    Way,
)

MAX_FIELDS: Final = 10_000
"""Fields of one plan: far above any honest question, far below what hurts."""

_IMMUTABLE: Final = (str, int, float, bool, type(None), Enum)
_CONDITIONS: Final = ("skip", "include")
_REFUSED: Final = "experimental_disableErrorPropagation"


class UnsupportedOperationError(GraphQLError):
    """The document uses a part of GraphQL that is not executed here."""


def directive_variables(
    document: DocumentNode, operation: OperationDefinitionNode
) -> tuple[str, ...]:
    """List the variables that decide which fields there are, in a fixed order."""
    found: set[str] = set()
    waiting: list[Any] = [
        operation,
        *(one for one in document.definitions if isinstance(one, FragmentDefinitionNode)),
    ]
    while waiting:
        node = waiting.pop()
        for directive in node.directives or ():
            if directive.name.value in _CONDITIONS:
                for argument in directive.arguments or ():
                    if isinstance(argument.value, VariableNode):
                        found.add(argument.value.name.value)
        if not isinstance(node, FragmentSpreadNode) and node.selection_set is not None:
            waiting.extend(node.selection_set.selections)
    return tuple(sorted(found))


def make_plan(  # noqa: PLR0913, PLR0917 - each is part of what is planned
    schema: GraphQLSchema,
    fields: FieldSource,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues,
    mask: FieldMask,
) -> Plan:
    """Plan one operation of a validated document.

    Of the variables only those of `directive_variables` are read.

    Raises:
        UnsupportedOperationError: It uses what is not executed here, or is too large.
        GraphQLError: The fields of the root cannot be told.
    """
    return _Planner(schema, fields, document, operation, variables, mask).plan()


@dataclass(slots=True)
class _Planner:
    schema: GraphQLSchema
    source: FieldSource
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: VariableValues
    mask: FieldMask
    fragments: dict[str, FragmentDefinitionNode] = field(init=False)
    details: dict[str, FragmentDetails] = field(init=False)
    known: dict[tuple[object, ...], Field] = field(default_factory=dict)
    argued: list[Field] = field(default_factory=list)
    slots: int = 0

    def __post_init__(self) -> None:
        self.fragments = {
            one.name.value: one
            for one in self.document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self.details = {name: FragmentDetails(one) for name, one in self.fragments.items()}

    def plan(self) -> Plan:
        operation = self.operation
        if operation.operation is OperationType.SUBSCRIPTION:
            msg = "Subscriptions are not supported."
            raise UnsupportedOperationError(msg, operation)
        if any(one.variable_definitions for one in self.fragments.values()):
            msg = "Arguments of fragments are not supported."
            raise UnsupportedOperationError(msg, operation)
        for directive in operation.directives or ():
            if directive.name.value == _REFUSED:
                msg = f"@{directive.name.value} is not supported."
                raise UnsupportedOperationError(msg, operation)
        root = self.schema.get_root_type(operation.operation)
        if root is None:
            msg = f"Schema is not configured to execute {operation.operation.value} operation."
            raise GraphQLError(msg, operation)
        try:
            selection = self._selection(root, None)
        except RecursionError:
            selection = None
        # Outside of the block, so that the error does not keep every frame of the recursion.
        if selection is None:
            msg = "Selections are nested too deeply."
            raise UnsupportedOperationError(msg, operation)
        if selection.error is not None:
            raise selection.error
        return Plan(
            schema=self.schema,
            operation=operation,
            fragments=self.fragments,
            root=selection,
            argued=tuple(sorted(self.argued, key=lambda one: one.slot)),
            refused=tuple(one for one in self.known.values() if one.way is Way.REFUSED),
            is_serial=operation.operation is OperationType.MUTATION,
            fields=len(self.known),
        )

    def _selection(
        self, parent: GraphQLObjectType, details: list[FieldDetails] | None
    ) -> Selection:
        try:
            collected = self._collect(parent, details)
        except UnsupportedOperationError:
            raise
        except GraphQLError as error:
            return Selection(parent, (), error)
        return Selection(parent, tuple(self._fields(parent, collected)))

    def _collect(
        self, parent: GraphQLObjectType, details: list[FieldDetails] | None
    ) -> CollectedFields:
        """Leave collecting, with its merging and directives, to graphql-core."""
        if details is None:
            collected = collect_fields(
                self.schema,
                self.details,
                self.variables,
                parent,
                self.operation,
                True,  # noqa: FBT003 - positional in graphql-core
            )
        else:
            collected = collect_subfields(
                self.schema,
                self.details,
                self.variables,
                self.operation,
                parent,
                details,
                True,  # noqa: FBT003 - positional in graphql-core
            )
        if collected.new_defer_usages:
            msg = "@defer is not supported."
            raise UnsupportedOperationError(msg, self.operation)
        return collected

    def _fields(self, parent: GraphQLObjectType, collected: CollectedFields) -> Iterator[Field]:
        for key, details in collected.grouped_field_set.items():
            identity = (parent.name, key, *(id(one.node) for one in details))
            found = self.known.get(identity)
            if found is None:
                found = self._field(parent, key, details)
                if found is None:
                    continue
                self.known[identity] = found
                if len(self.known) > MAX_FIELDS:
                    msg = f"The operation selects more than {MAX_FIELDS} fields."
                    raise UnsupportedOperationError(msg, self.operation)
            yield found

    def _field(
        self, parent: GraphQLObjectType, key: str, details: list[FieldDetails]
    ) -> Field | None:
        nodes = [one.node for one in details]
        name = nodes[0].name.value
        definition = self.schema.get_field(parent, name)
        if definition is None:
            return None
        for node in nodes:
            if any(directive.name.value == "stream" for directive in node.directives or ()):
                msg = "@stream is not supported."
                raise UnsupportedOperationError(msg, node)
        if (parent.name, name) in self.mask:
            below, plan = {}, None
            way, call, attribute = Way.REFUSED, None, ""
            if definition is TypeMetaFieldDef:
                # To tell that a type is there, or not, is what may not be asked for.
                way, call = Way.FUNCTION, _nothing
        else:
            below = {
                one.name: self._selection(one, details)
                for one in self._possible(get_named_type(definition.type))
            }
            plan = self.source.get((parent.name, name))
            way, call, attribute = _way(name, definition, plan)
        slot = -1
        if way is not Way.REFUSED and (definition.args or nodes[0].arguments):
            slot = self.slots
            self.slots += 1
        names = {} if plan is None or way in (Way.DEFAULT, Way.RESOLVER) else plan.arguments
        made = Field(
            key=key,
            name=name,
            parent=parent,
            definition=definition,
            nodes=nodes,
            way=way,
            call=call,
            attribute=attribute,
            slot=slot,
            fixed=_fixed(definition, nodes[0], names) if slot >= 0 else {},
            template=_template(definition, nodes[0], names) if slot >= 0 else None,
            names=names,
            below=below,
            needs=frozenset(
                word
                for selection in below.values()
                for one in selection.fields
                for word in (*self._own_needs(one), *one.needs)
            ),
            is_nullable=not is_non_null_type(definition.type),
        )
        if slot >= 0:
            self.argued.append(made)
        return made

    def _own_needs(self, one: Field) -> Collection[Any]:
        plan = self.source.get((one.parent.name, one.name))
        return () if plan is None or one.way is Way.REFUSED else plan.needs

    def _possible(self, named: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
        if is_object_type(named):
            return (named,)
        return self.schema.get_possible_types(named) if is_abstract_type(named) else ()


def _way(
    name: str, definition: GraphQLField, plan: FieldPlan | None
) -> tuple[Way, Callable[..., Any] | None, str]:
    if name == "__typename":
        return Way.TYPENAME, None, ""
    if plan is not None:
        for way, call in (
            (Way.BATCH, plan.batch),
            (Way.COLUMN, plan.column),
            (Way.FUNCTION, plan.function),
        ):
            if call is not None:
                return way, call, ""
        if plan.attribute is not None:
            return Way.ATTRIBUTE, None, plan.attribute
    if definition.resolve is not None:
        return Way.RESOLVER, definition.resolve, ""
    return Way.DEFAULT, None, name


def _nothing(parent: object, **given: object) -> None:
    """Find no type of any name."""


def _fixed(definition: GraphQLField, node: FieldNode, names: Mapping[str, str]) -> Given | None:
    """Coerce arguments once, where no variable and nothing changeable is in them."""
    waiting: list[Any] = [argument.value for argument in node.arguments or ()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, VariableNode):
            return None
        waiting.extend(getattr(value, "values", None) or ())
        waiting.extend(one.value for one in getattr(value, "fields", None) or ())
    try:
        values = get_argument_values(definition, node, hide_suggestions=True)
    except GraphQLError:
        return None  # each run raises it anew, located
    if all(isinstance(value, _IMMUTABLE) for value in values.values()):
        return {names.get(name, name): value for name, value in values.items()}
    return None


def _template(
    definition: GraphQLField, node: FieldNode, names: Mapping[str, str]
) -> tuple[Given, Sequence[tuple[str, str]]] | None:
    """Part the arguments that are one variable each from those that are fixed."""
    given = node.arguments or ()
    by_variable = {
        one.name.value: one.value.name.value
        for one in given
        # What the field does not know is left to whoever reads arguments one by one.
        if isinstance(one.value, VariableNode) and one.name.value in definition.args
    }
    others = {name: one for name, one in definition.args.items() if name not in by_variable}
    rest = FieldNode(
        name=node.name,
        arguments=tuple(one for one in given if one.name.value not in by_variable),
    )
    fixed = _fixed(GraphQLField(definition.type, args=others), rest, names)
    if fixed is None:
        return None
    given_as = {name: definition.args[name].out_name or name for name in by_variable}
    return fixed, [
        (names.get(given_as[name], given_as[name]), variable)
        for name, variable in by_variable.items()
    ]
