"""What a caller is told of its quota, as the bytes of header fields.

`RateLimit-Policy` and `RateLimit` are of draft-ietf-httpapi-ratelimit-headers-11, and
`Retry-After` is of RFC 9110.
"""

from base64 import b64encode

from policies.settings import ThrottleSettings
from policies.throttle import SECOND_US, Charge, Refused


def policy_field(settings: ThrottleSettings) -> bytes:
    """Write `RateLimit-Policy`: a structured field, a list of strings with parameters."""
    key, system = settings.key, settings.system
    return b'"key";q=%d;w=%d;qu="cost", "system";q=%d;w=%d;qu="calls"' % (
        key.points,
        key.window_s,
        system.points,
        system.window_s,
    )


def left_field(charge: Charge) -> bytes:
    """Write `RateLimit`: what is left, and the seconds until all is back."""
    return b'"key";r=%d;t=%d' % (charge.remaining, -(-charge.reset_us // SECOND_US))


def refused_field(refused: Refused) -> bytes:
    """Write `RateLimit` where nothing was taken.

    It has the seconds until the same would be granted, as in `Retry-After`; the bucket is
    the one that refused, and of a system's the partition key is its name. What can never be
    granted has no such field.
    """
    left = b"r=%d;t=%b" % (refused.remaining, retry_after_field(refused))
    if refused.system is None:
        return b'"key";%b' % left
    return b'"system";%b;pk=:%b:' % (left, b64encode(refused.system.encode()))


def retry_after_field(refused: Refused) -> bytes:
    """Write `Retry-After`: whole seconds, never too few."""
    return b"%d" % -(-refused.retry_us // SECOND_US)
