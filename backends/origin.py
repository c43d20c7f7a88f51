"""The address of a system: scheme, host and port, and nothing else.

It is read strictly, because it decides where the gateway connects. What stands in
a path, a user name or a fragment would be dropped silently by the wire, and is
refused instead; so is an address of the network's own services (link-local), and
a number that some resolver would take for an address.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import ClassVar, Final, NoReturn

from orderlines.errors import GatewayError

MAX_PORT: Final = 65_535

_PORTS: Final = {"http": 80, "https": 443}
_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL
)
_AUTHORITY: Final = re.compile(
    r"(?P<host>[a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[(?P<six>[0-9a-f:.]+)\])(:(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE,
)
_ENDS_IN_NUMBER: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)", re.IGNORECASE)


class InvalidOriginError(GatewayError):
    """The address of a system is not one the gateway can or may call."""

    code: ClassVar[str] = "CONFIGURATION"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a system listens; `host` is bare, without the brackets of IPv6."""

    host: str
    port: int
    is_tls: bool

    @property
    def authority(self) -> str:
        """Host and port as `Host` names them; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            host
            if self.port == _PORTS["https" if self.is_tls else "http"]
            else f"{host}:{self.port}"
        )

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Read `http://host:port`.

        Raises:
            InvalidOriginError: It is something else. The message never repeats
                the text: it may hold a password.
        """
        parts = _ORIGIN.fullmatch(text)
        if parts is None or parts["scheme"] not in _PORTS:
            _refuse("begins with `http://` or `https://`")
        if "@" in parts["authority"]:
            _refuse("holds no user name or password; give credentials where the system is set up")
        if parts["rest"]:
            _refuse("ends after host and port: no path, query or fragment")
        authority = _AUTHORITY.fullmatch(parts["authority"])
        port = int(authority["port"] or _PORTS[parts["scheme"]]) if authority else 0
        if authority is None or not 0 < port <= MAX_PORT:
            _refuse("is a host name or an IP address, and a port from 1 to 65535")
        return cls(
            _checked(authority["six"] or authority["host"]), port, parts["scheme"] == "https"
        )


def _checked(host: str) -> str:
    """Refuse addresses in disguise, and those of the network's own services."""
    if ":" not in host and not _ENDS_IN_NUMBER.fullmatch(host):
        return host.lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        _refuse("writes an IP address in its usual form", error)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if (mapped or address).is_link_local:
        _refuse("is not link-local: metadata services live there, systems do not")
    return host.lower()


def _refuse(rule: str, cause: Exception | None = None) -> NoReturn:
    msg = f"The address of a system {rule}. Example: `http://erp.example:8080`."
    raise InvalidOriginError(msg) from cause
