"""How the guard is configured: `[auth]`, `[limits]` and `[throttle]`.

Decoded once. A field that does not exist or a value out of range is refused by name.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Claim = Annotated[str, Meta(min_length=1, max_length=256)]


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An identity provider whose access tokens are accepted.

    A restriction whose claim a token lacks sees nothing; the claim `ALL` (alone) lifts it.

    Attributes:
        issuer: Its address; `iss` of every token, and where discovery begins.
        audience: What `aud` of a token must name.
        algorithms: The signatures that are accepted.
        token_types: What `typ` in the header of a token must say, in lower case.
        scopes_claim: Where scopes stand, as a list or as words with spaces between.
        customers_claim: Where the sold-to numbers stand that a token may see.
        channels_claim: Where the channels stand that it may see.
        warehouses_claim: Where the owner nodes stand that it may see.
    """

    issuer: Annotated[str, Meta(pattern=r"^https?://[^\s?#]+$", max_length=2048)]
    audience: Annotated[str, Meta(min_length=1, max_length=2048)]
    algorithms: Annotated[
        tuple[Literal["RS256", "PS256", "ES256", "ES384", "Ed25519"], ...], Meta(min_length=1)
    ] = ("RS256", "ES256")
    token_types: Annotated[tuple[str, ...], Meta(min_length=1)] = ("at+jwt",)
    scopes_claim: Claim = "scope"
    customers_claim: Claim = "orderline_customers"
    channels_claim: Claim = "orderline_channels"
    warehouses_claim: Claim = "orderline_warehouses"


class AuthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How callers become known.

    Attributes:
        pepper: The secret that the digests of API keys are made with; without it no
            API key is accepted. It cannot be changed without making all keys anew.
        oidc: The identity provider; without it no token is accepted.
    """

    pepper: Annotated[str, Meta(min_length=32, max_length=4096)] | None = None
    oidc: OidcSettings | None = None

    def __repr__(self) -> str:
        return f"AuthSettings(pepper={'…' if self.pepper else None}, oidc={self.oidc!r})"


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one document, and one request, may hold.

    Attributes:
        depth: Fields inside fields.
        introspection_depth: The same, where nothing but the schema is asked for.
        aliases: After fragments were put in, as often as they are spread.
        directives: In the whole document, after fragments were put in.
        directives_on_one: On one node.
        roots: Fields of the operation itself.
        breadth: Selections in one selection set.
        selections: In the whole document, after fragments were put in.
        look_ups: Ids, representations and look-ups by number of one request, together.
        first: Of one page.
        list_items: Of one input list that does not name look-ups.
        cost: Of one request.
    """

    depth: Annotated[int, Meta(ge=1, le=64)] = 10
    introspection_depth: Annotated[int, Meta(ge=1, le=64)] = 20
    aliases: Annotated[int, Meta(ge=0, le=10_000)] = 30
    directives: Annotated[int, Meta(ge=0, le=1_000)] = 20
    directives_on_one: Annotated[int, Meta(ge=0, le=100)] = 4
    roots: Annotated[int, Meta(ge=1, le=1_000)] = 10
    breadth: Annotated[int, Meta(ge=1, le=1_000)] = 100
    selections: Annotated[int, Meta(ge=1, le=10_000)] = 500
    look_ups: Annotated[int, Meta(ge=1, le=1_000)] = 1_000
    first: Annotated[int, Meta(ge=1, le=1_000)] = 1_000
    list_items: Annotated[int, Meta(ge=1, le=1_000)] = 200
    cost: Annotated[int, Meta(ge=1, le=10_000_000)] = 20_000


class Quota(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Points that come back evenly.

    Attributes:
        points: What may be spent at once.
        window_s: Seconds in which as much comes back.
    """

    points: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    window_s: Annotated[int, Meta(ge=1, le=86_400)] = 60


class ThrottleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much a caller may spend.

    Attributes:
        key: Cost points of each key or token subject.
        system: Calls of each key to each system.
        redis: Where several processes count together; each counts alone without it.
    """

    key: Quota = Quota(points=600_000)
    system: Quota = Quota(points=60_000)
    redis: Annotated[str, Meta(pattern=r"^(redis|rediss|unix)://", max_length=2048)] | None = None
