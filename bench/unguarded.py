"""The gateway without its guard, to see what the guard costs.

It knows callers by their keys, and each sees its own rows; but nothing is limited, charged,
counted or hidden by scope.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench import gateway
from gateway.answers import Header
from gateway.app import Application
from gateway.execution import FieldMask, Prepared
from gateway.execution.plan import NO_MASK
from gateway.graphql.guard import Bill
from gateway.graphql.http import GraphQLRoute
from gateway.metrics import RequestMetrics
from policies.principal import Principal
from policies.throttle import Charge

NOTHING: Final = Bill(0, {})


class Free:
    """Lets everything happen for nothing: an admission, a guard and a toll."""

    def __init__(self) -> None:
        self._charge = Charge(0, {}, "", 0, 0)

    def enter(self, *, is_look_up: bool) -> None:
        """Admit an operation."""

    def leave(self) -> None:
        """Let it go."""

    def mask(self, _principal: Principal) -> FieldMask:
        """Hide no field."""
        return NO_MASK

    def check(self, _principal: Principal, _prepared: Prepared) -> Bill:
        """Ask for no points."""
        return NOTHING

    def enter_now(self, _caller: str) -> Charge:
        """Take no point for the request."""
        return self._charge

    def charge_now(self, _caller: str, _bill: Bill) -> Charge:
        """Take none for the operation."""
        return self._charge

    def settle_now(self, charge: Charge, _spent: int, _calls: Mapping[str, int]) -> Charge:
        """Give none back."""
        return charge

    def headers(self, _charge: Charge) -> tuple[Header, ...]:
        """Tell of no quota."""
        return ()


class Uncounted(RequestMetrics):
    """Metrics that nobody scrapes."""

    def observe(self, status: int, codes: Sequence[str], seconds: float, cost: int) -> None:
        """Count nothing."""


class Unguarded(Application):
    """The gateway as it was before it had a guard."""

    def _build_route(self, *parts: Any) -> GraphQLRoute:  # noqa: ANN401 - as they are
        route: Any = super()._build_route(*parts)
        route._guard = route._toll = route._admission = Free()  # noqa: SLF001 - what no gateway allows
        route._metrics = Uncounted()  # noqa: SLF001 - as above
        built: GraphQLRoute = route
        return built


if __name__ == "__main__":
    gateway.main(Unguarded)
