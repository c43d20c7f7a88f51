"""The desk: the GraphQL schema, and the join of guard, docks and ledger behind it.

`schema` puts it together; `query`, `types` and `sections` say what can be asked;
`wave` asks the systems and `order_lines` makes lines of what they told; `batches`
is the contract with whoever executes.
"""
