"""What a connection that strangers hold may take: how long, how much, at what pace."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a connection may take.

    Attributes:
        max_connections: Open at the same time; more are answered 503.
        head_s: Seconds from the first byte of a request, or from the beginning of the
            connection, to the end of the headers.
        body_s: Seconds for a body, from the end of the headers.
        body_look_s: Seconds between two looks at the pace of a body.
        min_body_bytes_per_s: The least pace of a body, over each of those looks.
        max_headers: Headers of a request.
        max_head_bytes: Bytes of the request line and the headers together.
        max_url_bytes: Bytes of the URL.
        max_unread_bytes: Bytes of a body that are read though its answer is out.
        unread_s: Seconds between two looks at an answer that is not being taken.
        min_taken_bytes_per_s: The least pace at which it must be, over each of those.
        max_waiting_bytes: Bytes of all such answers together; beyond it the one that has
            waited longest is given up.
        rest_s: Seconds a connection may stay open between two requests.
        parting_s: Seconds a caller has to read a refusal before the connection is cut.
    """

    max_connections: int = 10_000
    head_s: float = 10.0
    body_s: float = 10.0
    body_look_s: float = 5.0
    min_body_bytes_per_s: int = 256
    max_headers: int = 100
    max_head_bytes: int = 32_768
    max_url_bytes: int = 32_768
    max_unread_bytes: int = 1_048_576
    unread_s: float = 30.0
    min_taken_bytes_per_s: int = 4_096
    max_waiting_bytes: int = 33_554_432
    rest_s: float = 75.0
    parting_s: float = 1.0
