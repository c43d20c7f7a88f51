"""The guard: who may ask what, how much, how fresh.

`principal` is who calls; `authentication`, `key_authenticator` and `api_keys` say how
that is known.
The room makes a `Visibility` and never touches a system; it stores nothing
itself, but asks small protocols of its own that speak bytes.
"""
