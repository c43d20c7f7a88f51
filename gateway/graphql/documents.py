"""From text to a document that is known to fit the schema, once per text.

A document is capped, parsed and validated on first sight; later requests with the
same text pay for one look-up. What was refused is remembered too, on a small shelf
of its own, so that bad documents never push out good ones.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Generic, TypeVar

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
    """

    code: str
    errors: tuple[GraphQLError, ...]
    kinds: frozenset[OperationType] = _QUERY_ONLY


@dataclass(frozen=True, slots=True)
class Document:
    """A document that fits the schema.

    Attributes:
        short_hash: First 12 hex digits of the text's SHA-256, for the log.
        operations: By name; an operation without a name stands under None.
    """

    ast: DocumentNode
    text: str
    short_hash: str
    operations: Mapping[str | None, OperationDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode | RefusedDocument:
        """Find the operation a request means; without a name, the only one there is."""
        if name is not None:
            found = self.operations.get(name)
        elif len(self.operations) == 1:
            (found,) = self.operations.values()
        else:
            found = None
        if found is not None:
            return found
        candidates = list(self.operations.values())[:MAX_LISTED_ERRORS]
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
        max_bytes: Bound of the memory held for good documents, as estimated.
        max_refused_bytes: The same for refused ones.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        max_bytes: int = 32 * 1024 * 1024,
        max_refused_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        self._schema = schema
        self._good: _Shelf[Document] = _Shelf(max_bytes)
        self._refused: _Shelf[RefusedDocument] = _Shelf(max_refused_bytes)

    def get(self, text: str) -> Document | RefusedDocument:
        """Give the document of a text, from memory if it was seen before."""
        known = self._good.get(text) or self._refused.get(text)
        if known is not None:
            return known
        if len(text) > MAX_CHARS:
            return _too_long(text)
        document = self._read(text)
        if isinstance(document, Document):
            self._good.put(text, document)
        else:
            self._refused.put(text, document)
        return document

    def _read(self, text: str) -> Document | RefusedDocument:
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
        errors = validate(self._schema, ast, max_errors=MAX_LISTED_ERRORS, hide_suggestions=True)
        if errors:
            return RefusedDocument("GRAPHQL_VALIDATION_FAILED", _listed(errors, ast), kinds)
        return Document(
            ast,
            text,
            sha256(text.encode()).hexdigest()[:12],
            {one.name.value if one.name else None: one for one in operations},
        )


def _listed(errors: Sequence[GraphQLError], ast: DocumentNode) -> tuple[GraphQLError, ...]:
    """Keep the errors that say where; the last may only say that there are more."""
    placed = tuple(error for error in errors if error.locations)[:MAX_LISTED_ERRORS]
    return placed or (GraphQLError(errors[0].message, ast.definitions[0]),)


def _too_long(text: str) -> RefusedDocument:
    source = Source(text[:MAX_CHARS])
    error = GraphQLError(
        "The document is longer than this gateway reads.", source=source, positions=[MAX_CHARS]
    )
    return RefusedDocument("DOCUMENT_TOO_LONG", (error,))


V = TypeVar("V")


class _Shelf(Generic[V]):
    """The most recently used values by text, within an estimated number of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, text: str) -> V | None:
        value = self._values.get(text)
        if value is not None:
            self._values.move_to_end(text)
        return value

    def put(self, text: str, value: V) -> None:
        self._values[text] = value
        self._bytes += _cost(text)
        while self._bytes > self._max_bytes:
            oldest, _ = self._values.popitem(last=False)
            self._bytes -= _cost(oldest)


def _cost(text: str) -> int:
    return COST_FIXED + COST_PER_CHAR * len(text)
