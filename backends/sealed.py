"""Answers that wait unopened: their rows are decoded for the lines admitted by then."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Generic, TypeAlias, TypeVar

import msgspec

from backends.observe import ObservedTransport
from backends.outcomes import invalid
from backends.ports import Addresses, Aligned, LineAddress, Readings
from backends.rows import UNREADABLE, Asked, Rows, addresses_of, place
from backends.transport import BackendError
from orderlines.facets import Facet
from orderlines.order_line import Reading
from orderlines.table import Table

F = TypeVar("F", bound=Facet)


class SealedPages(msgspec.Struct, Generic[F], gc=False):
    """An answer that has arrived, page by page, and has not been looked into.

    A page is opened whole, and the rows that were not admitted are dropped: to find
    out which line a row is about costs what decoding it costs.

    Attributes:
        decode: Takes the rows out of a page; raises what `UNREADABLE` lists, or a
            `BackendError` of its own.
        transport: Where a body that turns out to be bad is counted.
        may_split: Whether several records of one line add up.
        bodies: The pages as they came.
        asked: What was asked for.
    """

    decode: Callable[[bytes], Rows[F]]
    transport: ObservedTransport
    may_split: bool
    reading: Reading
    bodies: Sequence[bytes]
    asked: Asked

    def open(
        self,
        admitted: Collection[LineAddress] | None,
        *,
        expected: Collection[LineAddress] = (),
    ) -> Readings[F]:
        """Decode the records of these lines; None means all that were asked for.

        Raises:
            BackendInvalidAnswerError: A page is not what the contract says.
        """
        bodies = self.bodies
        try:
            # One, as mostly.
            rows = (
                self.decode(bodies[0])
                if len(bodies) == 1
                else Rows.of_all([self.decode(body) for body in bodies])
            )
        except BackendError as error:
            self.transport.failed(error)
            raise
        except UNREADABLE as error:
            failure = invalid(self.transport.system, str(error))
            self.transport.failed(failure)
            raise failure from error
        good = rows.good
        if not rows.bad and type(good) is Table and good.records:
            if type(expected) is Aligned:
                lines = expected.lines
                if lines.are_of(good):
                    return Readings(self.reading, Aligned(good, lines))
            elif addresses_of(good) == [*expected]:
                return Readings(self.reading, Aligned(good, Addresses(good)))
        return place(rows, self.reading, self.asked, admitted, may_split=self.may_split)


Seal: TypeAlias = Callable[[Reading, Sequence[bytes], Asked], SealedPages[F]]
"""Seals the pages of an answer about what was asked."""


def sealing(
    transport: ObservedTransport, decode: Callable[[bytes], Rows[F]], *, may_split: bool = False
) -> Seal[F]:
    """Make what seals answers; see `SealedPages`."""
    return partial(SealedPages, decode, transport, may_split)
