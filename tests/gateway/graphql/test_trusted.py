"""Trusted documents: a manifest read once, documents asked for by name, nothing added later."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema

from gateway.graphql import documents
from gateway.graphql.documents import Document, Documents, RefusedDocument
from gateway.graphql.request import DocumentName, GraphQLRequest
from gateway.graphql.trusted import (
    MAX_MANIFEST_BYTES,
    NO_MANIFEST,
    Manifest,
    normal,
    read_manifest,
)
from gateway.settings import SettingsError

SCHEMA = build_schema("type Query { a: Int b: Int }")
QUERY = "query A { a }"
HASH = sha256(QUERY.encode()).hexdigest()
OTHER = sha256(b"{b}").hexdigest()


def written(folder: Path, content: object) -> Path:
    """Write a manifest."""
    path = folder / "manifest.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def named(name: str, query: str = "", *, is_apollo: bool = False) -> GraphQLRequest:
    """Ask for a document by its name."""
    return GraphQLRequest(query, document=DocumentName(normal(name), is_apollo))


def shelf(texts: dict[str, str] | None = None, *, only: bool = False) -> Documents:
    """Give documents of which some are trusted."""
    trusted = texts or {HASH: QUERY}
    return Documents(SCHEMA, manifest=Manifest(trusted, only, "m.json"))


@pytest.mark.parametrize(
    "content",
    [
        {HASH: QUERY, "page_7.b-c": "{b}"},
        {f"sha256:{HASH}": QUERY, "page_7.b-c": "{b}"},
        {HASH.upper(): QUERY, HASH: QUERY, "page_7.b-c": "{b}"},
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [
                {"id": HASH, "body": QUERY, "name": "A", "type": "query"},
                {"id": "page_7.b-c", "body": "{b}", "name": "", "type": "query"},
            ],
        },
    ],
)
def test_a_manifest_is_read_in_both_forms(tmp_path: Path, content: dict[str, Any]) -> None:
    """By the hash of a text, in any spelling, or by a name of its owner's choice."""
    path = written(tmp_path, content)

    assert read_manifest(path, only=True) == Manifest(
        {HASH: QUERY, "page_7.b-c": "{b}"}, only=True, name=str(path)
    )


APOLLO = {"format": "apollo-persisted-query-manifest", "version": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "The manifest PATH is not a JSON object."),
        (
            '{"a": "{a}", "a": "{b}"}',
            (
                "The manifest PATH has a member twice in one object. "
                "Which one is meant is not clear. (member a)"
            ),
        ),
        ("{", "The manifest PATH is not JSON"),
        ({HASH: QUERY, OTHER: QUERY}, f"Entry 2 of the manifest PATH has the id {OTHER}, which is"),
        ({"a": 7}, "Entry 1 of the manifest PATH is not an id and a text."),
        ({"a b": "{a}"}, "Entry 1 of the manifest PATH has an id that is neither"),
        ({"": "{a}"}, "Entry 1 of the manifest PATH has an id that is neither"),
        ({"md5:1": "{a}"}, "Entry 1 of the manifest PATH has an id that is neither"),
        ({"x" * 129: "{a}"}, "Entry 1 of the manifest PATH has an id that is neither"),
        ({"format": "other", "version": 1, "operations": []}, "The manifest PATH has a `format`"),
        ({**APOLLO, "version": 2, "operations": []}, "The manifest PATH has a `format`"),
        (APOLLO, "The manifest PATH has a `format`"),
        ({**APOLLO, "operations": ["{a}"]}, "Entry 1 of the manifest PATH is not an id and"),
        (
            {**APOLLO, "operations": [{"id": "p", "body": "{a}"}, {"id": "p", "body": "{b}"}]},
            "Entry 2 of the manifest PATH has the id p, which another text has too.",
        ),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_by_name_and_place(
    tmp_path: Path, content: object, message: str
) -> None:
    """Whoever made it finds the entry."""
    path = written(tmp_path, content)
    with pytest.raises(SettingsError) as caught:
        read_manifest(path, only=False)

    assert caught.value.message.startswith(message.replace("PATH", str(path)))


