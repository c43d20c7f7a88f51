"""What is read together is what the fields read one by one, whatever the systems said."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.execution.plan import Path
from orderlines.identity import OrderLineKey
from orderlines.visibility import ALL, Visibility
from resolvers.readers import ABSENCES, READERS, READS
from tests.backends.kit import EVERYTHING
from tests.gateway.execution.worlds import seeded
from tests.resolvers.page_kit import NUMBER, Page, ask, desk_of, executor, shown
from tests.resolvers.pages import ODD, alike, pages

LEAVES = sorted(READS.keys() | ABSENCES.keys())
_RANDOM = seeded("selections")
SELECTIONS = [
    *([leaf] for leaf in LEAVES),
    *(_RANDOM.choices(LEAVES, k=2 + turn % 7) for turn in range(40)),
    LEAVES,
]
"""Each leaf alone, some of them together, in any order and also twice, and all."""

SOME = st.sampled_from(SELECTIONS)
OF_ONE_CUSTOMER = Visibility(customers=frozenset({"C-100"}), channels=ALL, warehouses=ALL)


@dataclass(slots=True)
class Counting:
    """A reader that counts how often it read, of how often it was asked."""

    inner: Any  # what `READERS` makes
    score: "Score"

    @property
    def nulls(self) -> Any:  # noqa: ANN401 - as the reader's
        """Of the reader."""
        return self.inner.nulls

    @property
    def source(self) -> str:
        """Of the reader."""
        return str(self.inner.source)

    def read(self, lines: Sequence[object], /) -> object:
        """Read, and count."""
        found = self.inner.read(lines)
        self.score.asked += 1
        self.score.read += found is not None
        return found


@dataclass(slots=True)
class Score:
    """How many pages were asked for, and how many were read together."""

    pages: int = 0
    asked: int = 0
    read: int = 0

    def reader_of(self, leaves: Sequence[Path]) -> Counting | None:
        """Make a reader that is counted here."""
        made = READERS["OrderLine"](leaves)
        return None if made is None else Counting(made, self)


SCORE = Score()
TOGETHER, ALONE = executor({"OrderLine": SCORE.reader_of}), executor(None)


def selection_of(leaves: Sequence[Path]) -> str:
    """Select leaves, each by itself, so that those of one section are merged."""
    return " ".join(" { ".join(leaf) + " }" * (len(leaf) - 1) for leaf in leaves)


def question(selection: str, cut: str = "") -> str:
    """Ask for the lines of the order."""
    return (
        f'{{ order(number: "{NUMBER}") {{ lines{cut} {{ totalCount nodes {{ {selection} }} }} }} }}'
    )


async def both(page: Page, text: str, visibility: Visibility = EVERYTHING) -> list[Any]:
    """Ask with and without readers; Any: everything an answer says."""
    SCORE.pages += 1
    return [
        shown(await ask(ours, text, desk_of(page).context(visibility)))
        for ours in (TOGETHER, ALONE)
    ]


ALIKE = {
    f"{count}, {system}: {odd}": alike(system, odd, count)
    for count in (2, 9)
    for system in ODD
    for odd in ODD[system]
}
"""Pages whose lines are odd in the same way."""


def hold(count: int) -> settings:
    """Settle how many pages are drawn."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def test_usual_pages_are_read_together_as_alone() -> None:
    """And really together: else this would hold of nothing."""

    @hold(100)
    @given(pages(oddness=0), SOME)
    def holds(page: Page, leaves: list[Path]) -> None:
        together, alone = asyncio.run(both(page, question(selection_of(leaves))))

        assert together == alone
        assert alone[1] == []

    before = SCORE.pages, SCORE.read
    holds()

    assert SCORE.read - before[1] >= (SCORE.pages - before[0]) / 3


@pytest.mark.parametrize("page", ALIKE)
async def test_pages_that_are_odd_throughout_are_read_together_as_alone(page: str) -> None:
    """Each leaf alone: nothing else that is asked for may be what finds it out."""
    different = []
    for leaf in LEAVES:
        together, alone = await both(ALIKE[page], question(selection_of([leaf])))
        if together != alone:
            different.append(leaf)

    assert different == []


@pytest.mark.parametrize("oddness", [1, 3])
def test_odd_pages_are_read_together_as_alone(oddness: int) -> None:
    """A line in many, or many of them: absent, doubled, bad, or said in another way."""

    @hold(90)
    @given(pages(oddness=oddness), SOME, st.sampled_from([EVERYTHING, OF_ONE_CUSTOMER]))
    def holds(page: Page, leaves: list[Path], visibility: Visibility) -> None:
        text = question(selection_of(leaves))
        together, alone = asyncio.run(both(page, text, visibility))

        assert together == alone

    holds()


def test_pages_that_are_cut_are_read_together_as_alone() -> None:
    """By `first` and `after`."""

    @hold(40)
    @given(pages(oddness=0), SOME, st.integers(1, 5), st.integers(0, 4))
    def holds(page: Page, leaves: list[Path], first: int, start: int) -> None:
        after = OrderLineKey("erp", NUMBER, f"10{start}").id
        cut = f"(first: {first})" if not start else f'(first: {first}, after: "{after}")'
        together, alone = asyncio.run(both(page, question(selection_of(leaves), cut)))

        assert together == alone

    holds()


async def test_single_lines_are_read_one_by_one() -> None:
    """They are a list like any other, with reasons where lines were not found."""
    ids = [OrderLineKey("erp", NUMBER, number).id for number in ("20", "10", "30")]
    text = f"{{ orderLinesById(ids: {json.dumps(ids)}) {{ {selection_of(LEAVES)} }} }}"
    read = SCORE.read
    together, alone = await both(alike("erp", {}), text)

    assert together == alone
    assert SCORE.read == read


def test_no_reader_is_made_for_other_leaves() -> None:
    """Beside one that is not known, none is read together."""
    assert READERS["OrderLine"]([*READS, ("state",)]) is None
