"""How a system behind the gateway is configured: `[backends.<name>]`.

Decoded once. A field that does not exist, an unknown kind or a number out of range is
refused by name. Which kinds there are and what they play is in `registry`.
"""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

AskByName: TypeAlias = Literal["ORDER_NUMBER", "CUSTOMER_PO"]


class Kind(StrEnum):
    """Which adapter speaks to the system."""

    SANDBOX_ERP = "sandbox-erp"
    SANDBOX_OMS = "sandbox-oms"
    SANDBOX_WMS = "sandbox-wms"


class BackendSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One system.

    Attributes:
        kind: Which adapter speaks to it.
        url: Its origin, `http://host:port`.
        max_connections: Open to it at once; more calls wait in line.
        ask_by: By what it is asked, where its kind leaves a choice.
    """

    kind: Kind
    url: Annotated[str, Meta(min_length=1, max_length=2048)]
    max_connections: Annotated[int, Meta(ge=1, le=1024)] = 32
    ask_by: AskByName | None = None
