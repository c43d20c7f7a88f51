"""The catalogue: master data of items, kept so that a question seldom asks for it.

What an item is changes seldom and is the same for everybody, so it is kept for an
hour and shared by all callers. That an item has no master data, or bad master data,
is kept for a minute. That the system could not be asked is not kept at all.

An item that several questions miss at once is read once. That read is a task of its
own with its own time limit: it does not end with the question that began it, and each
question waits for it no longer than its own deadline.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from backends.outcomes import unavailable
from backends.ports import ItemReadings, ItemSource
from backends.reasons import Reason
from orderlines.deadline import Clock, Deadline
from orderlines.discrepancy import DiscrepancyError
from orderlines.errors import GatewayError
from orderlines.item import Item
from orderlines.visibility import Visibility

KnownItem: TypeAlias = Item | GatewayError | None
"""An item; None if there is no master data; or why it could not be read."""


class ItemCatalogue:
    """Items by number, read from their system when they are first needed.

    Args:
        source: The system that keeps them.
        now: Monotonic seconds.
        ttl_s: How long an item is believed.
        missing_ttl_s: How long it is believed that there is none, or a bad one.
        read_s: How long one read may take.
        max_items: How many are kept; the one kept longest goes first.
    """

    def __init__(  # noqa: PLR0913 - every bound has a good default
        self,
        source: ItemSource,
        *,
        now: Clock = time.monotonic,
        ttl_s: float = 3600.0,
        missing_ttl_s: float = 60.0,
        read_s: float = 2.0,
        max_items: int = 100_000,
    ) -> None:
        self._source = source
        self._now = now
        self._ttl_s = ttl_s
        self._missing_ttl_s = missing_ttl_s
        self._read_s = read_s
        self._max_items = max_items
        self._kept: dict[str, tuple[KnownItem, float]] = {}
        self._reads: dict[str, asyncio.Task[Mapping[str, KnownItem]]] = {}

    def known(self, skus: Iterable[str]) -> dict[str, KnownItem] | None:
        """Give the items without asking anybody; None if one of them must be read."""
        now = self._now()
        found: dict[str, KnownItem] = {}
        for sku in skus:
            kept = self._kept.get(sku)
            if kept is None or kept[1] <= now:
                return None
            found[sku] = kept[0]
        return found

    async def read(
        self,
        skus: Sequence[str],
        *,
        visibility: Visibility,  # noqa: ARG002 - what is kept for all must not depend on one
        deadline: Deadline,
    ) -> Mapping[str, KnownItem]:
        """Give the items, asking for those that are not known.

        Never raises for a system that fails: its error stands in the item's place.
        """
        found = self.known(skus)
        return found if found is not None else await self._read(dict.fromkeys(skus), deadline)

    async def aclose(self) -> None:
        """Give up the reads that are going on."""
        reads = set(self._reads.values())
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    async def _read(self, skus: Iterable[str], deadline: Deadline) -> dict[str, KnownItem]:
        found: dict[str, KnownItem] = {}
        awaited: dict[str, asyncio.Task[Mapping[str, KnownItem]]] = {}
        missing: list[str] = []
        for sku in skus:
            known = self.known((sku,))
            if known is not None:
                found |= known
            elif sku in self._reads:
                awaited[sku] = self._reads[sku]
            else:
                missing.append(sku)
        if missing and not deadline.is_past:
            read = asyncio.create_task(self._ask(missing))
            awaited |= dict.fromkeys(missing, read)
            self._reads |= dict.fromkeys(missing, read)
        if awaited:
            # A waiter that leaves, in whatever way, leaves the read alone.
            await asyncio.wait(set(awaited.values()), timeout=max(0.0, deadline.remaining_s))
        for sku in missing:
            found[sku] = self._too_late()
        for sku, read in awaited.items():
            is_read = read.done() and not read.cancelled()
            found[sku] = read.result()[sku] if is_read else self._too_late()
        return found

    async def _ask(self, skus: Sequence[str]) -> Mapping[str, KnownItem]:
        try:
            readings = await self._source.read_items(
                skus,
                visibility=Visibility.everything(),
                deadline=Deadline.after(self._read_s),
            )
        except GatewayError as error:
            return dict.fromkeys(skus, error)
        finally:
            for sku in skus:
                del self._reads[sku]
        items = {sku: _value(readings, sku) for sku in skus}
        for sku, item in items.items():
            self._keep(sku, item)
        return items

    def _keep(self, sku: str, item: KnownItem) -> None:
        ttl_s = self._ttl_s if isinstance(item, Item) else self._missing_ttl_s
        self._kept.pop(sku, None)
        self._kept[sku] = (item, self._now() + ttl_s)
        if len(self._kept) > self._max_items:
            del self._kept[next(iter(self._kept))]

    def _too_late(self) -> GatewayError:
        return unavailable(self._source.name, Reason.TIMEOUT, "master data was still being read")


def _value(readings: ItemReadings, sku: str) -> KnownItem:
    failure = readings.failed.get(sku)
    return readings.items.get(sku) if failure is None else DiscrepancyError(failure)
