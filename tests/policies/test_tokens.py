"""Callers known by tokens: who they are, what they see, and how long they are believed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jws import CompactSignature, validate_compact
from msgspec import json

from orderlines.visibility import ALL, Restriction, Visibility
from policies import tokens
from policies.api_keys import PREFIX
from policies.authentication import MAX_HEADER_BYTES, NOT_MINE, Bad, Credentials
from policies.principal import Credential, Principal
from policies.settings import OidcSettings
from policies.tokens import LEEWAY_S, REMEMBERED_S
from tests.policies.token_kit import (
    ALGORITHMS,
    AUDIENCE,
    ISSUER,
    NOW,
    START,
    Guard,
    claims,
    key_set,
    make_key,
    public,
    publishing,
    put_together,
    sign,
)

KEY = make_key("ES256", "k")
NOTHING: frozenset[str] = frozenset()


def guard(**settings: Any) -> Guard:  # noqa: ANN401 - whatever the settings take
    """Make a guard that knows one key, under changed settings."""
    changed = {"issuer": ISSUER, "audience": AUDIENCE, "algorithms": ALGORITHMS, **settings}
    return Guard(publishing(KEY), OidcSettings(**changed))


async def principal_of(payload: dict[str, object], one: Guard | None = None) -> Principal:
    """Show a token with these claims, and be known."""
    verdict = await (one or guard()).verdict(sign(payload, KEY))
    assert isinstance(verdict, Principal), verdict
    return verdict


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every signature that is checked, by the algorithm."""
    checked: list[str] = []
    validate = validate_compact

    def noted(token: CompactSignature, *args: Any, **kwargs: Any) -> bool:  # noqa: ANN401
        checked.append(token.protected["alg"])
        return validate(token, *args, **kwargs)

    monkeypatch.setattr(tokens, "validate_compact", noted)
    return checked


async def test_a_good_token_is_its_principal() -> None:
    """Everything known of the caller stands in what the provider signed."""
    payload = claims(
        name="Ada Byron",
        scope="orders:read metrics:read",
        orderline_customers=["C-1", "C-2"],
        orderline_channels=["EDI", "MARKETPLACE"],
        orderline_warehouses="ALL",
    )

    assert await principal_of(payload) == Principal(
        id="token:u-17",
        name="Ada Byron",
        credential=Credential.TOKEN,
        scopes=frozenset({"orders:read", "metrics:read"}),
        visibility=Visibility(
            customers=frozenset({"C-1", "C-2"}),
            channels=frozenset({"EDI", "MARKETPLACE"}),
            warehouses=ALL,
        ),
        expires_at=START + timedelta(seconds=600),
    )


async def test_a_token_without_restrictions_sees_nothing() -> None:
    """Forgetting a claim at the provider must not open the house."""
    assert (await principal_of(claims())).visibility == Visibility.nothing()


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("ALL", ALL),
        ("C-1", frozenset({"C-1"})),
        ("C-1 C-2", frozenset({"C-1 C-2"})),
        (["C-1", "C-2", "C-1"], frozenset({"C-1", "C-2"})),
        (["ALL"], frozenset({"ALL"})),
        ("all", frozenset({"all"})),
        (" ALL", frozenset({" ALL"})),
        ([], NOTHING),
        ("", NOTHING),
        (["C-1", ""], NOTHING),
        (["C-1", 2], NOTHING),
        (["C-1", None], NOTHING),
        ([["C-1"]], NOTHING),
        ({"ALL": True}, NOTHING),
        (True, NOTHING),
        (1, NOTHING),
    ],
)
async def test_a_restriction_that_cannot_be_read_sees_nothing(
    claim: object, expected: Restriction
) -> None:
    """Only the text ALL lifts it; a half readable list is not half believed."""
    one = await principal_of(claims(orderline_customers=claim, orderline_warehouses=claim))

    assert one.visibility == Visibility(customers=expected, channels=NOTHING, warehouses=expected)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("ALL", ALL),
        ("EDI", frozenset({"EDI"})),
        (["EDI", "edi", "Marketplace", "MOON"], frozenset({"EDI"})),
        (["ALL"], NOTHING),
        (["MOON"], NOTHING),
    ],
)
async def test_a_channel_that_does_not_exist_is_not_seen(
    claim: object, expected: Restriction
) -> None:
    """Channels have names here; what the provider calls otherwise opens nothing."""
    one = await principal_of(claims(orderline_channels=claim))

    assert one.visibility.channels == expected


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("a:b  c:d", {"a:b", "c:d"}),
        (["a:b", "c:d"], {"a:b", "c:d"}),
        (["a:b", 5], set()),
        ("", set()),
        (None, set()),
        (7, set()),
    ],
)
async def test_scopes_are_words_or_a_list(claim: object, expected: set[str]) -> None:
    """Both ways are in use; anything else allows nothing."""
    assert (await principal_of(claims(scope=claim))).scopes == expected


