"""One GraphQL request, from its headers to its last byte, in the order of the steps.

Cheap refusals come first, and no system is asked anything before everything about
the question is known. One deadline covers all steps. Whatever happens, there is
one answer at most, and one line in the log.

A plain ASGI callable: no task and no request object per request.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast

import structlog
from graphql import OperationType
from opentelemetry.trace import SpanKind, Tracer

from gateway import correlation
from gateway.answers import (
    Answer,
    Header,
    Receive,
    Scope,
    Send,
    fold_headers,
    send_answer,
    send_whole,
)
from gateway.audit import Audit
from gateway.execution import Executed, encode
from gateway.graphql.admission import Admission
from gateway.graphql.answers import (
    ALLOW,
    CONTENT_TYPES,
    MethodNotAllowedError,
    answered,
    failed,
    refused,
)
from gateway.graphql.documents import Document, Documents, Operation, RefusedDocument
from gateway.graphql.guard import LimitExceededError
from gateway.graphql.identify import Identification
from gateway.graphql.kept import AnswerKey, KeptAnswer, KeptAnswers, answer_key
from gateway.graphql.media import MediaType, negotiate
from gateway.graphql.ports import Authentication, Executor, Guard, MakeContext
from gateway.graphql.repeated import Meant, RepeatedQuestions
from gateway.graphql.request import (
    check_body_size,
    check_body_type,
    read_body,
    refuse_key_in_url,
    request_from_body,
    request_from_query_string,
)
from gateway.graphql.toll import ENTRY, ThrottledError, Toll
from gateway.graphql.turn import Turn, line_of, too_late
from gateway.graphql.watch import Task, Watch
from gateway.metrics import RequestMetrics
from gateway.telemetry import Now, RequestLog, utc_now
from gateway.whole_answer import BODY, WHOLE
from orderlines.deadline import Clock, Deadline
from policies.permissions import INTROSPECTION
from policies.principal import Principal

JSON: Final = MediaType.JSON.value
"""What most callers send: that it is good needs no function."""
USUAL_MEDIA: Final = (None, JSON)
"""What most callers accept: it leads to what a turn begins with."""

_log = structlog.get_logger()


class GraphQLRoute:
    """Answers requests to the one GraphQL path.

    Args:
        make_context: Joins a principal with the systems that can be asked.
        deadline_s: Seconds from the first step to the answer.
        max_body_bytes: Larger bodies are refused.
    """

    def __init__(  # noqa: PLR0913 - what a request meets on its way, each by its name
        self,
        *,
        authentication: Authentication,
        documents: Documents,
        executor: Executor,
        guard: Guard,
        admission: Admission,
        toll: Toll,
        audit: Audit,
        kept: KeptAnswers,
        make_context: MakeContext,
        log: RequestLog,
        deadline_s: float,
        max_body_bytes: int,
        metrics: RequestMetrics | None = None,
        tracer: Tracer | None = None,
        new_id: correlation.MakeId = correlation.new_correlation_id,
        clock: Clock = time.monotonic,
        now: Now = utc_now,
    ) -> None:
        self._callers = Identification(authentication, audit)
        self._documents = documents
        self._executor = executor
        self._guard = guard
        self._admission = admission
        self._toll = toll
        self._kept = kept
        self._repeated = RepeatedQuestions()
        self._make_context = make_context
        self._log = log
        self._metrics = metrics or RequestMetrics()
        self._tracer = tracer
        self._deadline_s = deadline_s
        self._watch = Watch(deadline_s)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._max_body_bytes = max_body_bytes
        self._new_id = new_id
        self._clock = clock
        self._now = now

    async def __call__(  # noqa: C901, PLR0912 - each step of its own would be a call of every request
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one HTTP request."""
        listed: Sequence[Header] = scope["headers"]
        headers: Mapping[bytes, bytes] = dict(listed)
        if len(headers) != len(listed):
            headers = fold_headers(listed)
        sent_id = headers.get(correlation.HEADER)
        correlation_id = (
            self._new_id()
            if sent_id is None
            else correlation.correlation_id_of(sent_id, self._new_id)
        )
        task = None if self._loop is None else asyncio.current_task(self._loop)
        if task is None:
            task = self._current_task()
        turn = Turn(correlation_id, self._clock(), task)
        self._watch.start(task)
        try:
            if self._tracer is None:
                answer = await self._answer(turn, scope, headers, receive)
            else:
                answer = await self._traced(self._tracer, turn, scope, headers, receive)
        except asyncio.CancelledError:
            # Somebody else, too, may want this to end: then it does.
            has_left = self._watch.has_left(task)
            if not (has_left or self._watch.is_over(task)) or task.uncancel():
                raise
            answer = None
            if not has_left:
                answer = failed(too_late(turn), turn.media, correlation_id=turn.correlation_id)
        except Exception as error:  # noqa: BLE001 - the one exit decides what it becomes
            answer = failed(error, turn.media, correlation_id=turn.correlation_id)
            if isinstance(error, ThrottledError):
                turn.charge = None  # how the bucket stands is told by the error's own headers
        finally:
            self._watch.stop(task)
        if answer is not None:
            more: tuple[Header, ...] = ()
            if turn.charge is not None:
                more = self._toll.headers(turn.charge)
            whole = scope.get(WHOLE)
            if whole is None or not send_whole(whole, answer, correlation_id, more):
                await send_answer(send, answer, correlation_id, more)
        line = line_of(turn, answer, at=self._now(), took_s=self._clock() - turn.started)
        self._metrics.observe(line.status, line.error_codes, line.duration_ms / 1_000, turn.cost)
        self._log.write(line)

    async def _traced(
        self,
        tracer: Tracer,
        turn: Turn,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        receive: Receive,
    ) -> Answer | None:
        """Take the steps within a span, which has the names of the operation in the end."""
        with tracer.start_as_current_span("graphql", kind=SpanKind.SERVER) as span:
            answer = await self._answer(turn, scope, headers, receive)
            operation = turn.operation
            if operation is not None:
                span.set_attribute("graphql.operation.type", operation.kind)
                if operation.name is not None:
                    span.set_attribute("graphql.operation.name", operation.name)
            span.set_attribute("orderline.correlation_id", turn.correlation_id)
            if answer is not None:
                span.set_attribute("http.response.status_code", int(answer.status))
            return answer

    def _current_task(self) -> Task:
        """Find the task of this request; an ASGI server answers each within one.

        The loop is remembered, because to ask for the one that runs is a system call.
        """
        self._loop = asyncio.get_running_loop()
        return cast("Task", asyncio.current_task(self._loop))

    async def _answer(  # noqa: C901, PLR0911, PLR0912 - as above
        self, turn: Turn, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> Answer | None:
        """Take the steps, as far as they go; None when the caller left."""
        reads_only = False if scope["method"] == "POST" else _reads_only(scope["method"])
        if reads_only is None:
            return Answer(204, None, (), headers=(ALLOW,))
        if scope["query_string"]:
            refuse_key_in_url(scope["query_string"])
        principal = self._callers.identify_now(turn, headers)
        if principal is None:
            found = await self._callers.identify(turn, scope["headers"])
            if isinstance(found, Answer):
                return found
            principal = found
        if (accept := headers.get(b"accept")) not in USUAL_MEDIA:
            turn.media = negotiate(accept)
        toll, caller = self._toll, principal.id
        turn.charge = toll.enter_now(caller) or await toll.enter(caller)
        if reads_only:
            request = request_from_query_string(scope["query_string"])
        else:
            if headers.get(b"content-type") != JSON or b"content-encoding" in headers:
                check_body_type(headers)
            take, most = scope.get(BODY), self._max_body_bytes
            body = None if take is None else take(most)
            if body is None:
                turn.step = "body"
                check_body_size(headers, max_body_bytes=most)
                if (body := await read_body(receive, max_body_bytes=most)) is None:
                    return None
            turn.body = body
            if self._kept.documents and (answer := self._again(turn, principal, body)) is not None:
                return answer
            request = request_from_body(body)
        known = self._documents.known(request)
        self._admission.enter(is_look_up=known is not None or self._documents.knows(request))
        try:
            if known is None:
                document = self._documents.find(request)
                if isinstance(document, RefusedDocument):
                    return _refused(turn, document, reads_only=reads_only)
                known = document
            turn.document_hash = known.short_hash
            operation = known.operations.get(request.operation_name)
            if operation is None:
                meant = known.operation(request.operation_name)
                if isinstance(meant, RefusedDocument):
                    return _refused(turn, meant, reads_only=reads_only)
                operation = meant
            if reads_only and operation.kind != "query":
                raise _only_queries()
            turn.operation = operation
            if (
                too_large := known.for_others
            ) is not None and INTROSPECTION not in principal.scopes:
                raise LimitExceededError(too_large.message, limit=too_large.limit)
            self._watch.receive_of[turn.task] = receive
            return await self._execute(turn, principal, known, operation, request.variables)
        finally:
            self._admission.leave()

    def _again(self, turn: Turn, principal: Principal, body: bytes) -> Answer | None:
        """Answer a question whose bytes came from the same caller before, if that is kept."""
        meant = self._repeated.find(principal, body)
        kept = None if meant is None else self._kept.find(meant.asked)
        if meant is None or kept is None:
            return None
        turn.operation, turn.document_hash = meant.operation, meant.document_hash
        turn.cost = ENTRY
        return self._told(turn, kept.data, (), kept.cost, kept.as_of)

    async def _execute(
        self,
        turn: Turn,
        principal: Principal,
        document: Document,
        operation: Operation,
        variables: Mapping[str, object],
    ) -> Answer:
        mask, hashed = self._guard.mask(principal), document.hash
        asked: AnswerKey | None = None
        if hashed in self._kept.documents:
            asked = answer_key(hashed, operation.name, mask, principal.visibility, variables)
            kept = None if asked is None else self._kept.find(asked)
            if kept is not None and asked is not None:
                # It is what the guard decided before: about this plan, mask and variables.
                turn.cost = ENTRY
                if turn.body:
                    meant = Meant(principal, asked, operation, document.short_hash)
                    self._repeated.remember(turn.body, meant)
                return self._told(turn, kept.data, (), kept.cost, kept.as_of)
        epoch = self._kept.epoch
        prepared = self._executor.prepare(
            document.ast, operation.node, variables, known_as=operation.known_as, mask=mask
        )
        if isinstance(prepared, Executed):
            return self._unanswered(turn, prepared)
        bill = self._guard.check(principal, prepared)
        toll, caller = self._toll, principal.id
        turn.charge = charge = toll.charge_now(caller, bill) or await toll.charge(caller, bill)
        context = self._make_context(
            principal,
            deadline=Deadline(turn.started + self._deadline_s, self._clock),
            correlation_id=turn.correlation_id,
        )
        turn.calls = calls = context.calls
        turn.step = "execution"
        executed = await self._executor.run(prepared, context)
        turn.cost = spent = bill.price.after(executed.counts)
        settled = toll.settle_now(charge, spent, calls)
        turn.charge = settled or await toll.settle(charge, spent, calls)
        data, errors = executed.json, executed.errors
        if bill.max_age_s > 0 and context.oldest is not None and data is not None and not errors:
            asked = asked or answer_key(
                hashed, operation.name, mask, principal.visibility, variables
            )
            good_s = (context.good_until - self._now()).total_seconds()
            if asked is not None and not context.is_flagged and good_s > 0:
                tags = frozenset(context.tags)
                ends_at = self._clock() + good_s
                answer = KeptAnswer(data, context.oldest, ends_at, bill.cost, tags)
                self._kept.put(asked, answer, epoch)
        return self._told(turn, data, errors, bill.cost, context.oldest)

    def _told(
        self,
        turn: Turn,
        data: bytes | None,
        errors: Sequence[Exception],
        cost: int,
        as_of: datetime | None,
    ) -> Answer:
        """Write what belongs to this request around the data."""
        told = cost, turn.cost
        headers: tuple[Header, ...] = ()
        if as_of is None:
            extensions = b'{"cost":{"requested":%d,"actual":%d}}' % told
        else:
            age = max(int((self._now() - as_of).total_seconds()), 0)
            extensions = b'{"cost":{"requested":%d,"actual":%d},"cache":{"age":%d}}' % (*told, age)
            headers = ((b"age", b"%d" % age),)
        if not errors:
            pieces = encode(data, (), extensions)
            return Answer(200, CONTENT_TYPES[turn.media], pieces, (), headers)
        return answered(
            data,
            errors,
            turn.media,
            correlation_id=turn.correlation_id,
            extensions=extensions,
            headers=headers,
        )

    def _unanswered(self, turn: Turn, executed: Executed) -> Answer:
        """Answer an operation of which nothing was run."""
        if executed.executed:
            return answered(
                executed.json, executed.errors, turn.media, correlation_id=turn.correlation_id
            )
        return refused(
            "BAD_VARIABLES", executed.errors, turn.media, correlation_id=turn.correlation_id
        )


def _reads_only(method: str) -> bool | None:
    """Tell a GET from others; None for OPTIONS, and besides a POST nothing else is served.

    HEAD is refused: it would have a question answered only to throw it away.
    """
    if method == "GET":
        return True
    if method == "OPTIONS":
        return None
    msg = "Send the question as a POST, or as a GET if it is a query."
    raise MethodNotAllowedError(msg)


def _refused(turn: Turn, why: RefusedDocument, *, reads_only: bool) -> Answer:
    """Answer a question that is refused for its document."""
    if reads_only and why.kinds - {OperationType.QUERY}:
        raise _only_queries()
    if why.limit is not None:
        raise LimitExceededError(why.errors[0].message, limit=why.limit)
    return refused(why.code, why.errors, turn.media, correlation_id=turn.correlation_id)


def _only_queries() -> MethodNotAllowedError:
    return MethodNotAllowedError("A GET can only read. Send this operation as a POST.")
