"""The answers of the sandbox's three systems, taken once from the running processes.

What is recorded is what the adapters' own questions bring, so every server that speaks
to these systems meets the same bytes. The subgraphs of federated peers say the same
facts in their own shape: they are made from the gateway's answer.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from backends.registry import connect_by_wire, open_systems
from backends.sandbox.processes import launch
from backends.settings import BackendSettings, Kind
from backends.transport import Request, Response, Transport
from bench.questions import SIZES, csv, number
from orderlines.deadline import Deadline
from orderlines.identity import OrderKey, OrderRef
from orderlines.visibility import Visibility

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
    return {digit: await _record(digit) for digit in SIZES}


async def _record(digit: str) -> dict[str, bytes]:
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
                headers = await erp.read_headers(refs, visibility=see, deadline=end)
                await systems.promises.read_promises(refs, visibility=see, deadline=end)
                await systems.fulfilments.read_fulfilments(refs, visibility=see, deadline=end)
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
