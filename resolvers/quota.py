"""The GraphQL types of what a caller has left to spend."""

from collections.abc import Sequence

import strawberry

from policies.throttle import Left, Standing
from resolvers.batches import Ask, computed, field
from resolvers.governance import sized


@strawberry.type(
    name="Quota", description="Points that come back evenly, as many as `limit` in a window."
)
class QuotaType:
    """`policies.throttle.Left`."""

    limit: int = field("Points when it is full.")
    window_s: int = field("Seconds in which all points come back.", name="windowSeconds")
    remaining: int = field("Points left.")

    @computed(int, "Seconds until it is full again.")
    def reset_seconds(left: strawberry.Parent[Left]) -> int:
        return -(-left.reset_us // 1_000_000)


@strawberry.type(name="SystemQuota", description="Calls that a caller may cause at one system.")
class SystemQuotaType:
    """A system's name and `policies.throttle.Left`."""

    @computed(str, "Configured name of the system.")
    def system(one: strawberry.Parent[tuple[str, Left]]) -> str:
        return one[0]

    @computed(QuotaType, "Its calls.")
    def calls(one: strawberry.Parent[tuple[str, Left]]) -> Left:
        return one[1]


@strawberry.type(
    name="RateLimit", description="What the caller has left, before this request gives back."
)
class RateLimitType:
    """`policies.throttle.Standing`."""

    @computed(QuotaType, "Cost points of the credential.")
    def cost(standing: strawberry.Parent[Standing]) -> Left:
        return standing.key

    @computed(list[SystemQuotaType], "Calls of each system.", policy=(sized(5),))
    def by_system(standing: strawberry.Parent[Standing]) -> Sequence[tuple[str, Left]]:
        return list(standing.by_system.items())


async def rate_limit(parents: Sequence[object], ask: Ask) -> Sequence[Standing]:
    """Say what the caller has left, for each parent the same."""
    context = ask.context
    assert context.throttle is not None  # noqa: S101 - the door always has one
    names = [info.name for info in context.systems.backends]
    return [await context.throttle.peek(context.principal.id, names)] * len(parents)
