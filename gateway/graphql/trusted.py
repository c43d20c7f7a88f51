"""Trusted documents: what clients will ask is agreed on before, and asked for by its hash.

A manifest is JSON in one of two forms, both written by the tools that build clients:

    {"<sha256 of the text>": "query …", …}
    {"format": "apollo-persisted-query-manifest", "version": 1,
     "operations": [{"id": "…", "body": "query …", "name": "…", "type": "query"}, …]}

An id of 64 hexadecimal digits, also with `sha256:` before it, is the hash of its text
and is checked; any other id is a name of its owner's choice. A manifest is read once,
at the start. Nobody can add to it over HTTP: a store that callers may write to is one
that callers may fill.

Source: GraphQL over HTTP, appendix A (Persisted Documents).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.graphql import strict_json
from gateway.settings import SettingsError

MAX_MANIFEST_BYTES: Final = 16 * 1024 * 1024
MAX_ID_CHARS: Final = 128
APOLLO_FORMAT: Final = "apollo-persisted-query-manifest"

_SHA256: Final = re.compile("(?:sha256:)?([0-9a-fA-F]{64})")
_NAME: Final = re.compile("[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The texts that are trusted, by their ids.

    Attributes:
        texts: By id as `normal` gives it.
        only: Whether nothing else is answered.
        name: Where it was read from, for what is told of its documents.
    """

    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    only: bool = False
    name: str = ""


NO_MANIFEST: Final = Manifest()


def normal(name: str) -> str:
    """Bring the spellings of an id to one; a hash becomes 64 small digits."""
    found = _SHA256.fullmatch(name)
    return found[1].lower() if found else name


def names(name: str, text: str, manifest: Manifest) -> bool:
    """Tell whether an id, in its one spelling, is that of a text."""
    if _SHA256.fullmatch(name):
        return sha256(text.encode("utf-8", "surrogatepass")).hexdigest() == name
    return manifest.texts.get(name) == text


def read_manifest(path: Path, *, only: bool) -> Manifest:
    """Read a manifest.

    Raises:
        SettingsError: It cannot be read, or an entry is wrong: says which, and why.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        msg = f"The manifest {path} cannot be read: {error.strerror}."
        raise SettingsError(msg) from error
    if len(content) > MAX_MANIFEST_BYTES:
        msg = f"The manifest {path} is larger than {MAX_MANIFEST_BYTES} bytes."
        raise SettingsError(msg)
    try:
        told = strict_json.decode(content, where=f"manifest {path}")
    except strict_json.MalformedJsonError as error:
        where = ", ".join(f"{name} {value}" for name, value in error.facts.items())
        msg = f"{error.message} ({where})" if where else error.message
        raise SettingsError(msg) from error
    texts: dict[str, str] = {}
    for number, (name, text) in enumerate(_entries(told, path), 1):
        texts[_checked(name, text, f"Entry {number} of the manifest {path}", texts)] = str(text)
    return Manifest(texts, only, str(path))


def _entries(told: object, path: Path) -> Iterator[tuple[object, object]]:
    if not isinstance(told, dict):
        msg = f"The manifest {path} is not a JSON object."
        raise SettingsError(msg)
    if "format" not in told:
        yield from told.items()
        return
    operations = told.get("operations")
    if (
        told["format"] != APOLLO_FORMAT
        or str(told.get("version")) != "1"
        or not isinstance(operations, list)
    ):
        msg = (
            f"The manifest {path} has a `format`, and is not of `{APOLLO_FORMAT}`, version 1, "
            "with a list of `operations`."
        )
        raise SettingsError(msg)
    for one in operations:
        yield (one.get("id"), one.get("body")) if isinstance(one, dict) else (None, None)


def _checked(name: object, text: object, entry: str, known: Mapping[str, str]) -> str:
    """Give the id of an entry in its one spelling."""
    if not isinstance(name, str) or not isinstance(text, str):
        msg = f"{entry} is not an id and a text."
        raise SettingsError(msg)
    one = normal(name)
    if len(name) > MAX_ID_CHARS or not _NAME.fullmatch(one):
        msg = (
            f"{entry} has an id that is neither a SHA-256 nor a name of at most {MAX_ID_CHARS} "
            "letters, digits, `_`, `.` and `-`."
        )
        raise SettingsError(msg)
    if not names(one, text, Manifest({one: text})):
        msg = f"{entry} has the id {name}, which is not the SHA-256 of its text."
        raise SettingsError(msg)
    if known.get(one, text) != text:
        msg = f"{entry} has the id {name}, which another text has too."
        raise SettingsError(msg)
    return one
