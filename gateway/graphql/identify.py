"""Who asks: found out from the headers before anything of the question is read.

Every caller proves itself by a header that no form and no link can send, so that a page
of somebody else cannot make a browser ask, by GET or POST.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from backends.store.migrations import StoreError
from gateway.answers import Answer, Header, problem_answer
from gateway.audit import Audit
from gateway.graphql.answers import NotReadyError
from gateway.graphql.ports import Authentication
from gateway.graphql.turn import Turn
from policies.authentication import Refusal, read_credentials, shown_in
from policies.principal import Principal

_UNKNOWN: Final = "The caller could not be identified just now."

_log = structlog.get_logger()


class Identification:
    """Identifies callers, and notes who was refused.

    Args:
        authentication: Knows them.
        audit: Where uses and refusals are noted.
    """

    def __init__(self, authentication: Authentication, audit: Audit) -> None:
        self._authentication = authentication
        self._audit = audit

    def identify_now(self, turn: Turn, headers: Mapping[bytes, bytes]) -> Principal | None:
        """Find out who asks, by headers by name; None: it must be awaited, see `identify`.

        Whoever is known at once was known the long way a few minutes ago at most, and its
        use was noted then.
        """
        shown = shown_in(headers)
        principal = self._authentication.authenticate_now(shown) if shown else None
        if principal is not None:
            turn.principal = principal.id
        return principal

    async def identify(self, turn: Turn, headers: Sequence[Header]) -> Principal | Answer:
        """Find out who asks, or answer that nobody may without saying so.

        Raises:
            NotReadyError: The keys cannot be read just now.
        """
        credentials = read_credentials(headers)
        if isinstance(credentials, Refusal):
            return self._refused(turn, credentials)
        try:
            principal = await self._authentication.authenticate(credentials)
        except StoreError as error:
            raise NotReadyError(_UNKNOWN, detail=error.detail) from error
        if isinstance(principal, Refusal):
            return self._refused(turn, principal)
        turn.principal = principal.id
        self._audit.used(principal.id)
        return principal

    def _refused(self, turn: Turn, refusal: Refusal) -> Answer:
        told = {
            "code": refusal.code,
            "detail": refusal.detail,
            "correlation_id": turn.correlation_id,
        }
        _log.info("caller_refused", **told)
        self._audit.note("refused", **told)
        challenge = refusal.www_authenticate
        return problem_answer(
            refusal.code,
            refusal.message,
            correlation_id=turn.correlation_id,
            headers=((b"www-authenticate", challenge.encode("ascii")),) if challenge else (),
        )
