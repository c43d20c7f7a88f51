"""Only what is wanted is asked for: what goes out, and what must come back."""

from urllib.parse import unquote

import msgspec
import pytest

from backends.erp.sandbox import ErpSandbox
from backends.oms.sandbox import OmsSandbox
from backends.wanted import UNASKED, requiring
from backends.wms.sandbox import WmsSandbox
from orderlines.discrepancy import DiscrepancyKind
from orderlines.facets import Fact
from tests.backends.kit import EVERYTHING, answering, lines, observed, ok, orders, soon
from tests.backends.native import by_itself, item, odata_page, order, outbound, rest_page

NOTHING: frozenset[Fact] = frozenset()


class Whole(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A record of which one field is not always asked for."""

    its_id: int
    its_name: str = UNASKED
    is_left_out: bool | msgspec.UnsetType = msgspec.UNSET
    beside: int = 7

    @property
    def twice(self) -> int:
        """A reading of it."""
        return self._times(2)

    def _times(self, factor: int) -> int:
        return factor * self.its_id


def test_what_is_asked_for_must_be_there() -> None:
    """And what is not asked for is nothing that could be taken for a value."""
    both, one = requiring(Whole, {"its_name"}), requiring(Whole, ())

    assert msgspec.json.decode(b'{"itsId":1}', type=one).its_id == 1
    assert str(msgspec.json.decode(b'{"itsId":1}', type=one).its_name) == "UNSET"
    assert msgspec.json.decode(b'{"itsId":1,"itsName":"a"}', type=both).its_name == "a"
    with pytest.raises(msgspec.ValidationError, match="missing required field `itsName`"):
        msgspec.json.decode(b'{"itsId":1}', type=both)


def test_what_is_not_asked_for_has_no_room_and_the_rest_stays() -> None:
    """What the system may leave out, what is put there later, and every method."""
    one = msgspec.json.decode(b'{"itsId":1,"itsName":"a"}', type=requiring(Whole, ()))
    other = msgspec.json.decode(b'{"itsId":2,"isLeftOut":true}', type=requiring(Whole, ()))

    assert one.__struct_fields__ == ("its_id", "is_left_out", "beside")
    assert str(one.its_name) == "UNSET"
    assert (one.twice, one.is_left_out, one.beside) == (2, msgspec.UNSET, 7)
    assert (other.is_left_out, isinstance(other, Whole)) == (True, False)
    assert issubclass(requiring(Whole, {"its_name"}), Whole)


async def test_the_erp_is_asked_for_who_ordered_and_what_is_wanted() -> None:
    """Of whole orders and of single lines; for the plant where a row rule speaks of it."""
    inner = answering(odata_page(), odata_page())
    erp, facts = ErpSandbox(observed(inner, "erp")), frozenset({Fact.PRICE})
    for refs in (orders("SO-1"), lines(("SO-1", "10"))):
        await erp.read_headers(refs, visibility=EVERYTHING, deadline=soon(), facts=facts)
    selected = [unquote(request.target).partition("$select=")[2] for request in inner.requests]

    assert selected == [
        (
            "SalesOrder,SoldToParty,DistributionChannel,TransactionCurrency,Items/SalesOrder,"
            "Items/SalesOrderItem,Items/Material,Items/RequestedQuantityUnit,"
            "Items/NetPriceAmount"
        ),
        (
            "SalesOrder,SalesOrderItem,Material,RequestedQuantityUnit,NetPriceAmount,"
            "Order/SalesOrder,Order/SoldToParty,Order/DistributionChannel,Order/TransactionCurrency"
        ),
    ]


@pytest.mark.parametrize(
    ("facts", "selected"),
    [
        (NOTHING, ""),
        ({Fact.PROMISE_CHANGED}, "updatedAt"),
        (
            {Fact.PROMISES},
            (
                "promise { __typename ... on PromiseSchedule { versions { version"
                " slices { quantity date } } } }"
            ),
        ),
        (
            {Fact.PROMISES, Fact.VERSIONS},
            (
                "promise { __typename ... on PromiseSchedule { versions { version madeAt basis"
                " slices { quantity date confidence } } } }"
            ),
        ),
    ],
)
async def test_the_oms_is_asked_for_what_is_wanted(facts: frozenset[Fact], selected: str) -> None:
    """Beside the ids and the unit of a line."""
    inner = answering(
        ok(
            {
                "data": {
                    "promiseLines": {
                        "__typename": "PromiseLinePage",
                        "lines": [],
                        "nextCursor": None,
                    }
                }
            }
        )
    )
    await OmsSandbox(observed(inner, "oms")).read_promises(
        orders("SO-1"), visibility=EVERYTHING, deadline=soon(), facts=frozenset(facts)
    )
    query = msgspec.json.decode(inner.requests[0].body)["query"]

    assert f"lines {{ id order line unit {selected} }} nextCursor".replace("  ", " ") in query


async def test_the_wms_is_asked_for_what_is_wanted() -> None:
    """Three quantities always: one that is not tracked has no key."""
    inner = answering(rest_page())
    await WmsSandbox(observed(inner, "wms")).read_fulfilments(
        orders("SO-1"), visibility=EVERYTHING, deadline=soon(), facts=frozenset({Fact.SHIPMENTS})
    )

    assert inner.requests[0].target.partition("&fields=")[2] == (
        "id,order_ref,order_line_ref,uom,decimals,units_allocated,units_picked,units_shipped,"
        "mode,shipments"
    )


async def test_a_row_without_what_was_asked_for_fails_by_itself() -> None:
    """The others stand, and the field that is missing is named."""
    bad = outbound("20")
    del bad["shipments"]
    inner = answering(rest_page(outbound("10"), bad))
    sealed = await WmsSandbox(observed(inner, "wms")).read_fulfilments(
        orders("SO-1"), visibility=EVERYTHING, deadline=soon(), facts=frozenset({Fact.SHIPMENTS})
    )
    readings = sealed.open(None)

    assert set(readings.by_line) == {("SO-1", "10")}
    assert [(one.kind, one.field) for one in readings.failed.values()] == [
        (DiscrepancyKind.FAILED_MAPPING, "shipments")
    ]


@pytest.mark.parametrize("lacks", ["NetPriceAmount", "TransactionCurrency"])
async def test_a_header_without_what_was_asked_for_fails_by_itself(lacks: str) -> None:
    """Whether the item lacks it or its order."""
    whole, single = by_itself(item("10")), by_itself(item("20"))
    del (single if lacks in single else single["Order"])[lacks]
    readings = await ErpSandbox(observed(answering(odata_page(whole, single)), "erp")).read_headers(
        lines(("SO-1", "10"), ("SO-1", "20")),
        visibility=EVERYTHING,
        deadline=soon(),
        facts=frozenset({Fact.PRICE}),
    )

    assert set(readings.by_line) == {("SO-1", "10")}
    assert readings.failed["SO-1", "20"].field.endswith(lacks)


async def test_an_order_that_lacks_what_nobody_asked_for_is_whole() -> None:
    """A system sends what was selected, and that is enough."""
    lean = order("SO-1", {k: item()[k] for k in LEAN_ITEM})
    for name in set(lean) - {"SalesOrder", "SoldToParty", "DistributionChannel", "Items"}:
        del lean[name]
    readings = await ErpSandbox(observed(answering(odata_page(lean)), "erp")).read_headers(
        orders("SO-1"), visibility=EVERYTHING, deadline=soon(), facts=NOTHING
    )
    header = readings.by_line["SO-1", "10"][0]

    assert (header.sku, header.unit, header.sold_to) == ("BV-015", "CS", "C-100")


LEAN_ITEM = ("SalesOrder", "SalesOrderItem", "Material", "RequestedQuantityUnit")
