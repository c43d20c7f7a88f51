"""How callers become known here: the key store and the identity provider, opened and joined.

API keys are always known, by the records of a store; tokens only where an identity
provider is configured. Which of them is asked first does not matter: each tells its
own kind of credential from others.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from backends.store.sqlite import open_store
from gateway.audit import Audit, AuditStore
from gateway.oidc import open_oidc
from gateway.settings import StoreSettings
from policies.authentication import AuthenticationChain, Authenticator
from policies.key_authenticator import ApiKeyAuthenticator, KeyStore
from policies.key_sets import KeySets
from policies.settings import AuthSettings
from policies.tokens import TokenAuthenticator

_log = structlog.get_logger()


class KeysAndAudit(KeyStore, AuditStore, Protocol):
    """A store of the gateway's own."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The API keys that are good here: where their records lie, and the pepper in them."""

    store: KeysAndAudit
    pepper: bytes

    def __repr__(self) -> str:
        return "Keyring(…)"


@dataclass(frozen=True, slots=True)
class Callers:
    """Who can become known.

    Attributes:
        chain: Knows callers by what they show.
        audit: Notes who was known and who was refused.
        key_sets: The keys of the identity provider, if there is one.
    """

    chain: AuthenticationChain
    audit: Audit
    key_sets: KeySets | None = None

    def reason(self) -> str | None:
        """Say why nobody could become known by a token now."""
        return None if self.key_sets is None else self.key_sets.reason()


async def open_callers(
    settings: AuthSettings, store: StoreSettings, keyring: Keyring | None, stack: AsyncExitStack
) -> Callers:
    """Open what callers are known by.

    Args:
        settings: Names the identity provider, and the pepper of the key store.
        store: Where the key store is.
        keyring: Keys that are known already, in place of those of the store.
        stack: Closes what is opened.

    Raises:
        SettingsError: The identity provider cannot be asked as it is configured.
        StoreError: The key store cannot be opened.
    """
    if keyring is None and settings.pepper is not None:
        opened = await stack.enter_async_context(open_store(Path(store.path)))
        keyring = Keyring(opened, settings.pepper.encode())
    members: list[Authenticator] = []
    if keyring is not None:
        members.append(ApiKeyAuthenticator(keyring.store, keyring.pepper))
    audit = Audit(None if keyring is None else keyring.store)
    stack.push_async_callback(audit.aclose)
    oidc = settings.oidc
    if oidc is None:
        return Callers(AuthenticationChain(members), audit)
    source = await stack.enter_async_context(open_oidc(oidc))
    key_sets = KeySets(source, oidc.algorithms, tell=_tell)
    stack.push_async_callback(key_sets.aclose)
    key_sets.reason()  # begins to fetch, so that the first caller need not wait
    members.append(TokenAuthenticator(oidc, key_sets))
    return Callers(AuthenticationChain(members), audit, key_sets)


def _tell(why: str) -> None:
    _log.warning("key_set_not_refreshed", reason=why)
