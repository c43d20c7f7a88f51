"""A scenario page: prose, a question, and the whole answer, in one Markdown file.

A page holds fenced blocks. `graphql` is the question, `json variables` its
variables, `json fault SYSTEM` a fault that one system has meanwhile, and
`json answer` all of what must come back. What differs from run to run is written
as its kind: `"<instant>"`, `"<id>"`, `"<milliseconds>"`.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"^```(?P<what>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGING = {"asOf": "<instant>", "correlationId": "<id>"}


@dataclass(frozen=True, slots=True)
class Page:
    """One scenario.

    Attributes:
        faults: The fault of each system that has one.
        answer: What must come back; None if the page does not have it yet.
    """

    path: Path
    query: str
    variables: dict[str, Any]
    faults: dict[str, dict[str, Any]]
    answer: dict[str, Any] | None

    def with_answer(self, answer: dict[str, Any]) -> str:
        """Give the page's text with this answer in place of its own."""
        block = "```json answer\n" + json.dumps(answer, indent=2, ensure_ascii=False) + "\n```"
        text = self.path.read_text(encoding="utf-8")
        if self.answer is None:
            return text.rstrip() + "\n\n" + block + "\n"
        return re.sub(
            r"^```json answer\n.*?^```$", lambda _: block, text, flags=re.MULTILINE | re.DOTALL
        )


def read_page(path: Path) -> Page:
    """Read a page; one without a question is refused."""
    blocks = {found["what"].strip(): found["text"] for found in _FENCE.finditer(path.read_text())}
    faults = {
        what.removeprefix("json fault "): json.loads(text)
        for what, text in blocks.items()
        if what.startswith("json fault ")
    }
    answer = blocks.get("json answer")
    return Page(
        path,
        blocks["graphql"],
        json.loads(blocks.get("json variables", "{}")),
        faults,
        None if answer is None else json.loads(answer),
    )


def settled(answer: dict[str, Any]) -> dict[str, Any]:
    """Bring an answer into the form pages are written in.

    What differs from run to run becomes its kind. Errors are listed by position,
    because their order is that in which systems happened to answer.
    """
    plain: dict[str, Any] = _plain(answer)
    if "errors" in plain:
        plain["errors"].sort(key=lambda error: json.dumps(error.get("path", error["message"])))
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {
            key: _CHANGING[key] if key in _CHANGING and inner is not None else _plain(inner)
            for key, inner in value.items()
        }
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
