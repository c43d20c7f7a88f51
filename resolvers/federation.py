"""The gateway as a subgraph: `Order` and `OrderLine` are entities of Federation 2.

A supergraph gets the schema by `_service` and lines or orders by `_entities`. A
representation that names nothing is null with an error in its place, and one the caller
may not see is exactly that too. All representations of a request are looked up together:
one read of lines and one of orders at each order source.

Source: Apollo Federation subgraph specification, v2.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

import strawberry
from graphql import GraphQLSchema, GraphQLUnionType
from strawberry.schema.config import StrawberryConfig

from orderlines.errors import GatewayError
from orderlines.identity import InvalidIdError, OrderKey, OrderLineKey
from orderlines.stitched_line import StitchedLine
from resolvers.batches import Ask, batched, field
from resolvers.enums import describe_members
from resolvers.governance import INTROSPECTS, CacheControl, sized
from resolvers.order_lines import StitchedOrder, look_up_lines, look_up_orders
from resolvers.orders import InvalidArgumentError, OrderType
from resolvers.query import LOOKED_UP, MAX_IDS, OPERATIONS, NotFoundError, Query, look_up
from resolvers.scalars import SCALARS, Representation
from resolvers.types import OrderLineType

LINK: Final = (
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])'
)
_KEY_DEFINITION: Final = re.compile(r'(?:^"""[^"]*"""\n)?^directive @key\(.*\n+', re.MULTILINE)

_TYPE_NAMES: Final = {StitchedLine: "OrderLine", StitchedOrder: "Order"}

Entity = Annotated[
    OrderType | OrderLineType,
    strawberry.union("_Entity", description="What a supergraph can ask for by its key."),
]


@dataclass(frozen=True, slots=True)
class Service:
    """What a supergraph is composed of.

    Attributes:
        sdl: The schema, without what federation itself adds.
    """

    sdl: str


@strawberry.type(name="_Service", description="The gateway as a subgraph.")
class ServiceType:
    """`resolvers.federation.Service`."""

    sdl: str = field("The schema to compose a supergraph with.")


async def entities(
    parents: Sequence[object],
    ask: Ask,
    *,
    representations: Annotated[
        list[Representation],
        strawberry.argument(description=f"At most {MAX_IDS} objects of `__typename` and `id`."),
    ],
) -> Sequence[Sequence[StitchedLine | StitchedOrder | GatewayError]]:
    """Look up lines and orders by their ids, in the order of the representations."""
    if len(representations) > MAX_IDS:
        msg = f"`representations` holds at most {MAX_IDS} objects."
        raise InvalidArgumentError(msg, argument="representations")
    keys = [_key_or_reason(index, one) for index, one in enumerate(representations)]
    lines = list(dict.fromkeys(key for key in keys if isinstance(key, OrderLineKey)))
    orders = list(dict.fromkeys(key for key in keys if isinstance(key, OrderKey)))
    found: dict[object, StitchedLine | StitchedOrder | GatewayError | None] = {}
    if not orders:
        found.update((await look_up(lines, ask, look_up_lines)).items())
    elif not lines:
        found.update((await look_up(orders, ask, look_up_orders)).items())
    else:
        async with asyncio.TaskGroup() as group:
            of_lines = group.create_task(look_up(lines, ask, look_up_lines))
            of_orders = group.create_task(look_up(orders, ask, look_up_orders))
        found.update(of_lines.result().items())
        found.update(of_orders.result().items())
    told = [
        key if isinstance(key, GatewayError) else (found[key] or _not_found(key)) for key in keys
    ]
    return [told] * len(parents)


async def service(parents: Sequence[object], ask: Ask) -> Sequence[Service]:
    """Tell the schema."""
    del ask
    return [Service(sdl())] * len(parents)


@strawberry.type(
    name="Query", description="What can be asked. The gateway reads; it changes nothing."
)
class Subgraph(Query):
    """The root of the schema, with what a supergraph asks for."""

    entities: list[Entity | None] = batched(
        entities,
        list[Entity | None],
        f"Up to {MAX_IDS} orders and order lines by their keys, for a supergraph.",
        name="_entities",
        policy=(*LOOKED_UP, sized(1, "representations")),
    )
    service: ServiceType = batched(
        service,
        ServiceType,
        "This schema, for a supergraph.",
        name="_service",
        policy=(INTROSPECTS, CacheControl(max_age=0), OPERATIONS),
    )


@cache
def sdl() -> str:
    """Print the schema as a subgraph: without the parts that federation adds by itself."""
    return f"{LINK}\n\n{_KEY_DEFINITION.sub('', schema_of(Query).as_str())}\n"


def schema_of(query: type) -> strawberry.Schema:
    """Build a schema of the desk's types."""
    config = StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True)
    schema = strawberry.Schema(query=query, config=config)
    describe_members(schema._schema)  # noqa: SLF001 - strawberry offers no public way to it
    return schema


def tell_entities_apart(schema: GraphQLSchema) -> None:
    """Let the entities of a schema be told apart by their classes."""
    entity = schema.type_map["_Entity"]
    assert isinstance(entity, GraphQLUnionType)  # noqa: S101 - as declared above
    entity.resolve_type = _type_name


def _type_name(value: object, info: object, kind: object) -> str | None:
    del info, kind
    return _TYPE_NAMES.get(type(value))


def _key_or_reason(index: int, given: Any) -> OrderLineKey | OrderKey | GatewayError:  # noqa: ANN401 - any JSON
    where = f"representations[{index}]"
    if not isinstance(given, dict):
        return _refused(where, "is not an object")
    name, text = given.get("__typename"), given.get("id")
    if name not in ("Order", "OrderLine"):
        return _refused(f"{where}.__typename", "is neither `Order` nor `OrderLine`")
    if not isinstance(text, str):
        return _refused(f"{where}.id", "is not a text")
    try:
        return OrderKey.from_id(text) if name == "Order" else OrderLineKey.from_id(text)
    except InvalidIdError as error:
        return error


def _refused(where: str, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"`{where}` {what}.", argument="representations")


def _not_found(key: object) -> NotFoundError:
    what = "order" if isinstance(key, OrderKey) else "order line"
    return NotFoundError(f"There is no such {what}.")
