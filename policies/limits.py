"""How large a document may be, measured in one pass before it is validated.

Fragments are measured once, however often they are spread, and what they hold counts
as often as they are spread: so a short document cannot hide a long one, and measuring
cannot take longer than reading. What is counted grows no further than `MOST`.

Cycles, unknown fragments and unknown fields are left to validation; a cycle counts
once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
)

from policies.settings import LimitSettings

MOST: Final = 1_000_000
"""Where counting stops: far above any limit."""
MAX_OPERATIONS: Final = 20
"""Operations of one document: validation looks at all fragments for each of them."""
MAX_FRAGMENTS: Final = 100
MAX_NESTING: Final = 64
"""Selection sets, and values, inside each other."""

_LOOKING: Final = frozenset({"__schema", "__type", "__typename"})


class _Size(NamedTuple):
    """What one selection set holds, fragments put in."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    on_one: int = 0
    selections: int = 0
    breadth: int = 0
    roots: int = 0


_NOTHING: Final = _Size()


@dataclass(frozen=True, slots=True)
class Measures:
    """How large a document is: of each measure the most that one operation has.

    Attributes:
        depth: Fields inside fields.
        aliases: Fields under another name.
        directives: Of all nodes.
        on_one: Directives of the node that has most.
        selections: Fields and fragments.
        breadth: Of the selection set that has most, written there or spread into it.
        roots: Fields of the operation itself.
        operations: Of the document.
        fragments: Of the document.
        is_looking: Whether nothing but the schema is asked for.
    """

    depth: int
    aliases: int
    directives: int
    on_one: int
    selections: int
    breadth: int
    roots: int
    operations: int
    fragments: int
    is_looking: bool


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit that a document exceeds; by how much it would fit is not told."""

    limit: str
    message: str


def measure(document: DocumentNode) -> Measures | Exceeded:
    """Measure a parsed document.

    Returns:
        How large it is; or that it is nested too deeply to be looked at.
    """
    try:
        return _Measuring(document).measures()
    except _TooDeepError:
        return Exceeded("nesting", "The document is nested too deeply.")


def exceeded(measures: Measures, limits: LimitSettings, *, may_look: bool) -> Exceeded | None:
    """Find a limit that a document exceeds.

    Args:
        measures: How large it is.
        limits: How large it may be.
        may_look: Whether its sender may look at the schema, which is deeper than data.
    """
    depth = limits.introspection_depth if measures.is_looking and may_look else limits.depth
    for limit, found, most, what in (
        ("depth", measures.depth, depth, "is too deep"),
        ("aliases", measures.aliases, limits.aliases, "has too many aliases"),
        ("directives", measures.directives, limits.directives, "has too many directives"),
        (
            "directives_on_one",
            measures.on_one,
            limits.directives_on_one,
            "has too many directives in one place",
        ),
        ("roots", measures.roots, limits.roots, "has too many root fields"),
        ("breadth", measures.breadth, limits.breadth, "selects too much in one place"),
        ("selections", measures.selections, limits.selections, "selects too much"),
        ("operations", measures.operations, MAX_OPERATIONS, "has too many operations"),
        ("fragments", measures.fragments, MAX_FRAGMENTS, "has too many fragments"),
    ):
        if found > most:
            return Exceeded(limit, f"The document {what}.")
    return None


class _TooDeepError(Exception):
    """Selection sets inside each other, more than can be honest."""


class _Measuring:
    """One pass over one document."""

    def __init__(self, document: DocumentNode) -> None:
        definitions = document.definitions
        self._operations = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._others = len(definitions) - len(self._operations)
        self._sizes: dict[str, _Size] = {}

    def measures(self) -> Measures:
        sizes = [self._definition(one) for one in self._operations]
        # Fragments that nobody spreads are validated all the same.
        sizes += [self._fragment(name, 0) for name in self._fragments if name not in self._sizes]
        whole = [max(column) for column in zip(*sizes, strict=True)] if sizes else list(_NOTHING)
        depth, aliases, directives, on_one, selections, breadth, _ = whole
        return Measures(
            depth=depth,
            aliases=aliases,
            directives=directives,
            on_one=on_one,
            selections=selections,
            breadth=breadth,
            roots=max((one.roots for one in sizes[: len(self._operations)]), default=0),
            operations=len(self._operations),
            fragments=self._others,
            is_looking=all(map(self._is_looking, self._operations)),
        )

    def _definition(self, one: OperationDefinitionNode) -> _Size:
        size = self._set(one.selection_set.selections, 0)
        own = len(one.directives or ())
        own_most = own
        for variable in one.variable_definitions or ():
            count = len(variable.directives or ())
            own += count
            own_most = max(own_most, count)
        return size._replace(
            directives=min(size.directives + own, MOST), on_one=max(size.on_one, own_most)
        )

    def _set(self, selections: Sequence[Any], nesting: int) -> _Size:
        """Measure a selection set."""
        if nesting > MAX_NESTING:
            raise _TooDeepError
        depth = aliases = directives = on_one = 0
        total = roots = len(selections)
        breadth = 0
        for one in selections:
            if one.directives:
                count = len(one.directives)
                directives += count
                on_one = max(on_one, count)
            if isinstance(one, FieldNode):
                if one.alias is not None:
                    aliases += 1
                if one.selection_set is None:
                    depth = depth or 1
                    continue
                below = self._set(one.selection_set.selections, nesting + 1)
                depth = max(depth, below.depth + 1)
                breadth = max(breadth, below.breadth)
            else:
                below = (
                    self._fragment(one.name.value, nesting)
                    if isinstance(one, FragmentSpreadNode)
                    else self._set(one.selection_set.selections, nesting + 1)
                )
                # What is in a fragment stands where it is spread.
                roots += below.roots - 1
                depth = max(depth, below.depth)
                breadth = max(breadth, below.breadth)
            aliases += below.aliases
            directives += below.directives
            on_one = max(on_one, below.on_one)
            total += below.selections
        return _Size(
            depth,
            min(aliases, MOST),
            min(directives, MOST),
            on_one,
            min(total, MOST),
            min(max(breadth, roots), MOST),
            min(roots, MOST),
        )

    def _fragment(self, name: str, nesting: int) -> _Size:
        size = self._sizes.get(name)
        if size is None:
            fragment = self._fragments.get(name)
            if fragment is None:
                return _NOTHING
            self._sizes[name] = _NOTHING  # met again below itself, it is a cycle
            size = self._set(fragment.selection_set.selections, nesting + 1)
            own = len(fragment.directives or ())
            size = self._sizes[name] = size._replace(
                directives=min(size.directives + own, MOST), on_one=max(size.on_one, own)
            )
        return size

    def _is_looking(self, operation: OperationDefinitionNode) -> bool:
        return all(
            isinstance(one, FieldNode) and one.name.value in _LOOKING
            for one in operation.selection_set.selections
        )
