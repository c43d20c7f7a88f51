"""GraphQL over HTTP, a step a file, in the order a request meets them.

`http` takes the steps: `request` reads the HTTP request (`strict_json` its body),
`media` chooses how to answer, `documents` understands the query, `execution` runs
it, `answers` writes what goes back. `ports` says what the steps need of others.
"""
