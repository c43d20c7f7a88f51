"""Which systems a question will ask, and how often, told before anybody is asked.

A root field that looks something up asks its order source for headers, whatever is
selected, and each other system that something in its selection needs. How many calls
that takes follows from the number of keys and the system's own table.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from backends.capabilities import Capabilities
from backends.registry import BackendInfo
from orderlines.facets import Section
from resolvers.needs import sections_of

LOOKED_UP: Final = frozenset({"Order", "OrderLine", "_Entity"})
"""What only a header admits: a root field of these types reads it, whatever is selected."""


class RootField(Protocol):
    """A root field of a plan."""

    @property
    def below(self) -> Mapping[str, Any]:
        """What is selected of its value, by object type."""
        ...

    @property
    def needs(self) -> frozenset[Any]:
        """What the selection below it needs."""
        ...


class Read(NamedTuple):
    """A system that is asked for one root field.

    Attributes:
        sections: What it is asked for.
    """

    system: str
    sections: frozenset[Section]
    capabilities: Capabilities


def looks_up(one: RootField) -> bool:
    """Tell whether a root field looks lines or orders up."""
    return bool(LOOKED_UP & one.below.keys())


def reads_of(one: RootField, systems: Sequence[BackendInfo]) -> tuple[Read, ...]:
    """List the systems that are asked for a root field."""
    needs = sections_of(one.needs)
    if looks_up(one):
        needs |= {Section.HEADER}
    return tuple(
        Read(info.name, info.capabilities.sections & needs, info.capabilities)
        for info in systems
        if info.capabilities.sections & needs
    )


def keys_of(arguments: Collection[object]) -> int:
    """Count what a root field looks up: the longest list it is given, each once, or one."""
    return max(
        (len({*map(str, value)}) for value in arguments if isinstance(value, list)), default=1
    )
