"""What came of a wave, opened as far as the caller may see.

The header decides which lines exist for a caller: the row rule is checked here, on what
came back. Other answers are decoded for the lines that it admits, and for no others.
"""

from collections.abc import Mapping
from typing import Any, Final

from backends.ports import Aligned, Readings, Sealed
from orderlines.errors import GatewayError
from orderlines.facets import HeaderFacet, Section
from orderlines.masters import Master
from orderlines.order_line import Reading
from orderlines.table import Table
from orderlines.visibility import ALL, Visibility
from resolvers.attempts import as_value
from resolvers.look_up import Admitted, LookUp, Told

NOTHING: Final[Told[Any]] = Told()
"""Of a system that was not asked."""


def opened(  # noqa: PLR0913, PLR0917 - what a wave brought
    source: str,
    headers: Told[HeaderFacet],
    admitted: Admitted,
    items: Mapping[str, Master],
    answers: Mapping[Section, Sealed[Any] | GatewayError],
    visibility: Visibility,
) -> LookUp:
    """Open what came."""
    readings: dict[Section, Reading] = {}
    if isinstance(headers.outcome, Readings):
        readings[Section.HEADER] = headers.outcome.reading
    # To whom no row rule applies may be told of all lines.
    only = None if visibility.is_unrestricted else admitted
    # What is aligned has a record.
    may_open = only is None or type(only) is Aligned or len(only) > 0
    promises = fulfilments = NOTHING
    for section, answer in answers.items():
        outcome: Readings[Any] | GatewayError
        if isinstance(answer, GatewayError):
            outcome = answer
        elif may_open:
            try:
                outcome = answer.open(only, expected=admitted)
                readings[section] = outcome.reading
            except Exception as error:  # noqa: BLE001 - as in `attempts.attempt`
                outcome = as_value(error)
        elif isinstance(headers.outcome, GatewayError):
            outcome = headers.outcome
        else:
            # Nothing may be told of any line: what came stays closed, so that it takes as
            # long to say nothing of what is hidden as of what is not there.
            outcome = Readings(answer.reading, {})
            readings[section] = outcome.reading
        if section is Section.PROMISE:
            promises = Told(outcome)
        else:
            fulfilments = Told(outcome)
    return LookUp(source, headers, promises, fulfilments, admitted, items, readings)


def admitted_of(headers: Told[HeaderFacet], visibility: Visibility) -> Admitted:
    """Take the headers of the lines that the caller may see: the row rule, checked here."""
    outcome = headers.outcome
    if isinstance(outcome, GatewayError):
        return {}
    by_line, failed = outcome.by_line, outcome.failed
    if type(by_line) is Aligned and _admits_all(visibility, by_line.records):
        return by_line
    return {
        address: facets
        for address, facets in by_line.items()
        if address not in failed
        and visibility.admits(
            sold_to=facets[0].sold_to,
            channel=facets[0].channel.name,
            owner_node=facets[0].owner_node,
        )
    }


def _admits_all(visibility: Visibility, headers: Table[HeaderFacet]) -> bool:
    """Tell whether each restriction holds for all headers at once, as it mostly does."""
    customers = visibility.customers
    if customers is not ALL and not customers.issuperset(headers.columns["sold_to"]):
        return False
    channels, warehouses = visibility.channels, visibility.warehouses
    return (channels is ALL or channels >= {one.name for one in headers.columns["channel"]}) and (
        warehouses is ALL or warehouses >= {*headers.columns["owner_node"]}
    )
