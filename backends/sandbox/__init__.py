"""The sandbox: three real HTTP systems of a simulated distributor.

    erp   OData V2   what was requested and cancelled, in the customer's unit
    oms   GraphQL    what was promised, and what was offered instead
    wms   REST       what was allocated and shipped, counted in eaches, in local time

Each is a process of its own with a dialect of its own; `erp`, `oms` and `wms` open
with theirs. All three build the same world from the same seed, and each shows only
what such a system would know. They can contradict each other, be slow, fail,
throttle and talk nonsense (`faults`).

Read `scenarios` for what there is to see, `stories` for what each system knows of
it, `world` for the records, `orders_csv` for bringing order lines of your own.
Nothing here is used by the gateway to serve a question: it is spoken to by HTTP only.
"""
