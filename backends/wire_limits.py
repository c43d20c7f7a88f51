"""How much of anything the wire takes, keeps or waits for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WireLimits:
    """The bounds of one wire, which speaks to one system.

    Attributes:
        max_connections: Open at once; further requests wait in line.
        max_idle_s: How long a connection nobody uses stays open. A server that
            announces less (`Keep-Alive: timeout=n`) is believed.
        max_head_bytes: Status line and headers of one answer; also what may come
            in a row without one byte of body, such as trailers.
        max_header_count: Headers of one answer.
        max_body_bytes: Body of one answer.
        connect_timeout_s: How long making a connection may take.
    """

    max_connections: int = 32
    max_idle_s: float = 30.0
    max_head_bytes: int = 32 * 1024
    max_header_count: int = 100
    max_body_bytes: int = 16 * 1024 * 1024
    connect_timeout_s: float = 1.0
