"""The catalogue: asked once, shared by all, and never the reason for a lost answer."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from backends.items import ItemCatalogue, KnownItem
from backends.ports import ItemReadings
from backends.reasons import Reason
from backends.transport import BackendUnavailableError
from orderlines.deadline import Deadline
from orderlines.discrepancy import Discrepancy, DiscrepancyError, DiscrepancyKind
from orderlines.errors import GatewayError
from orderlines.item import Item
from orderlines.order_line import Reading
from orderlines.visibility import Visibility
from tests.backends.kit import EVERYTHING, NOW, soon

BAD = Discrepancy(DiscrepancyKind.FAILED_MAPPING, "erp", "BAD", "BaseUnit", "Bad.")
DOWN = BackendUnavailableError("Down.", system="erp", reason=Reason.CONNECT, retriable=True)


@dataclass(slots=True)
class Source:
    """A source of items that knows A to F, has a bad record BAD, and can be held.

    Attributes:
        reads: What it was asked for.
        gate: Reads wait for it.
        failure: Raised instead of an answer.
    """

    reads: list[list[str]] = field(default_factory=list)
    seen: list[Visibility] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    name: str = "erp"

    def __post_init__(self) -> None:
        self.gate.set()

    async def read_items(
        self, skus: Sequence[str], *, visibility: Visibility, deadline: Deadline
    ) -> ItemReadings:
        """Tell what is known."""
        self.reads.append(list(skus))
        self.seen.append(visibility)
        try:
            async with asyncio.timeout(deadline.remaining_s):
                await self.gate.wait()
        except TimeoutError:
            raise DOWN from None
        if self.failure is not None:
            raise self.failure
        return ItemReadings(
            Reading("erp", NOW),
            {sku: Item(sku, "EA") for sku in skus if sku in set("ABCDEF")},
            {sku: BAD for sku in skus if sku == "BAD"},
        )


@dataclass(slots=True)
class Clock:
    """A clock that a test moves."""

    at: float = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.at


async def read(
    catalogue: ItemCatalogue, skus: Sequence[str], deadline: Deadline | None = None
) -> Mapping[str, KnownItem]:
    """Read items as a caller who may see everything."""
    return await catalogue.read(skus, visibility=EVERYTHING, deadline=deadline or soon())


def items(skus: Collection[str]) -> dict[str, KnownItem]:
    """Name good items."""
    return {sku: Item(sku, "EA") for sku in skus}


async def test_an_item_is_asked_for_once() -> None:
    """After that it is a look into a dictionary, for every caller."""
    source = Source()
    catalogue = ItemCatalogue(source)
    before = catalogue.known("A")
    first = await read(catalogue, ["A", "B", "A"])
    second = await read(catalogue, ["B", "C"])

    assert (before, first, second) == (None, items("AB"), items("BC"))
    assert source.reads == [["A", "B"], ["C"]]
    assert catalogue.known(["C", "A"]) == items("CA")
    assert catalogue.known(["A", "X"]) is None
    assert catalogue.known([]) == {}


async def test_three_kinds_of_not_having_an_item() -> None:
    """No master data, bad master data, and not having been able to ask are told apart."""
    source = Source()
    catalogue = ItemCatalogue(source)
    found = await read(catalogue, ["A", "NONE", "BAD"])
    bad = found["BAD"]
    source.failure = DOWN
    unread = await read(catalogue, ["A", "E"])

    assert {sku: found[sku] for sku in ("A", "NONE")} == items("A") | {"NONE": None}
    assert isinstance(bad, DiscrepancyError)
    assert bad.discrepancy == BAD
    assert unread == items("A") | {"E": DOWN}


async def test_what_could_not_be_read_is_asked_for_again() -> None:
    """A failure of the moment must not last a minute."""
    source = Source(failure=DOWN)
    catalogue = ItemCatalogue(source)
    first = await read(catalogue, ["A"])
    source.failure = None

    assert (first, await read(catalogue, ["A"])) == ({"A": DOWN}, items("A"))


async def test_good_items_last_an_hour_and_others_a_minute() -> None:
    """A product that was just created is seen soon."""
    source, clock = Source(), Clock()
    catalogue = ItemCatalogue(source, now=clock)
    for clock.at in (0.0, 59.0, 60.0, 3599.0, 3600.0):
        await read(catalogue, ["A", "NONE", "BAD"])

    assert source.reads == [["A", "NONE", "BAD"], ["NONE", "BAD"], ["NONE", "BAD"], ["A"]]


async def test_the_catalogue_is_bounded() -> None:
    """The item that was kept longest goes first."""
    source = Source()
    catalogue = ItemCatalogue(source, max_items=2)
    await read(catalogue, ["A", "B", "C"])

    assert [catalogue.known([sku]) is not None for sku in "ABC"] == [False, True, True]


async def test_concurrent_questions_share_one_read() -> None:
    """A cold start with many questions asks for each item once."""
    source = Source()
    source.gate.clear()
    catalogue = ItemCatalogue(source)
    waiting = [asyncio.create_task(read(catalogue, list(skus))) for skus in ("AB", "BC", "CA")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    source.gate.set()

    assert await asyncio.gather(*waiting) == [items("AB"), items("BC"), items("CA")]
    assert source.reads == [["A", "B"], ["C"]]


async def test_a_question_that_goes_away_leaves_the_read_to_the_others() -> None:
    """Even the one that began it."""
    source = Source()
    source.gate.clear()
    catalogue = ItemCatalogue(source)
    first = asyncio.create_task(read(catalogue, ["A"]))
    second = asyncio.create_task(read(catalogue, ["A"]))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0)
    source.gate.set()

    assert await second == items("A")
    assert first.cancelled()
    assert source.reads == [["A"]]


async def test_a_question_waits_no_longer_than_its_deadline() -> None:
    """It answers without the item; the read goes on, and the next question has it."""
    source = Source()
    source.gate.clear()
    catalogue = ItemCatalogue(source)
    found = await read(catalogue, ["A"], Deadline.after(0.01))
    late = found["A"]
    waiting = asyncio.create_task(read(catalogue, ["A"]))
    await asyncio.sleep(0)
    source.gate.set()

    assert isinstance(late, BackendUnavailableError)
    assert (late.reason, late.system, late.retriable) == (Reason.TIMEOUT, "erp", True)
    assert await waiting == items("A")
    assert source.reads == [["A"]]


async def test_no_read_begins_after_the_deadline() -> None:
    """R-5: what is known is still given."""
    source = Source()
    catalogue = ItemCatalogue(source)
    await read(catalogue, ["A"])
    found = await read(catalogue, ["A", "B"], Deadline.after(-1.0))

    assert found["A"] == Item("A", "EA")
    assert isinstance(found["B"], BackendUnavailableError)
    assert source.reads == [["A"]]


async def test_a_read_has_a_time_limit_of_its_own() -> None:
    """It is not tied to a question, so nothing else would end it."""
    source = Source()
    source.gate.clear()
    catalogue = ItemCatalogue(source, read_s=0.01)
    found = await read(catalogue, ["A"])
    source.gate.set()

    assert found == {"A": DOWN}
    assert await read(catalogue, ["A"]) == items("A")


async def test_what_is_kept_for_all_is_not_read_for_one() -> None:
    """Master data is the same for everybody; one caller's rows must not decide it."""
    source = Source()
    await ItemCatalogue(source).read(["A"], visibility=Visibility.nothing(), deadline=soon())

    assert source.seen == [Visibility.everything()]


async def test_closing_gives_up_what_is_being_read() -> None:
    """No task outlives the systems; whoever still waits is told so."""
    source = Source()
    source.gate.clear()
    catalogue = ItemCatalogue(source)
    waiting = asyncio.create_task(read(catalogue, ["A"]))
    await asyncio.sleep(0.01)
    await catalogue.aclose()
    found = await waiting

    assert isinstance(found["A"], GatewayError)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