async def test_claims_are_found_by_the_names_of_the_settings() -> None:
    """Some providers want addresses as names; a dot leads nowhere."""
    one = guard(
        scopes_claim="https://orders.example.com/scp",
        customers_claim="https://orders.example.com/customers",
        channels_claim="a.channels",
        warehouses_claim="sub",
    )
    payload = claims(
        **{
            "https://orders.example.com/scp": ["a:b"],
            "https://orders.example.com/customers": "C-1",
            "a": {"channels": "ALL"},
            "orderline_customers": "ALL",
            "scope": "x:y",
        }
    )
    known = await principal_of(payload, one)

    assert known.scopes == {"a:b"}
    assert known.visibility == Visibility(
        customers=frozenset({"C-1"}), channels=NOTHING, warehouses=frozenset({"u-17"})
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "Ada", "preferred_username": "ada"}, "Ada"),
        ({"name": " ", "preferred_username": "ada"}, "ada"),
        ({"name": 5}, "u-17"),
        ({"name": "A" * 200}, "A" * 100),
        ({"name": "A\n\x1b[31m\u202eda é"}, "A??[31m?da é"),
        ({"sub": "   "}, "   "),
    ],
)
async def test_a_name_is_short_and_can_be_printed(given: dict[str, object], expected: str) -> None:
    """It stands before people and in logs; nobody at the provider shall steer a terminal."""
    assert (await principal_of(claims(**given))).name == expected


@pytest.mark.parametrize("subject", ["u|17", "auth0|5f", "a@b.example", "x" * 128])
async def test_a_plain_subject_is_the_id(subject: str) -> None:
    """It can be found again at the provider."""
    assert (await principal_of(claims(sub=subject))).id == f"token:{subject}"


async def test_an_odd_subject_is_hashed() -> None:
    """Ids stay short, printable, different, and cannot be made to look like another's."""
    odd = ["x" * 129, "a b", "a\nb", "ü", "\u202e", "😀"]
    ids = [(await principal_of(claims(sub=subject))).id for subject in odd]
    posing = (await principal_of(claims(sub=ids[0]))).id

    assert len(set(ids)) == len(odd)
    assert {(one[:6], len(one), one.isascii()) for one in ids} == {("token#", 38, True)}
    assert posing == f"token:{ids[0]}"


@pytest.mark.parametrize("exp", [10**12, 10**300, 1e300, 253_402_300_799])
async def test_an_end_beyond_the_calendar_is_its_last_second(exp: float) -> None:
    """A provider's "never" must not be an error here."""
    one = await principal_of(claims(exp=exp))

    assert one.expires_at == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_signature_of_the_settings_is_accepted(algorithm: str) -> None:
    """And none of them with another's key."""
    key = make_key(algorithm, algorithm)
    one = Guard(publishing(key, make_key("ES256", "other")))
    text = sign(claims(), key, algorithm)
    mistaken = sign(claims(), key, algorithm, kid="other")
    others = tuple(other for other in ALGORITHMS if other != algorithm)

    assert isinstance(await one.verdict(text), Principal)
    assert isinstance(await one.verdict(mistaken), Bad)
    assert await guard(algorithms=others).verdict(text) == Bad("token: algorithm")


async def test_a_token_may_leave_the_only_key_unnamed() -> None:
    """A provider with one key need not name it; with two, a token that does not is nobody's."""
    text = sign(claims(), KEY, kid=None)
    two = Guard(publishing(KEY, make_key("ES256", "other")))

    assert isinstance(await guard().verdict(text), Principal)
    assert await two.verdict(text) == Bad("token: unknown key")


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
async def test_a_type_is_compared_as_media_types_are(kind: str) -> None:
    """RFC 7515: in any case, and with or without `application/`."""
    one, other = guard(), guard(token_types=("Application/JWT",))
    text = sign(claims(), KEY, typ=kind)

    assert isinstance(await one.verdict(text), Principal)
    assert await other.verdict(text) == Bad("token: type")
    assert isinstance(await other.verdict(sign(claims(), KEY, typ="jwt")), Principal)


