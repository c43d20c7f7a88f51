"""How old an answer may be: as the caller allows, shared by who sees the same, never wrong."""

from collections.abc import Iterator, Mapping

import httpx2
import pytest

from tests.scenarios.demo import Demo, running_demo

ORDER = """query($n: String!, $age: Duration, $stale: OnStale! = SERVE_AND_FLAG) {
  order(number: $n, maxAge: $age, onStale: $stale) { lines(first: 3) { nodes { lineNumber
    requested { quantity { value } } shipped { quantity { value } }
    sources { section stale error } } } } }"""


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Start the demo once; tests tell their questions apart by callers and ages."""
    with running_demo("--lines", "60") as running:
        yield running


def asked(
    demo: Demo, *, key: str = "operator", number: str = "SO-1001", **variables: object
) -> tuple[httpx2.Response, Mapping[str, int]]:
    """Ask, and count the calls that it took."""
    demo.forget_calls()
    response = demo.post(ORDER, {"n": number, **variables}, key=key)
    return response, {system: demo.calls(system) for system in demo.backends}


def test_a_live_question_asks_and_keeps_nothing(demo: Demo) -> None:
    """Every time; and its answer has no age."""
    asked(demo)
    response, calls = asked(demo)

    assert calls == {"erp": 1, "oms": 0, "wms": 1}
    assert "age" not in response.headers
    assert "cache" not in response.json()["extensions"]


def test_an_answer_that_may_be_older_is_not_asked_for_again(demo: Demo) -> None:
    """The same data without a call, its age told, and only the point of its request charged."""
    first, _ = asked(demo, age="PT30S")
    second, calls = asked(demo, age="PT30S")
    live, live_calls = asked(demo)

    assert second.json()["data"] == first.json()["data"]
    assert calls == {"erp": 0, "oms": 0, "wms": 0}
    assert int(second.headers["age"]) == second.json()["extensions"]["cache"]["age"] < 10
    assert second.json()["extensions"]["cost"]["actual"] == 1
    assert first.json()["extensions"]["cost"]["actual"] > 1
    assert second.json()["extensions"]["cost"]["requested"] > 1
    assert sum(live_calls.values()) == 2
    assert live.json()["data"] == first.json()["data"]


def test_a_question_that_comes_again_is_answered_as_before(demo: Demo) -> None:
    """As often as it comes; the same bytes of another caller are answered by its own rows."""
    first, _ = asked(demo, age="PT29S")
    again = [asked(demo, age="PT29S") for _ in range(4)]
    foreign, _ = asked(demo, key="portal", number="SO-1002", age="PT29S")
    own, _ = asked(demo, number="SO-1002", age="PT29S")

    assert [sum(calls.values()) for _, calls in again] == [0, 0, 0, 0]
    assert {response.text.partition(',"extensions"')[0] for response, _ in again} == {
        first.text.partition(',"extensions"')[0]
    }
    assert [one.json()["extensions"]["cost"]["actual"] for one, _ in again] == [1, 1, 1, 1]
    assert foreign.json()["data"] != own.json()["data"]
    for _ in range(3):
        assert (
            asked(demo, key="portal", number="SO-1002", age="PT29S")[0].json()["data"]
            == (foreign.json()["data"])
        )


def test_readings_serve_other_questions_of_who_sees_the_same_rows(demo: Demo) -> None:
    """Another selection asks only what was not read; another caller asks everything."""
    asked(demo, key="dashboard", age="PT30S")
    same_rows, calls = asked(demo, key="operator", age="PT30S")
    other_rows, other_calls = asked(demo, key="portal", age="PT30S")

    assert calls == {"erp": 0, "oms": 0, "wms": 0}
    assert other_calls == {"erp": 1, "oms": 0, "wms": 1}
    assert same_rows.json()["data"] == other_rows.json()["data"]


def test_c2_what_was_read_stands_in_for_a_system_that_fails_and_says_so(demo: Demo) -> None:
    """Flagged; and not for a caller who would rather have none."""
    fresh, _ = asked(demo, age="PT0.2S")
    with demo.fault("wms", mode="fail"):
        httpx2.get(demo.url.replace("/graphql", "/livez"))
        stale = asked(demo, age="PT0.01S")[0].json()
        failed = asked(demo, age="PT0.01S", stale="FAIL")[0].json()
        live = asked(demo)[0].json()

    line = stale["data"]["order"]["lines"]["nodes"][0]
    assert line["shipped"] == fresh.json()["data"]["order"]["lines"]["nodes"][0]["shipped"]
    assert {one["section"]: one["stale"] for one in line["sources"]} == {
        "HEADER": False,
        "FULFILMENT": True,
    }
    assert "errors" not in stale
    assert failed["errors"][0]["extensions"]["code"] == "STALE"
    assert live["errors"][0]["extensions"]["code"] == "BACKEND_UNAVAILABLE"


@pytest.mark.parametrize("age", ["30", "PT", "P1Y", "-PT5S", "PT5", 5, ""])
def test_a_duration_is_iso_8601(demo: Demo, age: object) -> None:
    """Anything else is refused, by name."""
    response, calls = asked(demo, age=age)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_VARIABLES"
    assert sum(calls.values()) == 0
