"""What a caller is told of its quota, as header fields.

`RateLimit-Policy` and `RateLimit` are of draft-ietf-httpapi-ratelimit-headers-11, and
`Retry-After` is of RFC 9110.
"""

from base64 import b64encode

from policies.settings import ThrottleSettings
from policies.throttle import SECOND_US, Charge, Refused


def policy_text(settings: ThrottleSettings) -> str:
    """Write `RateLimit-Policy`: a structured field, a list of strings with parameters."""
    key, system = settings.key, settings.system
    return (
        f'"key";q={key.points};w={key.window_s};qu="cost", '
        f'"system";q={system.points};w={system.window_s};qu="calls"'
    )


def rate_limit_text(found: Charge | Refused) -> str:
    """Write `RateLimit`: what is left, and the seconds until all is back.

    Where nothing was taken they are the seconds until the same would be granted, as
    in `Retry-After`; the bucket is the one that refused, and of a system's the
    partition key is its name. What can never be granted has no such field.
    """
    if isinstance(found, Charge):
        return f'"key";r={found.remaining};t={-(-found.reset_us // SECOND_US)}'
    text = f"r={found.remaining};t={retry_after_text(found)}"
    if found.system is None:
        return f'"key";{text}'
    return f'"system";{text};pk=:{b64encode(found.system.encode()).decode()}:'


def retry_after_text(refused: Refused) -> str:
    """Write `Retry-After`: whole seconds, never too few."""
    return str(-(-refused.retry_us // SECOND_US))