@pytest.mark.parametrize(
    "text",
    [
        PREFIX + "0" * 49,
        PREFIX + "a.b.c",
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        ".b.c",
        "a..c",
        "a.b.c\n",
        "a.b=.c",
        "a.b+.c",
        "ä.b.c",
        "a" * MAX_HEADER_BYTES + ".b.c",
    ],
)
async def test_what_is_no_token_is_left_to_others(text: str) -> None:
    """Three parts of base64url, and not a key of ours; nobody is asked about it."""
    one = guard()

    assert await one.verdict(text) is NOT_MINE
    assert one.provider.fetches == 0


async def test_headers_that_nobody_knows_are_ignored() -> None:
    """RFC 7515: providers add members of their own, and their tokens are good."""
    text = sign(claims(), KEY, **{"pi.atm": "1", "x5t": "abc", "cty": "JWT"})

    assert isinstance(await guard().verdict(text), Principal)


@pytest.mark.parametrize(
    "payload",
    [
        b"5",
        b"[]",
        b"{",
        b"{}{}",
        b'{"exp": NaN}',
        b'{"exp": 1e999}',
        b"\xff",
        b'{"sub": "\\ud800"}',
    ],
)
async def test_claims_that_cannot_be_read_are_refused(payload: bytes) -> None:
    """Signed or not, they are no claims."""
    assert await guard().verdict(sign(payload, KEY)) == Bad("token: unreadable claims")


async def test_claims_that_are_nested_deeply_are_refused() -> None:
    """As deep as a header can be: some versions of Python read that, and find no claim in it."""
    payload = b'{"a":' + b"[" * 2_900 + b"]" * 2_900 + b"}"

    assert isinstance(await guard().verdict(sign(payload, KEY)), Bad)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", "unreadable"),
        (b"{", "unreadable"),
        (b"5", "unreadable"),
        (b"{}", "unreadable"),
        (b"\xff", "unreadable"),
        (b'["alg"]', "unreadable header"),
        (b'"alg"', "unreadable header"),
        (b'{"alg": "ES256", "b64": false}', "unreadable"),
        (b'{"alg": "ES256", "x": "%s"}' % (b"x" * 500), "unreadable"),
        (b'{"alg": ["ES256"]}', "algorithm"),
        (b'{"alg": "ES256"}', "type"),
        (b'{"alg": "ES256", "typ": ["at+jwt"]}', "type"),
        (b'{"alg": "ES256", "typ": "at+jwt", "b64": true}', "critical header"),
        (b'{"alg": "ES256", "typ": "at+jwt", "crit": 5}', "critical header"),
        (b'{"alg": "ES256", "typ": "at+jwt", "crit": []}', "critical header"),
        (b'{"alg": "ES256", "typ": "at+jwt", "kid": 5}', "key id"),
        (b'{"alg": "ES256", "typ": "at+jwt", "kid": ["k"]}', "key id"),
        (b'{"alg": "ES256", "typ": "at+jwt", "kid": "k", "x5u": 5}', "unreadable header"),
        (b'{"alg": "ES256", "typ": "at+jwt", "kid": "k", "jwk": "k"}', "unreadable header"),
    ],
)
async def test_an_odd_header_is_refused(header: bytes, expected: str) -> None:
    """Whatever stands there, it is a value to refuse and never an error."""
    text = put_together(header, b"{}") if header else "a.b.c"

    assert await guard().verdict(text) == Bad(f"token: {expected}")


async def test_a_token_is_verified_once_a_minute(verified: list[str]) -> None:
    """Thousands of questions of one caller cost one signature."""
    one = guard()
    text = sign(claims(), KEY)
    for _ in range(100):
        await one.verdict(text)
    one.provider.elapsed_s = REMEMBERED_S - 0.1
    first = await one.verdict(text)
    before = len(verified)
    one.provider.elapsed_s = REMEMBERED_S
    again = await one.verdict(text)

    assert REMEMBERED_S == 60
    assert (before, len(verified)) == (1, 2)
    assert first == again


