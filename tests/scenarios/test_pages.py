"""Every page of `pages/` is asked of the running demo and must get its answer.

`ORDERLINE_WRITE_PAGES=1` writes what came back into the pages, to be read and
committed by a person.
"""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scenarios.demo import Demo
from tests.scenarios.page import read_page, settled

PAGES = sorted((Path(__file__).parent / "pages").glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_a_scenario_gets_the_answer_of_its_page(demo: Demo, path: Path) -> None:
    """A page is the promise in full: question, faults, and every byte of data and errors."""
    page = read_page(path)
    with ExitStack() as stack:
        for system, fault in page.faults.items():
            stack.enter_context(demo.fault(system, **fault))
        answer = settled(demo.ask(page.query, page.variables))
    if os.environ.get("ORDERLINE_WRITE_PAGES"):
        path.write_text(page.with_answer(answer), encoding="utf-8")
        return

    assert answer == page.answer


def test_there_are_pages() -> None:
    """An empty folder would pass every scenario."""
    assert len(PAGES) >= 8
