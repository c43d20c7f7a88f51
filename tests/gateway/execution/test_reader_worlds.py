"""Readers change no answer: whatever is asked, and whatever of it they read."""

import asyncio

from graphql import OperationDefinitionNode
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.execution import Executed, Executor
from gateway.execution.plan import FieldMask
from tests.gateway.execution.documents import make_document, make_variables
from tests.gateway.execution.text_worlds import Tally, TextWorld, readers_of
from tests.gateway.execution.worlds import seeded

A_WORLD = 5  # documents asked of one world
CASES = 45


def shown(executed: Executed) -> tuple[object, ...]:
    """Give everything an answer says."""
    return (
        executed.json,
        [(one.path, one.message) for one in executed.errors],
        {(one.parent.name, one.key): count for one, count in executed.counts.items()},
    )


async def compare(seed: int, size: int, tally: Tally) -> None:
    """Ask a world's documents with and without readers, each twice: types are learnt."""
    world = TextWorld(seed, size)
    random = seeded(f"documents {seed}")
    mask: FieldMask = frozenset(one for one in world.ways if random.random() < 0.03)
    readers = readers_of(world, mask, tally)
    executors = [
        Executor(world.schema, world.plans, readers=readers),
        Executor(world.schema, world.plans),
    ]
    for _ in range(A_WORLD):
        made = make_document(random, world.schema)
        if made is None:
            continue
        text, document = made
        [operation] = [
            one for one in document.definitions if isinstance(one, OperationDefinitionNode)
        ]
        for _ in range(2):
            variables = make_variables(random)
            got, expected = [
                shown(await one.execute(document, operation, variables, None, mask=mask))
                for one in executors
            ]

            assert got == expected, f"{seed=} {size=}\n{world.sdl}\n{text}\n{variables}"


def test_random_worlds_are_answered_as_without_readers() -> None:
    """Aliases, fragments, conditions, nulls and errors among them; and none is asked too much."""
    tally = Tally()

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @example(seed=297, size=1)  # an object of which only its type is selected, and is not there
    @given(seed=st.integers(0, 2**40), size=st.integers(1, 2))
    def hold(seed: int, size: int) -> None:
        asyncio.run(compare(seed, size, tally))

    hold()

    assert tally.wrong == []
    assert tally.read > CASES / 4
    assert min(tally.unusual, tally.refused, tally.nulls) > 0
