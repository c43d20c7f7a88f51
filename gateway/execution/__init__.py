"""Compiled execution of GraphQL operations. It knows GraphQL and nothing else.

In the order a question meets them: `executor` keeps what was compiled, and has it
`prepared` for a request; `planner` works out what is asked for, a `plan`; `compile` writes
the functions that answer it column by column, as `source`: `fetching` values, which passes
`arguments`, `completing` columns by the `functions` that are there, `handing_on` or
`filling` `templates`, with `readers` where objects are as usual; `run` resolves what they
cannot, and tells errors at their `positions`; a field's `shape` completes what is not
usual, through the `levels` of its type, with `leaves` for scalars and `object_types` for
objects, into columns of `texts`; a list may be `columnar`; `encode` writes the bytes.

Source: GraphQL specification, section 6; graphql-core is the oracle of the tests.
"""

from gateway.execution.encode import encode
from gateway.execution.executor import Executed, Executor
from gateway.execution.faults import FieldRefusedError, InvalidBatchError
from gateway.execution.leaves import Writers, texts
from gateway.execution.plan import (
    NO_MASK,
    Ask,
    FieldMask,
    FieldPlan,
    FieldSource,
    Reader,
    Readers,
)
from gateway.execution.planner import UnsupportedOperationError
from gateway.execution.prepared import Prepared

__all__ = [
    "NO_MASK",
    "Ask",
    "Executed",
    "Executor",
    "FieldMask",
    "FieldPlan",
    "FieldRefusedError",
    "FieldSource",
    "InvalidBatchError",
    "Prepared",
    "Reader",
    "Readers",
    "UnsupportedOperationError",
    "Writers",
    "encode",
    "texts",
]