def test_a_manifest_that_is_not_there_or_too_large_is_a_sentence(tmp_path: Path) -> None:
    """Never a traceback."""
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (MAX_MANIFEST_BYTES + 1))
    with pytest.raises(SettingsError, match="cannot be read: No such file or directory"):
        read_manifest(tmp_path / "none.json", only=False)
    with pytest.raises(SettingsError, match=f"is larger than {MAX_MANIFEST_BYTES} bytes"):
        read_manifest(large, only=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "The document p of the manifest m.json, line 1, column 2: Syntax Error"),
        ("{ c }", "The document p of the manifest m.json, line 1, column 3: Cannot query field"),
        ("#" * 20_000, "The document p of the manifest m.json, line 1, column 16385: The document"),
    ],
)
def test_a_trusted_document_must_be_one_that_would_be_answered(text: str, message: str) -> None:
    """It is found out when the gateway starts, not when somebody asks."""
    with pytest.raises(SettingsError) as caught:
        shelf({"p": text})

    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("request_", [named(HASH), named(f"sha256:{HASH}"), named(HASH, QUERY)])
def test_a_trusted_document_is_found_by_its_name_and_never_read_again(
    request_: GraphQLRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its text or without."""
    trusted = shelf()
    monkeypatch.setattr(documents, "parse", None)
    found = trusted.find(request_)

    assert isinstance(found, Document)
    assert found.hash == HASH
    assert trusted.find(GraphQLRequest(QUERY)) is found


def test_a_trusted_document_is_never_pushed_out() -> None:
    """Whatever else is asked: other documents have a shelf of their own."""
    trusted = Documents(SCHEMA, manifest=Manifest({"p": QUERY}), max_bytes=10_000)
    found = trusted.find(named("p"))
    for number in range(50):
        trusted.get(f"{{ x{number}: b }}")

    assert trusted.find(named("p")) is found


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (named(OTHER), "DOCUMENT_NOT_FOUND", "No trusted document has this id."),
        (named("nobody"), "DOCUMENT_NOT_FOUND", "No trusted document has this id."),
        (named(OTHER, is_apollo=True), "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound"),
        (named(HASH, "{b}"), "DOCUMENT_MISMATCH", "The text of the document is not the one"),
        (named("p", "{b}"), "DOCUMENT_MISMATCH", "The text of the document is not the one"),
        (named(HASH, "{b}\ud800"), "DOCUMENT_MISMATCH", "The text of the document is not"),
    ],
)
def test_a_name_that_means_nothing_is_refused(
    request_: GraphQLRequest, code: str, message: str
) -> None:
    """In the words its asker looks for."""
    found = shelf({HASH: QUERY, "p": QUERY}).find(request_)

    assert isinstance(found, RefusedDocument)
    assert found.code == code
    assert found.errors[0].message.startswith(message)


def test_a_text_sent_with_its_hash_is_answered_and_not_remembered_by_it() -> None:
    """Nobody adds to the manifest by asking."""
    trusted = shelf()
    sent = trusted.find(named(OTHER, "{b}", is_apollo=True))
    again = trusted.find(named(OTHER, is_apollo=True))

    assert isinstance(sent, Document)
    assert isinstance(again, RefusedDocument)


def test_where_only_trusted_documents_are_answered_no_other_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its text or by its hash; the text of a trusted one is as good as its name."""
    trusted = shelf(only=True)
    monkeypatch.setattr(documents, "parse", None)
    refused = [
        trusted.find(request)
        for request in (
            GraphQLRequest("{b}"),
            GraphQLRequest("{" * 50_000),
            named(OTHER, "{b}", is_apollo=True),
        )
    ]

    assert [one.code for one in refused if isinstance(one, RefusedDocument)] == [
        "DOCUMENT_NOT_TRUSTED"
    ] * 3
    assert isinstance(trusted.find(GraphQLRequest(QUERY)), Document)
    assert isinstance(trusted.find(named(HASH)), Document)


def test_without_a_manifest_nothing_is_trusted_and_everything_is_read() -> None:
    """As it was before there were manifests."""
    plain = Documents(SCHEMA)

    assert Manifest() == NO_MANIFEST
    assert isinstance(plain.find(GraphQLRequest("{b}")), Document)
    assert isinstance(plain.find(named(HASH)), RefusedDocument)
