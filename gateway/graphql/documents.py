"""From text to a document that is known to fit the schema, once per text.

A document is capped, parsed and validated on first sight; later requests with the
same text pay for one look-up. What was refused is remembered too, on a small shelf
of its own, so that bad documents never push out good ones. Trusted documents are read
when the gateway starts, and stay.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Generic, TypeVar

import msgspec
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    Source,
    parse,
    validate,
)

from gateway.graphql.merge_rule import RULES
from gateway.graphql.request import DocumentName, GraphQLRequest
from gateway.graphql.trusted import NO_MANIFEST, Manifest, names
from gateway.settings import SettingsError
from policies.limits import Exceeded, exceeded, measure
from policies.settings import LimitSettings

MAX_CHARS: Final = 16_384
MAX_TOKENS: Final = 2_000
MAX_LISTED_ERRORS: Final = 5

# Measured with tracemalloc: a parsed document takes 90 bytes per character where
# names are long, and 160 where every other character is a token.
COST_PER_CHAR: Final = 160
COST_FIXED: Final = 2_048

_QUERY_ONLY: Final = frozenset({OperationType.QUERY})


@dataclass(frozen=True, slots=True)
class RefusedDocument:
    """A document that is not executed.

    Attributes:
        code: Why, as one of the stable codes.
        errors: Up to `MAX_LISTED_ERRORS`, each with its place in the text.
        kinds: The kinds of operation found in it, as far as it could be parsed.
        limit: The limit that it exceeds, if that is why.
    """

    code: str
    errors: tuple[GraphQLError, ...]
    kinds: frozenset[OperationType] = _QUERY_ONLY
    limit: str | None = None


class Operation(msgspec.Struct, frozen=True):
    """An operation of a document, and what every request for it says of it.

    Attributes:
        kind: Query, mutation or subscription, in these words.
        known_as: The hash of its document's text, and its name.
    """

    node: OperationDefinitionNode
    name: str | None
    kind: str
    known_as: tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Document:
    """A document that fits the schema.

    Attributes:
        hash: SHA-256 of the text, in hexadecimal digits.
        short_hash: As it stands in the log.
        operations: By name; an operation without a name stands under None.
        for_others: The limit it exceeds for callers who may not look at the schema.
    """

    ast: DocumentNode
    hash: str
    operations: Mapping[str | None, Operation]
    for_others: Exceeded | None = None
    short_hash: str = field(init=False)

    def __post_init__(self) -> None:
        """Cut the hash once: every request asks for it."""
        object.__setattr__(self, "short_hash", self.hash[:12])

    def operation(self, name: str | None) -> Operation | RefusedDocument:
        """Find the operation a request means; without a name, the only one there is."""
        if name is not None:
            found = self.operations.get(name)
        elif len(self.operations) == 1:
            (found,) = self.operations.values()
        else:
            found = None
        if found is not None:
            return found
        candidates = [one.node for one in self.operations.values()][:MAX_LISTED_ERRORS]
        message = (
            "The document has more than one operation; say which one in operationName."
            if name is None
            else "The document has no operation of the name given in operationName."
        )
        return RefusedDocument("OPERATION_NOT_FOUND", (GraphQLError(message, candidates),))


class Documents:
    """The documents seen lately, by their text.

    Args:
        schema: What documents must fit.
        manifest: The documents that are trusted.
        limits: How large a document may be.
        max_bytes: Bound of the memory held for good documents, as estimated.
        max_refused_bytes: The same for refused ones.

    Raises:
        SettingsError: A trusted document is none that would be answered.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        manifest: Manifest = NO_MANIFEST,
        limits: LimitSettings = LimitSettings(),  # noqa: B008 - it never changes
        max_bytes: int = 32 * 1024 * 1024,
        max_refused_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        self._schema = schema
        self._good: _Shelf[Document] = _Shelf(max_bytes)
        self._refused: _Shelf[RefusedDocument] = _Shelf(max_refused_bytes)
        self._manifest = manifest
        self._limits = limits
        self._trusted = {text: self._trust(name, text) for name, text in manifest.texts.items()}

    def known(self, request: GraphQLRequest) -> Document | None:
        """Give the document a request sends, if it was found good before and has no name."""
        if request.document is not None:
            return None
        text, good = request.query, self._good.values
        found = good.get(text)
        if found is None:
            return self._trusted.get(text)
        good.move_to_end(text)
        return found

    def find(self, request: GraphQLRequest) -> Document | RefusedDocument:
        """Give the document a request means, by its text or by its name."""
        name, text = request.document, request.query
        if name is None:
            return self.get(text)
        trusted = self._manifest.texts.get(name.id)
        if text and not names(name.id, text, self._manifest):
            message = "The text of the document is not the one that its id stands for."
            return RefusedDocument("DOCUMENT_MISMATCH", (GraphQLError(message),))
        if trusted is None:
            return self.get(text) if text else _unknown(name)
        return self._trusted[trusted]

    def knows(self, request: GraphQLRequest) -> bool:
        """Tell whether a request names, or sends, a document that was found good before."""
        name, text = request.document, request.query
        if name is not None and name.id in self._manifest.texts:
            return True
        return text in self._trusted or self._good.get(text) is not None

    def get(self, text: str) -> Document | RefusedDocument:
        """Give the document of a text, from memory if it was seen before."""
        known = self._trusted.get(text) or self._good.get(text) or self._refused.get(text)
        if known is not None:
            return known
        if self._manifest.only:
            message = "Only documents that were agreed on before are answered here."
            return RefusedDocument("DOCUMENT_NOT_TRUSTED", (GraphQLError(message),))
        document = self._read(text)
        if isinstance(document, Document):
            self._good.put(text, document)
        elif document.code != "DOCUMENT_TOO_LONG":  # that is found out faster than remembered
            self._refused.put(text, document)
        return document

    def _trust(self, name: str, text: str) -> Document:
        document = self._read(text)
        if isinstance(document, Document):
            return document
        (first, *_) = document.errors
        where = "".join(f", line {one.line}, column {one.column}" for one in first.locations or ())
        msg = f"The document {name} of the manifest {self._manifest.name}{where}: {first.message}"
        raise SettingsError(msg)

    def _read(self, text: str) -> Document | RefusedDocument:
        if len(text) > MAX_CHARS:
            return _too_long(text)
        try:
            ast = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_TOKENS)
        except GraphQLSyntaxError as error:
            # The frames of the parser would stay alive as long as the error does.
            error.__context__ = None
            return RefusedDocument("GRAPHQL_PARSE_FAILED", (error.with_traceback(None),))
        operations = [
            definition
            for definition in ast.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]
        kinds = frozenset(operation.operation for operation in operations)
        measures = measure(ast)
        if isinstance(measures, Exceeded):
            return _too_large(measures, ast, kinds)
        too_much = exceeded(measures, self._limits, may_look=True)
        if too_much is not None:
            return _too_large(too_much, ast, kinds)
        errors = validate(
            self._schema, ast, RULES, max_errors=MAX_LISTED_ERRORS, hide_suggestions=True
        )
        if errors:
            return RefusedDocument("GRAPHQL_VALIDATION_FAILED", _listed(errors, ast), kinds)
        hashed = sha256(text.encode()).hexdigest()
        told = (operation_of(node, hashed) for node in operations)
        too_much = exceeded(measures, self._limits, may_look=False)
        return Document(ast, hashed, {one.name: one for one in told}, too_much)


