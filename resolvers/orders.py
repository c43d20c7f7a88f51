"""The GraphQL type of an order, with its lines a page at a time."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, ClassVar

import msgspec
import strawberry

from orderlines.discrepancy import Discrepancy
from orderlines.errors import GatewayError
from orderlines.stated import Channel
from orderlines.stitched_line import StitchedLine
from resolvers.batches import Key, computed, field
from resolvers.enums import ChannelType
from resolvers.governance import sized
from resolvers.needs import REFERENCES
from resolvers.order_lines import StitchedOrder
from resolvers.types import CustomerType, DiscrepancyType, OrderLineType

MAX_PAGE = 1000


class InvalidArgumentError(GatewayError):
    """An argument is outside the bounds its description names."""

    code: ClassVar[str] = "INVALID_ARGUMENT"


class Page(msgspec.Struct, gc=False):
    """Some lines of an order, and whether there are more."""

    nodes: Sequence[StitchedLine]
    total_count: int
    has_next_page: bool

    @property
    def page_info(self) -> "Page":
        """The page, as what continues it."""
        return self

    @property
    def end_cursor(self) -> str | None:
        """The cursor of the last line; None on an empty page."""
        return self.nodes[-1].key.id if self.nodes else None


def page_of(lines: Sequence[StitchedLine], first: int, after: str | None) -> Page:
    """Cut a page out of the lines of an order.

    Raises:
        InvalidArgumentError: `first` is out of bounds, or `after` is no cursor of
            these lines.
    """
    if not 1 <= first <= MAX_PAGE:
        msg = f"`first` is a number from 1 to {MAX_PAGE}."
        raise InvalidArgumentError(msg, argument="first")
    count = len(lines)
    if after is None and first >= count:  # as mostly
        return Page(lines, count, has_next_page=False)
    start = 0
    if after is not None:
        cursors = [line.key.id for line in lines]
        if after not in cursors:
            msg = "`after` is no cursor of this order's lines."
            raise InvalidArgumentError(msg, argument="after")
        start = cursors.index(after) + 1
    end = start + first
    return Page(lines[start:end], count, end < count)


@strawberry.type(name="PageInfo", description="How a page continues.")
class PageInfoType:
    """`resolvers.orders.Page`."""

    has_next_page: bool = field("Whether more follows.")
    end_cursor: str | None = field("Give it as `after` for the next page.")


@strawberry.type(name="OrderLineConnection", description="A page of order lines.")
class OrderLineConnectionType:
    """`resolvers.orders.Page`."""

    nodes: list[OrderLineType] = field("The lines of this page.")
    page_info: PageInfoType = field("How it continues.")
    total_count: int = field("Lines in all pages that the caller may see.")


@strawberry.type(
    name="Order",
    directives=[Key(fields="id")],
    description="An order of the order source, with the lines the caller may see.",
)
class OrderType:
    """`resolvers.order_lines.StitchedOrder`."""

    @computed(strawberry.ID, "Opaque and stable.")
    def id(order: strawberry.Parent[StitchedOrder]) -> str:
        return order.key.id

    @computed(str, "The order source's number.")
    def number(order: strawberry.Parent[StitchedOrder]) -> str:
        return order.key.order_number

    @computed(str, "Configured name of the order source.")
    def source(order: strawberry.Parent[StitchedOrder]) -> str:
        return order.key.source

    @computed(date | None, "Date of the customer's order.", needs=REFERENCES)
    def ordered_on(order: strawberry.Parent[StitchedOrder]) -> date | GatewayError | None:
        return order.header if isinstance(order.header, GatewayError) else order.header.ordered_on

    @computed(str | None, "The customer's own order number.", needs=REFERENCES)
    def customer_order_number(
        order: strawberry.Parent[StitchedOrder],
    ) -> str | GatewayError | None:
        return order.header if isinstance(order.header, GatewayError) else order.header.customer_po

    @computed(ChannelType | None, "Where the order came in.")
    def channel(order: strawberry.Parent[StitchedOrder]) -> Channel | GatewayError:
        return order.header if isinstance(order.header, GatewayError) else order.header.channel

    @computed(CustomerType | None, "Who ordered and who receives.")
    def customer(order: strawberry.Parent[StitchedOrder]) -> StitchedOrder | GatewayError:
        return order.header if isinstance(order.header, GatewayError) else order

    @computed(
        OrderLineConnectionType | None,
        "Its lines, in the order source's order.",
        policy=(sized(100, "first", fields=["nodes"]),),
    )
    def lines(
        order: strawberry.Parent[StitchedOrder],
        first: Annotated[
            int, strawberry.argument(description=f"Lines a page, 1 to {MAX_PAGE}.")
        ] = 100,
        after: Annotated[
            str | None, strawberry.argument(description="`pageInfo.endCursor` of the page before.")
        ] = None,
    ) -> Page:
        return page_of(order.lines, first, after)

    @computed(
        list[DiscrepancyType],
        "Records that name this order and no line of it, as far as the selection read them.",
        policy=(sized(2),),
    )
    def discrepancies(order: strawberry.Parent[StitchedOrder]) -> Sequence[Discrepancy]:
        return order.discrepancies
