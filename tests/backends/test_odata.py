"""The OData dialect: nothing a caller names can leave its literal, nothing sent leads away."""

from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import odata
from backends.rows import UNREADABLE
from backends.sandbox.odata_filter import parse_filter
from backends.transport import Request

ASKED = Request("GET", "/odata/v2/SalesOrders?$filter=x&$expand=Items&$format=json", odata.HEADERS)


@pytest.mark.parametrize(
    "name",
    [
        "SO-1001",
        "../admin",
        "%2e%2e",
        "?x=",
        "#",
        "'",
        "''",
        "' or SalesOrder eq 'SO-1002",
        "a&$top=1",
        "a+b c",
        "Ünïcøde ∕ 号",  # noqa: RUF001 - a slash of another script is the point
        "\r\nhost: evil",
        "\x00",
    ],
)
def test_any_number_is_one_literal(name: str) -> None:
    """S-2: encoded once, as one literal of the filter, and nothing else of the address."""
    question = odata.question("/odata/v2/SalesOrders", odata.equals("SalesOrder", name), "Items")
    parts = urlsplit(question.target)
    options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
    filtered = parse_filter(options["$filter"][0], {"SalesOrder"})

    assert question.target.isascii()
    assert not set(question.target) & set(" '\"<>#\r\n\x00")
    assert parts.path == "/odata/v2/SalesOrders"
    assert {name: value[0] for name, value in options.items() if name != "$filter"} == {
        "$expand": "Items",
        "$format": "json",
    }
    assert filtered.values_of("SalesOrder") == {name: None}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_a_filter_names_exactly_what_was_asked(names: list[str]) -> None:
    """Whatever the numbers hold, the system reads back the same numbers."""
    names = names[:50]
    clauses = [odata.equals("SalesOrder", name) for name in names]
    target = odata.question("/x", odata.any_of(clauses), "Items").target
    text = parse_qs(urlsplit(target).query)["$filter"][0]

    assert list(parse_filter(text, {"SalesOrder"}).values_of("SalesOrder") or ()) == list(
        dict.fromkeys(names)
    )


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:9001/odata/v2/SalesOrders?$filter=x&$skiptoken=200",
        "https://behind.the.proxy/odata/v2/SalesOrders?$filter=x&$skiptoken=200",
        "http://169.254.169.254/odata/v2/SalesOrders?$filter=x&$skiptoken=200#top",
    ],
)
def test_of_a_link_only_the_query_is_used(link: str) -> None:
    """S-1: the next page is asked on the wire that is there; no host is taken from a link."""
    assert odata.next_question(link, ASKED) == Request(
        "GET", "/odata/v2/SalesOrders?$filter=x&$skiptoken=200", odata.HEADERS
    )


@pytest.mark.parametrize(
    "link",
    [
        "",
        "?$skiptoken=200",
        "/odata/v2/SalesOrders?$skiptoken=200",
        "//host/odata/v2/SalesOrders?$skiptoken=200",
        "ftp://host/odata/v2/SalesOrders?$skiptoken=200",
        "file:///odata/v2/SalesOrders?$skiptoken=200",
        "http:///odata/v2/SalesOrders?$skiptoken=200",
        "http://host/odata/v2/SalesOrders",
        "http://host/odata/v2/Products?$skiptoken=200",
        "http://host/odata/v2/../v2/SalesOrders?$skiptoken=200",
        "http://host/odata/v2/SalesOrders?$skiptoken=200 HTTP/1.1",
        "http://host/odata/v2/SalesOrders?$skiptoken=ü",
        "http://[host/odata/v2/SalesOrders?$skiptoken=200",
        "http://host/odata/v2/SalesOrders?$skiptoken=" + "0" * 60_000,
    ],
)
def test_a_link_to_anywhere_else_is_refused(link: str) -> None:
    """S-1: a page that points elsewhere is not an answer to the question."""
    with pytest.raises(UNREADABLE):
        odata.next_question(link, ASKED)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("/Date(0)/", datetime(1970, 1, 1, tzinfo=UTC)),
        ("/Date(1794960000000)/", datetime(2026, 11, 18, tzinfo=UTC)),
        ("/Date(1794960000000+0000)/", datetime(2026, 11, 18, tzinfo=UTC)),
        ("/Date(1794960000000-0480)/", datetime(2026, 11, 18, tzinfo=UTC)),
        ("/Date(-1)/", datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        ("/Date(-62135596800000)/", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_is_milliseconds_of_utc(text: str, at: datetime) -> None:
    """An offset says how it was shown; the instant is the number."""
    assert odata.parse_instant(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-18",
        "/Date()/",
        "/Date(1.5)/",
        "/Date(1794960000000+00)/",
        "/Date(1794960000000)/ ",
        "/Date(999999999999999)/",
        "/Date(-99999999999999)/",
        "/Date(9999999999999999)/",
        "/Date(١٢)/",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    """A bad text fails its row; it is never a guess."""
    with pytest.raises(ValueError, match=r"^Expected an instant [a-zA-Z()/ ]+$"):
        odata.parse_instant(text)


def test_a_date_is_midnight_utc_and_nothing_else() -> None:
    """Another time of the day would be a guess at which day was meant."""
    assert odata.parse_date("/Date(1794960000000)/") == date(2026, 11, 18)
    with pytest.raises(ValueError, match=r"^Expected a date as midnight UTC$"):
        odata.parse_date("/Date(1794956400000)/")
