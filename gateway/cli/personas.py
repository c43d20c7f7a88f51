"""The four callers of the demo: what each may ask, and of which lines."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from backends.store.memory import MemoryKeyStore
from gateway.callers import Keyring
from orderlines.stated import Channel
from orderlines.visibility import ALL, Visibility
from policies.api_keys import Grant, mint
from policies.permissions import INTROSPECTION

STATUS: Final = frozenset({"lines:read", "promises:read", "fulfilment:read"})
EVERYTHING: Final = STATUS | {
    "prices:read",
    "reconciliation:read",
    "backends:read",
    INTROSPECTION,
}


class Persona(NamedTuple):
    """A kind of caller.

    Attributes:
        says: What it may, for people.
    """

    scopes: frozenset[str]
    visibility: Visibility
    says: str


def personas(customer: str | None) -> Mapping[str, Persona]:
    """List them.

    Args:
        customer: Whose portal it is; without one the portal sees every customer.
    """
    own = ALL if customer is None else frozenset({customer})
    whose = "every customer" if customer is None else f"customer {customer}"
    edi = Visibility(ALL, frozenset({Channel.EDI.name}), ALL)
    return {
        "portal": Persona(
            STATUS | {"prices:read"}, Visibility(own, ALL, ALL), f"lines of {whose}, with prices"
        ),
        "partner": Persona(STATUS, edi, "lines that came by EDI, without prices"),
        "dashboard": Persona(
            EVERYTHING - {"backends:read", INTROSPECTION},
            Visibility.everything(),
            "every line, and what does not reconcile",
        ),
        "operator": Persona(
            EVERYTHING, Visibility.everything(), "everything, also systems and schema"
        ),
    }


async def mint_keys(customer: str | None = None) -> tuple[Keyring, Mapping[str, str]]:
    """Make one key per persona, and the store that knows them."""
    store, pepper = MemoryKeyStore(), secrets.token_bytes(32)
    keys = {}
    for name, persona in personas(customer).items():
        grant = Grant(name, persona.scopes, persona.visibility)
        minted = mint(grant, pepper, datetime.now(UTC))
        await store.put(minted.record.id, minted.record.encode())
        keys[name] = minted.text
    return Keyring(store, pepper), keys
