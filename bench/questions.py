"""What is asked, and of which orders.

An order's number tells its size: `B1….` has 100 lines, `B2….` one and `B3….` 1,000.
Orders are asked in turn, so that nobody can answer one question for another, or join
equal questions that are on their way.
"""

from typing import Final

PAGE: Final = (
    "query Page($number: String!) { order(number: $number) { lines(first: 100) { nodes { "
    "lineNumber item { sku } requested { quantity { value unit } shipOn } "
    "promised { quantity { value } firstDate } allocated { quantity { value } } "
    "shipped { quantity { value } } } } } }"
)
WIDE: Final = (
    "query Wide($number: String!) { order(number: $number) { lines(first: 1000) { nodes { "
    "lineNumber channel ownerWarehouse item { sku name group } customer { soldTo } "
    "requested { quantity { value unit } shipOn unitPrice currency } "
    "promised { quantity { value unit } firstDate latestDate } "
    "allocated { quantity { value } } shipped { quantity { value } returned { value } } "
    "cancelled { quantity { value } } } } } }"
)
HOT: Final = PAGE.replace("query Page", "query Hot").replace(
    "order(number: $number)", 'order(number: $number, maxAge: "PT60S")'
)
SIZES: Final = {"1": 100, "2": 1, "3": 1_000}
"""Lines of an order, by the digit after the B."""

QUESTIONS: Final = {
    "W1": ("Page", PAGE, "1"),
    "W2": ("Hot", HOT, "1"),
    "W4": ("Page", PAGE, "2"),
    "W3": ("Wide", WIDE, "3"),
}
"""By workload: operation name, document, and the digit of its orders."""

COLD: Final = ("W1", "W4", "W3")
"""The workloads whose every question asks the systems."""

HOT_ORDERS: Final = 20
CUSTOMER: Final = "C-1"
ORDERS: Final = 1_000


def number(digit: str, index: int) -> str:
    """Name an order."""
    return f"B{digit}{index:04d}"


def csv(digit: str) -> str:
    """Write the template of all orders of a size: number 0, whole numbers, every date."""
    head = (
        "order_number,line_number,sku,customer,channel,warehouse,requested,requested_on,unit,"
        "promised,promised_on,allocated,shipped,unit_price,currency\n"
    )
    rows = (
        f"{number(digit, 0)},{line},SKU-{line % 7},{CUSTOMER},EDI,W1,{12 + line},"
        f"2026-12-{1 + line % 28:02d},EA,{10 + line},2026-12-{1 + line * 3 % 28:02d},"
        f"{line % 5},{6 + line % 3},{line % 9 + 1}.{line % 10}5,EUR\n"
        for line in range(1, SIZES[digit] + 1)
    )
    return head + "".join(rows)
