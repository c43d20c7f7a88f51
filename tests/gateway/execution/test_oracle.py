"""graphql-core is right: random worlds are answered as it answers them.

`ORDERLINE_ORACLE_CASES` sets how many documents are asked; a failure names the seed
that makes it again.
"""

import asyncio
import gc
import os
import warnings
from dataclasses import dataclass

import pytest
from graphql import OperationDefinitionNode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.execution import Executor
from tests.gateway.execution.documents import make_document, make_variables
from tests.gateway.execution.oracle import UNSTOPPED, Oracle, in_order, parted, told
from tests.gateway.execution.worlds import World, seeded

CASES = int(os.environ.get("ORDERLINE_ORACLE_CASES", "2000"))
A_WORLD = 10  # documents asked of one world
FAIR_SHARE = 0.2


@dataclass(slots=True)
class Score:
    """What a run of the comparison went through."""

    cases: int = 0
    with_errors: int = 0
    with_propagation: int = 0


async def compare(seed: int, size: int, score: Score, count: int = A_WORLD) -> None:
    """Ask a world's documents of both executors."""
    world = World(seed, size)
    ours = Executor(world.schema, world.plans)
    oracle_schema = world.for_oracle()
    oracle = Oracle(oracle_schema, world.plans)
    random = seeded(f"documents {seed}")
    for _ in range(count * 4):
        made = make_document(random, world.schema)
        if made is None:
            continue
        text, document = made
        [operation] = [
            one for one in document.definitions if isinstance(one, OperationDefinitionNode)
        ]
        for _ in range(2):
            variables = make_variables(random)
            expected = await oracle.execute(text, variables)
            got = await ours.execute(document, operation, variables, None)
            where = f"seed={seed} size={size}\n{world.sdl}\n{text}\n{variables}"

            assert in_order(got.data) == in_order(expected.data), where
            direct, below = parted(got.data, told(got.errors))
            expected_direct, expected_below = parted(expected.data, told(expected.errors))
            assert direct == expected_direct, where
            assert below.keys() == expected_below.keys(), where
            score.with_errors += bool(got.errors)
            score.with_propagation += bool(below)
            score.cases += 1
            if below:
                named = text.replace(" {", f" {UNSTOPPED} {{", 1)
                everything = told((await oracle.execute(named, variables)).errors)
                for errors in below.values():
                    assert not errors - everything, where
        count -= 1
        if not count:
            return


# graphql-core leaves behind what its siblings' failure made useless. The test below holds
# that we do not.
@pytest.mark.filterwarnings("ignore:.*was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_random_worlds_are_answered_as_graphql_core_answers_them() -> None:
    """Same data, same order, same errors; null propagation in a fair share of cases."""
    score = Score()

    @settings(
        max_examples=max(1, CASES // (2 * A_WORLD)),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**40), size=st.integers(1, 4))
    def hold(seed: int, size: int) -> None:
        asyncio.run(compare(seed, size, score))

    hold()
    gc.collect()  # while graphql-core's own warnings are still known for what they are

    assert score.with_propagation >= FAIR_SHARE * score.cases, score


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_run_leaves_nothing_unawaited(size: int) -> None:
    """Whatever a resolver began is awaited or closed; the filter makes warnings errors."""
    asked = 0
    with warnings.catch_warnings(action="ignore"):
        gc.collect()  # what graphql-core left behind before this is not ours

    async def run(seed: int) -> None:
        nonlocal asked
        world = World(seed, size)
        ours = Executor(world.schema, world.plans)
        random = seeded(f"documents {seed}")
        for _ in range(A_WORLD):
            made = make_document(random, world.schema)
            if made is not None:
                [operation] = [
                    one for one in made[1].definitions if isinstance(one, OperationDefinitionNode)
                ]
                await ours.execute(made[1], operation, make_variables(random), None)
                asked += 1

    for seed in range(20):
        asyncio.run(run(seed))
    gc.collect()

    assert asked > A_WORLD
