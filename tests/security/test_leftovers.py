"""What answers leave behind: nothing that only the garbage collector would find."""

import gc
from pathlib import Path

import pytest

from orderlines.visibility import Visibility
from tests.security.in_process import house

QUESTIONS = 40
PAGE = (
    "query Page($number: String!) { order(number: $number) { number lines { nodes { lineNumber "
    "item { sku } requested { quantity { value unit } shipOn } promised { quantity { value } "
    "firstDate } allocated { quantity { value } } shipped { quantity { value } } } } } }"
)
WHOLE = PAGE.replace("lineNumber", "lineNumber state open { value } sources { system asOf }")


@pytest.mark.parametrize("query", [PAGE, WHOLE], ids=["read together", "read field by field"])
async def test_an_answer_leaves_no_cycles(query: str, tmp_path: Path) -> None:
    """The collector runs seldom: what waits for it would add up to hundreds of megabytes."""
    async with house(tmp_path, [Visibility.everything()]) as home:
        (asker,) = home.askers
        number = next(iter(home.world.orders))
        for _ in range(3):
            status, told = await home.ask(asker, query, number=number)
        assert (status, "errors" in told) == (200, False)
        left = []
        # Twice: the first time a memory may let go of what was before these questions.
        for _ in range(2):
            gc.collect()
            gc.disable()
            try:
                for _ in range(QUESTIONS):
                    await home.ask(asker, query, number=number)
                left.append(gc.collect())
            finally:
                gc.enable()

    assert min(left) < QUESTIONS
