"""The desk: the GraphQL schema, and the join of guard, docks and ledger behind it.

`schema` puts it together, `types` and `query` say what can be asked, `order_lines`
reads it from the systems, `batches` is the contract with whoever executes.
"""
