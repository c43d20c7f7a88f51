"""Asking an identity provider for its keys: discovery, then the key set it names.

Only addresses that were configured, or that the provider at such an address names,
are called; never one that stands in a token. Answers are small, quick and direct:
anything larger, slower, or elsewhere is a failure, and what it means is decided by
`policies.key_sets`.

Source: OpenID Connect Discovery 1.0.
"""

import asyncio
import ipaddress
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2
import msgspec
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]

from gateway.settings import SettingsError
from orderlines.deadline import Clock
from policies.key_sets import MAX_BYTES, KeySetSource, KeySetUnavailableError
from policies.settings import OidcSettings

TIMEOUT_S: Final = 5.0
"""For everything one fetch asks, together."""
DISCOVERED_S: Final = 3_600.0
"""How long the address of the key set is believed, while it answers."""

# A compressed answer could be small on the way and huge here.
_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity"}

_FAILURES: Final = (
    TimeoutError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    ValueError,
    RecursionError,  # metadata that is nested too deeply
)


@asynccontextmanager
async def open_oidc(
    settings: OidcSettings, *, timeout_s: float = TIMEOUT_S, clock: Clock = time.monotonic
) -> AsyncIterator[KeySetSource]:
    """Open the way to a provider; nothing is asked before its keys are.

    Proxies and certificates of the environment are used, as elsewhere.

    Args:
        settings: Whose keys.
        timeout_s: Seconds for one fetch, discovery included.
        clock: A monotonic clock.

    Raises:
        SettingsError: The provider would be asked without TLS, or with a password.
    """
    if not _is_safe(settings.issuer):
        msg = "`auth.oidc.issuer` must be an https address (http only for this machine itself)."
        raise SettingsError(msg)
    async with httpx2.AsyncClient(
        headers=_HEADERS,
        follow_redirects=False,
        timeout=timeout_s,
        limits=httpx2.Limits(max_connections=2, max_keepalive_connections=0),
    ) as client:
        yield _Provider(settings.issuer, client, timeout_s, clock)


class _Metadata(msgspec.Struct):
    """What is read of a provider's metadata."""

    issuer: str
    jwks_uri: str


class _Provider:
    """The key set of one issuer, over HTTP."""

    def __init__(
        self, issuer: str, client: httpx2.AsyncClient, timeout_s: float, clock: Clock
    ) -> None:
        self._issuer = issuer
        self._client = client
        self._timeout_s = timeout_s
        self._clock = clock
        self._address = ""
        self._discover_at = float("-inf")

    async def fetch(self) -> bytes:
        """Give the key set as it was sent.

        Raises:
            KeySetUnavailableError: The detail says why.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._clock() >= self._discover_at:
                    self._address = await self._discover()
                    self._discover_at = self._clock() + DISCOVERED_S
                return await self._get(self._address)
        except _FAILURES as error:
            # The set may have moved: the next fetch begins anew.
            self._discover_at = float("-inf")
            msg = "The identity provider gave no keys."
            detail = f"{type(error).__name__}: {error}"
            raise KeySetUnavailableError(msg, detail=detail) from error

    async def _discover(self) -> str:
        url = get_well_known_url(self._issuer, external=True)
        metadata = msgspec.json.decode(await self._get(url), type=_Metadata)
        # Else a provider could speak for another.
        if metadata.issuer != self._issuer:
            msg = "the metadata is that of another issuer"
            raise ValueError(msg)
        if not _is_safe(metadata.jwks_uri):
            msg = "`jwks_uri` is no https address"
            raise ValueError(msg)
        return metadata.jwks_uri

    async def _get(self, url: str) -> bytes:
        async with self._client.stream("GET", url) as response:
            if response.status_code != HTTPStatus.OK:
                msg = f"{url} answered with status {response.status_code}"
                raise ValueError(msg)
            if response.headers.get("content-encoding", "identity") != "identity":
                msg = f"{url} answered with compressed content"
                raise ValueError(msg)
            sent = bytearray()
            async for piece in response.aiter_raw():
                sent += piece
                if len(sent) > MAX_BYTES:
                    msg = f"{url} answered with more than {MAX_BYTES} bytes"
                    raise ValueError(msg)
        return bytes(sent)


def _is_safe(url: str) -> bool:
    """Whether what is sent there, and comes from there, is protected on its way."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        is_plain = parts.username is None and parts.port != 0
    except ValueError:
        return False
    if not host or not is_plain:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