async def test_a_remembered_token_ends_when_it_expires() -> None:
    """Expiry is put off by the leeway, and not by the memory."""
    one = guard()
    text = sign(claims(exp=NOW + 5), KEY)
    verdicts = []
    for elapsed_s in (0.0, 4 + LEEWAY_S, 5 + LEEWAY_S):
        one.provider.elapsed_s = elapsed_s
        verdicts.append(await one.verdict(text))

    assert [isinstance(verdict, Principal) for verdict in verdicts] == [True, True, False]
    assert verdicts[-1] == Bad("token: claims: The token is expired")


async def test_a_key_taken_back_takes_its_remembered_tokens_along(verified: list[str]) -> None:
    """A remembered token is good for as long as the key set it was verified with."""
    one = guard()
    text = sign(claims(), KEY)
    new = make_key("ES256", "new")
    await one.verdict(text)
    one.provider.publish(new)
    one.provider.elapsed_s = 1
    await one.verdict(sign(claims(), new))

    assert await one.verdict(text) == Bad("token: unknown key")
    assert len(verified) == 2


async def test_the_memory_is_bounded_and_forgets_the_oldest(verified: list[str]) -> None:
    """Many tokens must not become much memory."""
    one = Guard(publishing(KEY), max_remembered=2)
    texts = [sign(claims(sub=f"u-{n}"), KEY) for n in range(3)]
    for text in (*texts, texts[2], texts[0]):
        await one.verdict(text)

    assert len(verified) == 4


async def test_what_has_ended_is_forgotten() -> None:
    """A busy hour leaves no memory behind."""
    one = guard()
    for n in range(5):
        await one.verdict(sign(claims(sub=f"u-{n}"), KEY))
    one.provider.elapsed_s = REMEMBERED_S
    await one.verdict(sign(claims(), KEY))

    assert len(vars(one.authenticator)["_known"]) == 1


async def test_bad_tokens_are_not_remembered() -> None:
    """Nobody fills the memory without a token of the provider."""
    one = guard()
    for n in range(100):
        await one.verdict(sign(claims(sub=f"u-{n}"), make_key("ES256", "stranger"), kid="k"))

    assert len(vars(one.authenticator)["_known"]) == 0


async def test_new_material_under_the_same_id_is_found() -> None:
    """A signature that does not fit looks once whether the key is still that one."""
    one, other = guard(), make_key("ES256", "new")
    before = await one.verdict(sign(claims(), KEY))
    one.provider.sends = key_set(public(other, kid="k"))
    forged = await one.verdict(sign(claims(), make_key("ES256", "stranger"), kid="k"))
    after = await one.verdict(sign(claims(), other, kid="k"))

    assert isinstance(before, Principal)
    assert isinstance(after, Principal)
    assert forged == Bad("token: wrong signature")
    assert await one.verdict(sign(claims(), KEY)) == Bad("token: wrong signature")


async def test_a_wrong_signature_that_names_no_key_asks_nobody() -> None:
    """Only a name can have become another's."""
    one = guard()
    text = sign(claims(), make_key("ES256", "stranger"), kid=None)

    assert await one.verdict(text) == Bad("token: wrong signature")
    assert one.provider.fetches == 1


async def test_no_token_shows_on_the_way_or_stays_behind() -> None:
    """LOG-1: whatever is printed, and whatever is remembered, holds no token."""
    one = guard()
    good = sign(claims(), KEY)
    bad = sign(claims(aud="other"), KEY)
    printed = [
        repr(Credentials(good)),
        repr(await one.verdict(good)),
        repr(await one.verdict(bad)),
        repr(vars(one.authenticator)),
        repr(vars(one.keys)),
    ]
    parts = [part for text in (good, bad) for part in text.split(".")]

    assert [part in text for part in parts for text in printed] == [False] * 30


async def test_the_defaults_tell_the_time() -> None:
    """Without clocks of a test the gateway's own are used."""
    one = guard()
    exp = int(datetime.now(UTC).timestamp()) + 60
    authenticator = tokens.TokenAuthenticator(one.settings, one.keys)
    text = sign(claims(exp=exp, iat=None), KEY)
    expired = sign(claims(exp=exp - 100, iat=None), KEY)

    assert isinstance(await authenticator.authenticate(Credentials(text)), Principal)
    assert isinstance(await authenticator.authenticate(Credentials(expired)), Bad)


def test_every_algorithm_of_the_settings_has_a_kind_of_key() -> None:
    """What may be configured can be verified."""
    items = json.schema(OidcSettings)["$defs"]["OidcSettings"]["properties"]["algorithms"]["items"]

    assert set(items["enum"]) == set(ALGORITHMS)
