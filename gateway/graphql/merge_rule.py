"""Whether fields of one response name can be merged, found in one walk over merged sets.

graphql-core compares fields in pairs, and the sets below them in pairs again; what a
document of two kilobytes can make of that takes hundreds of milliseconds. Here all
fields of one response name are looked at together, in two passes over the same sets:

- every field of a name must have the same shape, whatever object it belongs to;
- those that can belong to one object must be the same field with the same arguments.

Both go on with the merged set below them. A set that was looked at is not looked at
again, so the work follows the size of the document, fragments put in, which is limited
before. The verdicts are those of graphql-core.

Source: GraphQL specification, section 5.3.2 (Field Selection Merging).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    get_named_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    print_ast,
    specified_rules,
    type_from_ast,
)
from graphql.language import ObjectValueNode

MAX_LOOKS: Final = 100_000
"""Fields that are looked at, again and again, before a document is refused unread."""
MAX_TOLD: Final = 5

_COMPOSITE: Final = "composite"


@dataclass(frozen=True, slots=True, eq=False)
class _Selected:
    """A field as it stands in a selection set.

    Attributes:
        parent: The type it is selected of; None where that is unknown.
    """

    node: FieldNode
    parent: GraphQLNamedType | None
    definition: GraphQLField | None

    @property
    def key(self) -> str:
        """Its name in the answer."""
        return (self.node.alias or self.node.name).value


class FieldsCanBeMergedRule(ValidationRule):
    """A selection set is only valid if all fields of one response name can be merged."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._checked: dict[bool, set[frozenset[int]]] = {False: set(), True: set()}
        self._arguments: dict[int, str] = {}
        self._reached: set[str] = set()
        self._looks = 0
        self._told = 0

    def enter_document(self, document: DocumentNode, *_: object) -> None:
        """Look at every selection set of a document."""
        context = self.context
        for one in document.definitions:
            if isinstance(one, OperationDefinitionNode):
                root = context.schema.get_root_type(one.operation)
                self._check([(one.selection_set, root)])
        for one in document.definitions:
            # What an operation spreads was looked at in its place.
            if isinstance(one, FragmentDefinitionNode) and one.name.value not in self._reached:
                kind = type_from_ast(context.schema, one.type_condition)
                self._check([(one.selection_set, kind)])

    def _check(self, sets: Sequence[tuple[SelectionSetNode, GraphQLNamedType | None]]) -> None:
        fields = self._collected(sets)
        self._check_shapes(fields, "")
        self._check_sameness(fields, "")

    def _check_shapes(self, fields: Sequence[_Selected], above: str) -> None:
        """Check that what stands under one name looks the same, whatever object it is of."""
        if not self._is_new(fields, is_shape=True):
            return
        for key, group in _groups(fields):
            path = f"{above}{key}"
            if len(group) > 1 and self._is_refused(_shape_conflict(group), group, path):
                continue
            self._check_shapes(self._below(group), f"{path}.")

    def _check_sameness(self, fields: Sequence[_Selected], above: str) -> None:
        """Check that what can be of one object is one field."""
        if not self._is_new(fields, is_shape=False):
            return
        for key, group in _groups(fields):
            path = f"{above}{key}"
            for together in _of_one_object(group):
                if len(together) > 1 and self._is_refused(
                    self._difference(together), together, path
                ):
                    continue
                self._check_sameness(self._below(together), f"{path}.")

    def _is_new(self, fields: Sequence[_Selected], *, is_shape: bool) -> bool:
        if len(fields) == 0 or self._told >= MAX_TOLD or self._looks > MAX_LOOKS:
            return False
        self._looks += len(fields)
        if self._looks > MAX_LOOKS:
            self._tell("The document merges too many fields.", fields[:1])
            return False
        name = frozenset([id(one.node) for one in fields])
        known = self._checked[is_shape]
        if name in known:
            return False
        known.add(name)
        return True

    def _is_refused(
        self, conflict: tuple[str, _Selected] | None, group: Sequence[_Selected], path: str
    ) -> bool:
        if conflict is None:
            return False
        reason, other = conflict
        self._tell(
            f"Fields '{path}' conflict because {reason}. Use different aliases on the fields"
            " to fetch both if this was intentional.",
            (group[0], other),
        )
        return True

    def _tell(self, message: str, fields: Iterable[_Selected]) -> None:
        self._told += 1
        self.report_error(GraphQLError(message, [one.node for one in fields]))

    def _below(self, group: Sequence[_Selected]) -> list[_Selected]:
        """Merge what is selected below fields."""
        return self._collected(
            [
                (
                    one.node.selection_set,
                    None if one.definition is None else get_named_type(one.definition.type),
                )
                for one in group
                if one.node.selection_set is not None
            ]
        )

    def _collected(
        self, sets: Iterable[tuple[SelectionSetNode, GraphQLNamedType | None]]
    ) -> list[_Selected]:
        """List the fields of selection sets, fragments put in, each once."""
        found: dict[int, _Selected] = {}
        spread: set[str] = set()
        waiting = deque(sets)
        while waiting:
            selections, parent = waiting.popleft()
            for one in selections.selections:
                if isinstance(one, FieldNode):
                    if id(one) not in found:
                        found[id(one)] = _Selected(one, parent, _definition(parent, one))
                    continue
                if isinstance(one, FragmentSpreadNode):
                    name = one.name.value
                    fragment = None if name in spread else self.context.get_fragment(name)
                    if fragment is None:
                        continue
                    spread.add(name)
                    self._reached.add(name)
                    kind = type_from_ast(self.context.schema, fragment.type_condition)
                    waiting.append((fragment.selection_set, kind))
                else:
                    condition = getattr(one, "type_condition", None)
                    kind = type_from_ast(self.context.schema, condition) if condition else parent
                    waiting.append((one.selection_set, kind))  # type: ignore[attr-defined] # the third kind
        return list(found.values())

    def _difference(self, group: Sequence[_Selected]) -> tuple[str, _Selected] | None:
        """Tell how one of the fields differs from the first."""
        first, *others = group
        name, arguments = first.node.name.value, self._argued(first)
        for other in others:
            if other.node.name.value != name:
                return f"'{name}' and '{other.node.name.value}' are different fields", other
            if self._argued(other) != arguments:
                return "they have differing arguments", other
        return None

    def _argued(self, one: _Selected) -> str:
        """Write the arguments of a field so that equal ones are equal texts."""
        arguments = one.node.arguments
        if not arguments:
            return ""
        found = self._arguments.get(id(one.node))
        if found is None:
            written = sorted((each.name.value, _written(each.value)) for each in arguments)
            found = self._arguments[id(one.node)] = repr(written)
        return found


