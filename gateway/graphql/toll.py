"""What a request is charged: taken before it is answered, and given back as far as unused.

A point is taken before anything is read, so that refused questions are not free. What
the operation can cost at most follows once it is known, together with the calls it can
make; afterwards the rest goes back. Every answer says how the bucket stands.

What is counted in memory, and granted, is charged at once, by what ends in `_now`: a
coroutine of its own costs more than the counting.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import ClassVar, Final

from gateway.answers import Header
from gateway.graphql.guard import Bill, LimitExceededError
from orderlines.errors import GatewayError
from policies.rate_limit_fields import left_field, policy_field, refused_field, retry_after_field
from policies.throttle import Charge, Refused, Throttle

ENTRY: Final = 1
"""Points of a request that asks nothing."""
MAX_CHARGERS: Final = 4_096
"""Charges of which is remembered what makes them: most questions of one kind are charged
alike, whoever asks."""


class ThrottledError(GatewayError):
    """The caller has spent what it may.

    Attributes:
        headers: What tells when to come back.
    """

    code: ClassVar[str] = "RATE_LIMITED"

    def __init__(self, refused: Refused, headers: tuple[Header, ...]) -> None:
        what = "cost points" if refused.system is None else f"calls to `{refused.system}`"
        super().__init__(
            f"The quota of {what} is used up for now; see `Retry-After`.",
            system=refused.system,
            retry_after=int(retry_after_field(refused)),
        )
        self.headers = headers


class Toll:
    """Charges requests.

    Args:
        throttle: Who counts.

    Attributes:
        enter_now: Takes the point that every request costs; None: it must be awaited, see
            `enter`.
    """

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self.enter_now: Final = throttle.point_now
        self._charger = lru_cache(MAX_CHARGERS)(self._make_charger)
        self._policy: Header = (b"ratelimit-policy", policy_field(throttle.settings))

    async def enter(self, principal_id: str) -> Charge:
        """Take the point that every request costs.

        Raises:
            ThrottledError: There is none left.
        """
        found = await self._throttle.point(principal_id)
        return self._refuse(found) if isinstance(found, Refused) else found

    def charge_now(self, principal_id: str, bill: Bill) -> Charge | None:
        """Take the most that an operation can cost; None: it must be awaited, see `charge`."""
        return self._charger(bill.cost, tuple(bill.calls.items()))(principal_id)

    async def charge(self, principal_id: str, bill: Bill) -> Charge:
        """Take the most that an operation can cost, besides the point of its request.

        Raises:
            ThrottledError: Less is left.
            LimitExceededError: More is asked than the quota holds when it is full.
        """
        found = await self._throttle.charge(principal_id, max(bill.cost - ENTRY, 0), bill.calls)
        return self._refuse(found) if isinstance(found, Refused) else found

    def settle_now(self, charge: Charge, spent: int, calls: Mapping[str, int]) -> Charge | None:
        """Give back what was not used; None: it must be awaited, see `settle`."""
        return self._throttle.refund_now(charge, max(spent - ENTRY, 0), calls)

    async def settle(self, charge: Charge, spent: int, calls: Mapping[str, int]) -> Charge:
        """Give back what was not used."""
        return await self._throttle.refund(charge, max(spent - ENTRY, 0), calls)

    def headers(self, charge: Charge) -> tuple[Header, ...]:
        """Tell how the bucket stands."""
        return (self._policy, (b"ratelimit", left_field(charge)))

    def _make_charger(
        self, cost: int, calls: tuple[tuple[str, int], ...]
    ) -> Callable[[str], Charge | None]:
        return self._throttle.charger(max(cost - ENTRY, 0), dict(calls))

    def _refuse(self, refused: Refused) -> Charge:
        if refused.never:
            msg = "The request costs more than the quota of this credential ever holds."
            raise LimitExceededError(msg, limit="quota")
        told = (b"ratelimit", refused_field(refused))
        retry = (b"retry-after", retry_after_field(refused))
        raise ThrottledError(refused, (self._policy, told, retry))
