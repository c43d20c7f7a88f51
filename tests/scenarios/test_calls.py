"""W8: what a question costs at each system, counted at the wire."""

from collections.abc import Iterator

import pytest

from tests.scenarios.demo import Demo, running_demo

LINES = 100


@pytest.fixture(scope="module")
def page_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo with one order of a hundred lines and a hundred orders of one."""
    path = tmp_path_factory.mktemp("orders") / "orders.csv"
    rows = [f"BIG,{line},SKU-{line % 7},C-1,12,10" for line in range(1, LINES + 1)]
    rows += [f"S-{order},1,SKU-{order % 7},C-1,5,5" for order in range(LINES)]
    path.write_text(
        "order_number,line_number,sku,customer,requested,promised\n" + "\n".join(rows) + "\n"
    )
    with running_demo("--orders", str(path)) as running:
        # The catalogue of items is reference data; what is counted is the rest.
        running.ask('{ order(number: "BIG") { lines { totalCount } } }')
        yield running


def _counted(demo: Demo, query: str, variables: dict[str, object] | None = None) -> dict[str, int]:
    demo.forget_calls()
    answer = demo.ask(query, variables)
    assert "errors" not in answer, answer["errors"][:1]
    return {system: demo.calls(system) for system in ("erp", "oms", "wms")}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("lineNumber requested { quantity { value } }", {"erp": 1, "oms": 0, "wms": 0}),
        ("promised { quantity { value } }", {"erp": 1, "oms": 1, "wms": 0}),
        ("allocated { absence } shipped { absence }", {"erp": 1, "oms": 0, "wms": 1}),
        ("open { value } state", {"erp": 1, "oms": 1, "wms": 1}),
    ],
)
def test_a_page_of_a_hundred_lines_costs_one_call_a_system(
    page_demo: Demo, fields: str, expected: dict[str, int]
) -> None:
    """An order is one key, and a system that no selected field needs is never called."""
    query = f'{{ order(number: "BIG") {{ lines(first: 100) {{ nodes {{ {fields} }} }} }} }}'

    assert _counted(page_demo, query) == expected


def test_a_hundred_ids_cost_what_the_capability_tables_say(page_demo: Demo) -> None:
    """`calls` times the number of batches, for each system the selection needs."""
    listed = page_demo.ask(
        '{ order(number: "BIG") { lines(first: 100) { nodes { id } } }'
        " backends { name capabilities { calls maxBatch } } }"
    )["data"]
    ids = [line["id"] for line in listed["order"]["lines"]["nodes"]]
    tables = {backend["name"]: backend["capabilities"] for backend in listed["backends"]}
    counted = _counted(
        page_demo,
        "query ($ids: [ID!]!) { orderLinesById(ids: $ids) { state } }",
        {"ids": ids},
    )

    assert len(ids) == LINES
    assert counted == {
        name: table["calls"] * -(-LINES // table["maxBatch"]) for name, table in tables.items()
    }


def test_an_absent_order_costs_the_same_calls_as_one_that_is_there(page_demo: Demo) -> None:
    """Whether something exists cannot be told from what the gateway asks."""
    query = "query ($n: String!) { order(number: $n) { lines { nodes { state } } } }"
    page_demo.forget_calls()
    answer = page_demo.ask(query, {"n": "NOT-THERE"})
    absent = {system: page_demo.calls(system) for system in ("erp", "oms", "wms")}

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]
    assert absent == _counted(page_demo, query, {"n": "BIG"})


def test_the_same_id_twice_is_read_once(page_demo: Demo) -> None:
    """Aliases and repeated ids of one list are one key."""
    listed = page_demo.ask('{ order(number: "S-1") { lines { nodes { id } } } }')["data"]
    one = listed["order"]["lines"]["nodes"][0]["id"]
    counted = _counted(
        page_demo,
        "query ($ids: [ID!]!) { orderLinesById(ids: $ids) { lineNumber } }",
        {"ids": [one] * 60},
    )

    assert counted == {"erp": 1, "oms": 0, "wms": 0}
