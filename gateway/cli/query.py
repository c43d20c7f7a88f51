"""`orderline query`: one question to a running gateway, and its answer."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx2
import typer

from gateway.cli.table import print_table
from orderlines.errors import GatewayError

TIMEOUT_S: Final = 30.0
ACCEPT: Final = "application/graphql-response+json, application/json;q=0.9"

WHOLE: Final = 0
REFUSED: Final = 1
PARTIAL: Final = 3


class NoAnswerError(GatewayError):
    """The gateway could not be asked, or said something that is no answer."""

    code: ClassVar[str] = "NO_ANSWER"


def run_query(
    file: str, *, variables: str | None, key: str | None, url: str, as_table: bool
) -> int:
    """Ask, print, and say by the exit code how whole the answer is."""
    body = {"query": read_document(file), "variables": read_variables(variables)}
    answer = ask(url, body, key)
    data, errors = answer.get("data"), answer.get("errors") or []
    if as_table and data is not None:
        print_table(data, errors)
    else:
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    if data is None:
        return REFUSED
    return PARTIAL if errors else WHOLE


def ask(url: str, body: Mapping[str, object], key: str | None) -> dict[str, Any]:
    """Send one request and take the answer, whatever its status.

    Raises:
        NoAnswerError: There was none, or it is not JSON.
    """
    headers = {"accept": ACCEPT}
    if key:
        headers["authorization"] = f"Bearer {key}"
    try:
        response = httpx2.post(url, json=body, headers=headers, timeout=TIMEOUT_S)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        msg = f"{url} does not answer ({type(error).__name__}). Is the gateway running there?"
        raise NoAnswerError(msg, detail=str(error)) from error
    try:
        answer = response.json()
    except ValueError as error:
        msg = f"{url} answered with status {response.status_code} and no JSON. Is it the gateway?"
        raise NoAnswerError(msg) from error
    if not isinstance(answer, dict):
        msg = f"{url} answered with JSON that is no GraphQL answer. Is it the gateway?"
        raise NoAnswerError(msg)
    return answer


def read_document(file: str) -> str:
    """Read a document from a file, or from standard input for `-`.

    Raises:
        BadParameter: It is no text.
    """
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file} cannot be read as text."
        raise typer.BadParameter(msg, param_hint="FILE") from error


def read_variables(text: str | None) -> dict[str, Any]:
    """Read variables from JSON; none at all from None.

    Raises:
        BadParameter: It is no JSON object.
    """
    if text is None:
        return {}
    try:
        variables = json.loads(text)
    except ValueError as error:
        msg = f"It is not JSON: {error}."
        raise typer.BadParameter(msg, param_hint="--variables") from error
    if not isinstance(variables, dict):
        msg = "It is not a JSON object."
        raise typer.BadParameter(msg, param_hint="--variables")
    return variables
