"""The answers of the sandbox's three systems, taken once from the running processes.

What is recorded is what the adapters' own questions bring when the gateway is asked the
question of the workload: as much as that needs and no more. So every server that speaks
to these systems meets the same bytes. The subgraphs of federated peers say the same
facts in their own shape: they are made from the gateway's answer.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from graphql import OperationDefinitionNode, parse
from graphql.execution.values import VariableValues, get_variable_values

from backends.registry import connect_by_wire, open_systems
from backends.sandbox.processes import launch
from backends.settings import BackendSettings, Kind
from backends.transport import Request, Response, Transport
from bench.questions import QUESTIONS, csv, number
from gateway.execution.executor import Executor
from orderlines.deadline import Deadline
from orderlines.facets import Facts
from orderlines.identity import OrderKey, OrderRef
from orderlines.visibility import Visibility
from resolvers.batches import field_plans
from resolvers.schema import build_schema

KINDS: Final = {"erp": Kind.SANDBOX_ERP, "oms": Kind.SANDBOX_OMS, "wms": Kind.SANDBOX_WMS}


@dataclass(frozen=True, slots=True)
class _Recorder:
    inner: Transport
    name: str
    kept: dict[str, bytes]

    async def send(self, request: Request, *, deadline: Deadline) -> Response:
        response = await self.inner.send(request, deadline=deadline)
        is_items = "/Products" in request.target
        self.kept["items" if is_items else self.name] = response.body
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


async def record() -> dict[str, dict[str, bytes]]:
    """Record the answers about the template order of each size, by size and system."""
    return {digit: await _record(digit, facts_of(text)) for _, text, digit in QUESTIONS.values()}


def facts_of(text: str) -> Facts:
    """Tell what the gateway reads to answer a question."""
    schema = build_schema()._schema  # noqa: SLF001 - strawberry offers no public way to it
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)  # noqa: S101 - a question of ours
    given = get_variable_values(schema, operation.variable_definitions or (), {"number": ""})
    assert isinstance(given, VariableValues)  # noqa: S101 - as above
    plan = Executor(schema, field_plans(schema)).compiled(document, operation, given).plan
    return frozenset().union(*(field.needs for field in plan.root.fields))


async def _record(digit: str, facts: Facts) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        orders = Path(folder) / "orders.csv"
        orders.write_text(csv(digit), "utf-8")
        async with launch(orders=orders) as running:
            settings = {
                name: BackendSettings(kind=kind, url=running[name].url)
                for name, kind in KINDS.items()
            }
            async with open_systems(
                settings,
                connect=lambda name, one: _Recorder(connect_by_wire(name, one), name, kept),
            ) as systems:
                refs = [OrderRef(OrderKey("erp", number(digit, 0)))]
                see, end = Visibility.everything(), Deadline.after(10)
                erp = systems.orders["erp"]
                headers = await erp.read_headers(refs, visibility=see, deadline=end, facts=facts)
                for read in (
                    systems.promises.read_promises,
                    systems.fulfilments.read_fulfilments,
                ):
                    await read(refs, visibility=see, deadline=end, facts=facts)
                skus = sorted({one.sku for told in headers.by_line.values() for one in told})
                await systems.items.read(skus, visibility=see, deadline=end)
    return kept


def subgraphs(digit: str, answer: Mapping[str, Any]) -> dict[str, bytes]:
    """Say what the gateway answered as three federated subgraphs say it."""
    nodes = answer["data"]["order"]["lines"]["nodes"]
    order = number(digit, 0)
    parts = {
        "orders": {
            "order": {
                "__typename": "Order",
                "lines": {
                    "nodes": [
                        {
                            "__typename": "OrderLine",
                            "id": f"{order}/{one['lineNumber']}",
                            **{key: one[key] for key in ("lineNumber", "item", "requested")},
                        }
                        for one in nodes
                    ]
                },
            }
        },
        "promises": {"_entities": [_entity(one, "promised") for one in nodes]},
        "fulfilments": {"_entities": [_entity(one, "allocated", "shipped") for one in nodes]},
    }
    return {name: msgspec.json.encode({"data": data}) for name, data in parts.items()}


def _entity(node: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {"__typename": "OrderLine", **{key: node[key] for key in keys}}
