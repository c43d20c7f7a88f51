"""The door: HTTP in, HTTP out, and the order of things. It knows nothing about order lines.

`app` puts the application together, `graphql` takes one question from its headers
to its last byte, `health` are the pages beside it. `errors` is the one exit,
`telemetry` the one log, `settings` the one file, `cli` the command line.
"""
