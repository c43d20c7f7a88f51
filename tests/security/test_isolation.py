"""B-1 by the clock, and B-4: no answer tells of rows that its caller may not see.

The short runs are part of every test run; `make soak` runs a million questions.
"""

import asyncio
import os
import random
import time
from pathlib import Path

from orderlines.visibility import ALL, Visibility
from tests.security.in_process import Asker, House, house, many_visibilities
from tests.timing import welch_t

QUESTIONS = int(os.environ.get("ORDERLINE_SOAK_QUESTIONS", "6000"))
PAIRS = int(os.environ.get("ORDERLINE_SOAK_PAIRS", "400"))
AT_ONCE = 12

ORDER = """query($n: String!, $age: Duration) { order(number: $n, maxAge: $age) { number
  customer { soldTo } channel lines(first: 50) { nodes { lineNumber ownerWarehouse
  customer { soldTo } promised { quantity { value } } shipped { quantity { value } } } } } }"""


def expected_lines(house_: House, asker: Asker, number: str) -> set[str]:
    """List the lines of an order that a caller may see, by the world itself."""
    order = house_.world.orders.get(number)
    return {
        line.number.lstrip("0")
        for line in (order.lines.values() if order is not None else ())
        if order is not None
        and asker.visibility.admits(
            sold_to=order.customer, channel=order.channel.name, owner_node=line.plant
        )
    }


async def test_b4_no_answer_belongs_to_another(tmp_path: Path) -> None:
    """Fifty callers at once, live and kept answers in any order, a fifth given up midway."""
    pick = random.Random(4_711)  # noqa: S311 - no secret
    seen = {"whole": 0, "nothing": 0, "left": 0}
    async with house(tmp_path, many_visibilities(50), takes_s=0.001) as gateway:
        numbers = [*list(gateway.world.orders)[:40], "SO-9998", "SO-9999"]

        async def one() -> None:
            asker, number = pick.choice(gateway.askers), pick.choice(numbers)
            age = pick.choice([None, "PT0.05S", "PT60S"])
            asked = asyncio.create_task(gateway.ask(asker, ORDER, n=number, age=age))
            if pick.random() < 0.2:
                await asyncio.sleep(pick.random() * 0.004)
                asked.cancel()
                await asyncio.wait([asked])
                if asked.cancelled():
                    seen["left"] += 1
                    return
            status, answer = await asked
            assert status == 200
            order, allowed = answer["data"]["order"], expected_lines(gateway, asker, number)
            if not allowed:
                assert order is None, (asker.visibility, number)
                seen["nothing"] += 1
                return
            assert order["number"] == number
            assert {line["lineNumber"].lstrip("0") for line in order["lines"]["nodes"]} == allowed
            assert {line["customer"]["soldTo"] for line in order["lines"]["nodes"]} == {
                gateway.world.orders[number].customer
            }
            seen["whole"] += 1

        for _ in range(0, QUESTIONS, AT_ONCE):
            await asyncio.gather(*(one() for _ in range(AT_ONCE)))

    assert seen["whole"] > QUESTIONS / 10
    assert seen["nothing"] > QUESTIONS / 10
    assert seen["left"] > QUESTIONS / 100


async def test_b1_a_hidden_line_takes_no_longer_than_an_absent_one(tmp_path: Path) -> None:
    """CPU time of each, in turn, systems of constant length: Welch's t stays below 4.5.

    A pair is measured in either order, so that what the first leaves warm helps both.
    """
    rows = [Visibility(frozenset({"C-100"}), ALL, ALL)]
    hidden, absent = [], []
    async with house(tmp_path, rows, pad_to=40_000) as gateway:
        (asker,) = gateway.askers
        orders = gateway.world.orders
        foreign = next(number for number, one in orders.items() if one.customer != "C-100")
        for number in (foreign, "SO-9999"):
            assert (await gateway.ask(asker, ORDER, n=number))[1]["data"]["order"] is None

        async def cost(number: str) -> float:
            started = time.thread_time_ns()
            await gateway.ask(asker, ORDER, n=number)
            return (time.thread_time_ns() - started) / 1_000

        for turn in range(PAIRS + 50):
            if turn % 2:
                one, other = await cost(foreign), await cost("SO-9999")
            else:
                other, one = await cost("SO-9999"), await cost(foreign)
            if turn >= 50:
                hidden.append(one)
                absent.append(other)

    told = welch_t(hidden, absent)
    assert abs(told.t) < 4.5, told