def operation_of(node: OperationDefinitionNode, hashed: str) -> Operation:
    """Read what is told of an operation of a document with this hash."""
    name = node.name.value if node.name else None
    return Operation(node, name, node.operation.value, (hashed, name))


def _listed(errors: Sequence[GraphQLError], ast: DocumentNode) -> tuple[GraphQLError, ...]:
    """Keep the errors that say where; the last may only say that there are more."""
    placed = tuple(error for error in errors if error.locations)[:MAX_LISTED_ERRORS]
    return placed or (GraphQLError(errors[0].message, ast.definitions[0]),)


def _too_large(
    why: Exceeded, ast: DocumentNode, kinds: frozenset[OperationType]
) -> RefusedDocument:
    error = GraphQLError(why.message, ast.definitions[0])
    return RefusedDocument("LIMIT_EXCEEDED", (error,), kinds, why.limit)


def _unknown(name: DocumentName) -> RefusedDocument:
    """Say that there is no such trusted document, in the words its asker looks for."""
    if name.is_apollo:
        return RefusedDocument(
            "PERSISTED_QUERY_NOT_FOUND", (GraphQLError("PersistedQueryNotFound"),)
        )
    message = "No trusted document has this id."
    return RefusedDocument("DOCUMENT_NOT_FOUND", (GraphQLError(message),))


def _too_long(text: str) -> RefusedDocument:
    source = Source(text[:MAX_CHARS])
    error = GraphQLError(
        "The document is longer than this gateway reads.", source=source, positions=[MAX_CHARS]
    )
    return RefusedDocument("DOCUMENT_TOO_LONG", (error,))


V = TypeVar("V")


class _Shelf(Generic[V]):
    """The most recently used values by text, within an estimated number of bytes.

    Attributes:
        values: All of them, the one used last at the end.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self.values: OrderedDict[str, V] = OrderedDict()

    def get(self, text: str) -> V | None:
        value = self.values.get(text)
        if value is not None:
            self.values.move_to_end(text)
        return value

    def put(self, text: str, value: V) -> None:
        self.values[text] = value
        self._bytes += _cost(text)
        while self._bytes > self._max_bytes:
            oldest, _ = self.values.popitem(last=False)
            self._bytes -= _cost(oldest)


def _cost(text: str) -> int:
    return COST_FIXED + COST_PER_CHAR * len(text)