def _definition(parent: GraphQLNamedType | None, node: FieldNode) -> GraphQLField | None:
    found: GraphQLField | None = None
    if is_object_type(parent) or is_interface_type(parent):
        found = parent.fields.get(node.name.value)
    return found


def _groups(fields: Iterable[_Selected]) -> Iterator[tuple[str, list[_Selected]]]:
    """Group fields by their name in the answer."""
    groups: dict[str, list[_Selected]] = {}
    for one in fields:
        groups.setdefault(one.key, []).append(one)
    # A value that stands alone has nothing to be merged with.
    return (
        (key, group)
        for key, group in groups.items()
        if len(group) > 1 or group[0].node.selection_set is not None
    )


def _of_one_object(group: Sequence[_Selected]) -> Iterator[Sequence[_Selected]]:
    """Part fields into those that can be of one object, which may hold one many times.

    An interface, a union or an unknown type may turn out to be any object.
    """
    if len(group) == 1:
        yield group
        return
    by_object: dict[str, list[_Selected]] = {}
    anywhere: list[_Selected] = []
    for one in group:
        if is_object_type(one.parent):
            by_object.setdefault(one.parent.name, []).append(one)
        else:
            anywhere.append(one)
    if not by_object:
        yield anywhere
    for some in by_object.values():
        yield [*some, *anywhere]


def _shape_conflict(group: Sequence[_Selected]) -> tuple[str, _Selected] | None:
    """Tell which of the fields does not look like the others."""
    for one in group:
        if any(each.name.value == "stream" for each in one.node.directives or ()):
            return "they have overlapping stream directives", group[1] if one is group[0] else one
    known = [one for one in group if one.definition is not None]
    for other in known[1:]:
        kind, other_kind = known[0].definition, other.definition
        assert kind is not None  # noqa: S101 - left out above
        assert other_kind is not None  # noqa: S101 - left out above
        if kind.type is not other_kind.type and _shape(kind.type) != _shape(other_kind.type):
            return f"they return conflicting types '{kind.type}' and '{other_kind.type}'", other
    return None


def _shape(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - any output type
    """Write what a value of a type looks like: its lists, its nulls, and the leaf."""
    shape: list[str] = []
    while is_list_type(kind) or is_non_null_type(kind):
        shape.append("[" if is_list_type(kind) else "!")
        kind = kind.of_type
    return (*shape, kind.name if is_leaf_type(kind) else _COMPOSITE)


def _written(value: Any) -> str:  # noqa: ANN401 - any value node
    """Write a value, the fields of objects by name."""
    if isinstance(value, ObjectValueNode):
        fields = sorted((one.name.value, _written(one.value)) for one in value.fields)
        return repr(fields)
    values = getattr(value, "values", None)
    if values is not None:
        return repr([_written(one) for one in values])
    return print_ast(value)


RULES: Final = tuple(
    FieldsCanBeMergedRule if rule is OverlappingFieldsCanBeMergedRule else rule
    for rule in specified_rules
)
"""The rules of the specification, with this one in place of graphql-core's."""
