"""Everything that can be configured, decoded once from `orderline.toml`.

A field that does not exist, a value of the wrong type or out of range is refused
by name and place. A text may take `${NAME}` from the environment, and
`file:PATH` from a file beside the configuration: secrets need not stand in it.

    [gateway]
    port = 8000

    [auth]
    pepper = "${ORDERLINE_PEPPER}"

    [store]
    path = "orderline.sqlite"

    [backends.erp]
    kind = "…"
    url = "https://erp.example/odata"
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from backends.settings import BackendSettings
from orderlines.errors import GatewayError
from policies.settings import AuthSettings, LimitSettings, ThrottleSettings

MAX_SECRET_BYTES: Final = 65_536

_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_FILE: Final = "file:"

T = TypeVar("T")

BackendName: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class SettingsError(GatewayError):
    """The configuration cannot be used as it stands."""

    code: ClassVar[str] = "BAD_SETTINGS"


class DocumentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The documents that are trusted.

    Attributes:
        manifest: Path of their manifest; relative to the configuration.
        trusted_only: Whether no other document is answered.
    """

    manifest: Annotated[str, Meta(min_length=1)] | None = None
    trusted_only: bool = False

    def __post_init__(self) -> None:
        """Refuse to answer nothing at all."""
        if self.trusted_only and self.manifest is None:
            msg = "`trusted_only` without a `manifest` would answer no question"
            raise ValueError(msg)


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the gateway proves itself by.

    Attributes:
        certificate: Path of the certificate chain; relative to the configuration.
        key: Path of its private key; relative to the configuration.
    """

    certificate: Annotated[str, Meta(min_length=1)]
    key: Annotated[str, Meta(min_length=1)]


class GatewaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The door.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        deadline_s: Seconds a question may take from its first header to its answer.
        max_body_bytes: Larger request bodies are refused.
        drain_delay_s: Seconds between the signal to stop, when `/readyz` becomes 503, and
            the moment from which nobody is let in any more.
        log_level: The least level that is logged.
        log_file: Where the log goes; standard error if absent.
        documents: The documents that are trusted.
        refused_fields: What a field does that the caller's scopes do not allow: it is
            null with an error (`filter`), or refuses the operation (`reject`).
        max_in_progress: Operations in progress at once, where none has to wait for others;
            where they do it becomes less by itself.
        tls: Certificate and key, where the gateway speaks TLS itself.
        behind_proxy: Whether something in front of it does, and nobody reaches it but that.
    """

    host: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    deadline_s: Annotated[float, Meta(gt=0, le=60)] = 2.0
    max_body_bytes: Annotated[int, Meta(ge=1_024, le=16_777_216)] = 131_072
    drain_delay_s: Annotated[float, Meta(ge=0, le=60)] = 5.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: str | None = None
    documents: DocumentSettings = DocumentSettings()
    refused_fields: Literal["filter", "reject"] = "filter"
    max_in_progress: Annotated[int, Meta(ge=1, le=100_000)] = 512
    tls: TlsSettings | None = None
    behind_proxy: bool = False


class MetricsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where metrics are served, apart from questions.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; without it nothing is served, and 0 takes a free one.
    """

    host: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] | None = None


class CacheSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is kept for callers who allow it.

    Attributes:
        readings_mb: Memory for what systems answered.
        answers_mb: Memory for whole answers.
        redis: Where several processes share readings; each keeps its own without it.
    """

    readings_mb: Annotated[int, Meta(ge=1, le=65_536)] = 64
    answers_mb: Annotated[int, Meta(ge=1, le=65_536)] = 64
    redis: Annotated[str, Meta(pattern=r"^rediss?://", max_length=2048)] | None = None


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the gateway keeps what is its own.

    Attributes:
        path: A file of SQLite; relative to the configuration.
    """

    path: Annotated[str, Meta(min_length=1)] = "orderline.sqlite"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file: the door, the guard, the store, and the systems by their names."""

    gateway: GatewaySettings = GatewaySettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    throttle: ThrottleSettings = ThrottleSettings()
    store: StoreSettings = StoreSettings()
    metrics: MetricsSettings = MetricsSettings()
    cache: CacheSettings = CacheSettings()
    backends: dict[BackendName, BackendSettings] = {}


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read a configuration file.

    Raises:
        SettingsError: Says what is wrong, and where.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        msg = f"The configuration {path} cannot be read: {error.strerror}."
        raise SettingsError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"The configuration {path} is not UTF-8."
        raise SettingsError(msg) from error
    return parse_settings(text, environ, directory=path.parent)


def parse_settings(text: str, environ: Mapping[str, str], *, directory: Path) -> Settings:
    """Read a configuration.

    Args:
        text: TOML.
        environ: What `${NAME}` is taken from.
        directory: What a relative path starts at.

    Raises:
        SettingsError: Says what is wrong, and where.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"The configuration is not TOML: {error}."
        raise SettingsError(msg) from error
    filled = _fill(document, "$", environ, directory)
    _check_backends(filled)
    return _beside(_convert(filled, Settings), directory)


def _beside(settings: Settings, directory: Path) -> Settings:
    """Let paths start at the configuration."""
    settings = replace(settings, store=StoreSettings(path=str(directory / settings.store.path)))
    door = settings.gateway
    if door.tls is not None:
        tls = TlsSettings(
            certificate=str(directory / door.tls.certificate), key=str(directory / door.tls.key)
        )
        door = replace(door, tls=tls)
    if door.documents.manifest is not None:
        manifest = str(directory / door.documents.manifest)
        door = replace(door, documents=replace(door.documents, manifest=manifest))
    return replace(settings, gateway=door)


def _convert(value: object, kind: type[T], place: str = "$") -> T:
    try:
        # Not strict: what comes from the environment is text, whatever it means.
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        told = str(error)
        if place != "$":
            told = told.replace("`$", f"`{place}") if "`$" in told else f"{told} - at `{place}`"
        msg = f"The configuration is wrong: {told}."
        raise SettingsError(msg) from error


def _check_backends(filled: object) -> None:
    """Look at each system by itself: of all together it is only told that one is wrong."""
    tables = filled.get("backends") if isinstance(filled, dict) else None
    if isinstance(tables, dict):
        for name, table in tables.items():
            _convert(table, BackendSettings, f"$.backends.{name}")


def _fill(value: object, place: str, environ: Mapping[str, str], directory: Path) -> object:
    """Put in what stands elsewhere. What is put in is not looked at again."""
    if isinstance(value, dict):
        return {
            name: _fill(one, f"{place}.{name}", environ, directory) for name, one in value.items()
        }
    if isinstance(value, list):
        return [
            _fill(one, f"{place}[{index}]", environ, directory) for index, one in enumerate(value)
        ]
    if not isinstance(value, str):
        return value
    if value.startswith(_FILE):
        return _secret(directory / value.removeprefix(_FILE), place)

    def variable(found: re.Match[str]) -> str:
        name = found[1]
        if name not in environ:
            msg = f"The environment has no variable {name}, which {place} takes its value from."
            raise SettingsError(msg)
        return environ[name]

    return _VARIABLE.sub(variable, value)


def _secret(path: Path, place: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        msg = f"The file {path}, which {place} takes its value from, cannot be read: {reason}."
        raise SettingsError(msg) from error
    if len(text) > MAX_SECRET_BYTES:
        msg = f"The file {path}, which {place} takes its value from, is too long for a value."
        raise SettingsError(msg)
    return text.removesuffix("\n").removesuffix("\r")
