"""Settings: what `acteon.toml` and the environment say, as frozen values, with an error that names file, key and line.

The dataclasses below are the one description of the keys: their fields, types, defaults and rules drive the reading of
the file, of the environment and the error texts. An Acteon server's own file is accepted as it is: sections of its
other parts and `ssl_*` keys are passed over. What the settings mean for a table or a client is left to `schema` and
`client`. No message ever repeats a value, except where it is one of a few words (`backend`, `mode`).
"""

from __future__ import annotations

import difflib
import os
import re
import types
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from audit_core import addresses
from audit_core.configkeys import KeyPath, between, each, keys_of, matches, rule
from audit_core.errors import SettingsError
from audit_core.tomlfile import TomlFile, read_toml

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

__all__ = [
    "AuditSettings",
    "Backend",
    "ComplianceMode",
    "ComplianceSettings",
    "DashboardSettings",
    "RedactSettings",
    "Settings",
    "load_settings",
]

Backend = Literal["dynamodb", "memory"]
ComplianceMode = Literal["none", "soc2", "hipaa"]

DEFAULT_FILE = "acteon.toml"
FILE_VARIABLE = "AUDIT_CONFIG"
MAX_LIFETIME_SECONDS = 100 * 365 * 86_400
MAX_PAGE_SIZE = 1000
MODE_FLAGS: Mapping[ComplianceMode, tuple[bool, bool, bool]] = types.MappingProxyType(
    {"none": (False, False, False), "soc2": (True, False, True), "hipaa": (True, True, True)}
)


_LIFETIME = f"from 1 to {MAX_LIFETIME_SECONDS} seconds (100 years)"


def _is_name(text: str) -> bool:
    """Whether a field to be redacted can be meant: JSON in an environment variable would name nothing, in silence."""
    return bool(text.strip()) and not set(text) & set('[]{}"')


@dataclass(frozen=True, slots=True)
class RedactSettings:
    """`[audit.redact]`: `fields` are names or dotted paths, compared without regard to case."""

    enabled: bool = False
    fields: tuple[str, ...] = field(default=(), metadata=rule(each(_is_name), "a list of names or dotted paths"))
    placeholder: str = "[REDACTED]"


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """`[audit]`: where the records are, and how new ones are written.

    `ttl_seconds` is the lifetime of a new record in seconds, `None` for ever. TOML has no null, so a file says for
    ever with 0: a record cannot be appended with a lifetime of 0 (FORMAT 6.1). `cleanup_interval_seconds` is accepted
    and not used, since native TTL does that work. `enabled = False` reads and refuses to write.
    """

    enabled: bool = True
    backend: Backend = field(
        default="dynamodb",
        metadata={"mend": "This dashboard reads DynamoDB tables only; for another store use that server's own tools."},
    )
    url: str | None = field(default=None, metadata=rule(addresses.is_endpoint_url, addresses.ENDPOINT_URL_RULE))
    region: str = field(
        default="us-east-1",
        metadata=rule(matches(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"), "the name of a region, such as us-east-1"),
    )
    table_name: str = field(
        default="acteon_audit",
        metadata=rule(matches(r"[A-Za-z0-9_.-]{3,255}"), "3 to 255 characters out of A-Z, a-z, 0-9, '_', '.', '-'"),
    )
    prefix: str = field(
        default="acteon_",
        metadata=rule(
            matches(r"(?!SEQ#)[ -~]{1,64}"), "1 to 64 characters of printable ASCII that do not start with SEQ#"
        ),
    )
    ttl_seconds: int | None = field(
        default=2_592_000,
        metadata=rule(between(0, MAX_LIFETIME_SECONDS), f"{_LIFETIME}, or 0 for records that never expire"),
    )
    store_payload: bool = True
    cleanup_interval_seconds: int = field(default=3600, metadata=rule(lambda number: number >= 0, "0 or more seconds"))
    redact: RedactSettings = field(default_factory=RedactSettings)


@dataclass(frozen=True, slots=True)
class ComplianceSettings:
    """`[compliance]`: a mode and its three flags, each of which can be overridden singly.

    `sync_audit_writes`: an append returns when it is committed. `immutable_audit`: the store refuses to change or
    delete a record. `hash_chain`: new records are chained.
    """

    mode: ComplianceMode
    sync_audit_writes: bool
    immutable_audit: bool
    hash_chain: bool

    @classmethod
    def for_mode(cls, mode: ComplianceMode, **overrides: bool) -> Self:
        """Return the mode's own flags, except those given."""
        names = ("sync_audit_writes", "immutable_audit", "hash_chain")
        return cls(mode=mode, **{**dict(zip(names, MODE_FLAGS[mode], strict=True)), **overrides})


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """`[dashboard]`: what only this program knows.

    `past_ttl_seconds` are lifetimes, in seconds, that were in use once (FORMAT 9). `state_dir` is where last
    verifications and saved runs are kept; `None` is the platform's place.
    """

    local_hosts: tuple[str, ...] = field(
        default=("dynamodb", "dynamodb-local", "host.docker.internal"),
        metadata=rule(each(addresses.is_host), "a list of host names, without scheme and port"),
    )
    allow_inject: bool = False
    page_size: int = field(default=50, metadata=rule(between(1, MAX_PAGE_SIZE), f"from 1 to {MAX_PAGE_SIZE}"))
    past_ttl_seconds: tuple[int, ...] = field(
        default=(), metadata=rule(each(between(1, MAX_LIFETIME_SECONDS)), f"a list of lifetimes, each {_LIFETIME}")
    )
    state_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `source` is the file they came from; `demo` asks for demo data on the embedded engine."""

    audit: AuditSettings = field(default_factory=AuditSettings)
    compliance: ComplianceSettings = field(default_factory=lambda: ComplianceSettings.for_mode("soc2"))
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    source: Path | None = None
    demo: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the engine is embedded or local, as FORMAT 1 defines it; anything else counts as AWS (CASES 65)."""
        if self.audit.backend == "memory":
            return True
        return self.audit.url is not None and addresses.is_local_url(self.audit.url, self.dashboard.local_hosts)

    @property
    def engine_label(self) -> str:
        """Name the engine in a few words for a person."""
        if self.audit.backend == "memory":
            return f"the embedded engine (in memory{', demo data' if self.demo else ''})"
        if self.audit.url is None:
            return f"AWS DynamoDB in {self.audit.region}"
        place = addresses.host_and_port(self.audit.url)
        return f"local DynamoDB at {place}" if self.is_local else f"AWS DynamoDB in {self.audit.region} at {place}"


_SECTIONS: Mapping[KeyPath, type[Any]] = types.MappingProxyType(
    {
        ("audit",): AuditSettings,
        ("audit", "redact"): RedactSettings,
        ("compliance",): ComplianceSettings,
        ("dashboard",): DashboardSettings,
    }
)
_KEYS = keys_of(_SECTIONS)
_VARIABLES = types.MappingProxyType({key.variable: key for key in _KEYS.values()})
_VARIABLE_PREFIXES = tuple(f"{section[0].upper()}__" for section in _SECTIONS if len(section) == 1)
_TYPO_RATIO = 0.8


def load_settings(
    path: Path | str | None = None, environ: Mapping[str, str] = os.environ, *, demo: bool = False
) -> Settings:
    """Read the file (`path`, else `$AUDIT_CONFIG`, else `./acteon.toml` where it exists) and the environment over it.

    `demo` means the embedded engine with demo data; then only a file given by `path` is read. Raises `SettingsError`
    for a named file that cannot be read, and for any key, variable or value that is wrong (CASES 21, 22, 24).
    """
    source = _choose_file(path, environ, demo=demo)
    given = _from_environment(environ)
    # Of the environment's own settings, only these two say where a store is (DESIGN, Configuration).
    names_a_store = source is not None or ("audit", "url") in given or ("audit", "region") in given
    if source is not None:
        given |= _from_file(read_toml(source), overridden=frozenset(given))
    if demo:
        given |= {("audit", "backend"): "memory", ("audit", "url"): None}
    given.setdefault(("audit", "backend"), "dynamodb" if names_a_store else "memory")
    given.setdefault(("compliance", "mode"), "soc2" if source is None else "none")
    if given.get(("audit", "ttl_seconds")) == 0:
        given["audit", "ttl_seconds"] = None
    audit = AuditSettings(**_values(("audit",), given), redact=RedactSettings(**_values(("audit", "redact"), given)))
    return Settings(
        audit=audit,
        compliance=ComplianceSettings.for_mode(**_values(("compliance",), given)),
        dashboard=DashboardSettings(**_values(("dashboard",), given)),
        source=source,
        demo=demo or (audit.backend == "memory" and source is None),
    )


def _values(section: KeyPath, given: Mapping[KeyPath, Any]) -> dict[str, Any]:
    return {path[-1]: value for path, value in given.items() if path[:-1] == section}


def _choose_file(path: Path | str | None, environ: Mapping[str, str], *, demo: bool) -> Path | None:
    if path is not None:
        return Path(path)
    if demo:
        return None
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE])
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


def _from_environment(environ: Mapping[str, str]) -> dict[KeyPath, Any]:
    given = {}
    for name in sorted(name for name in environ if name.startswith(_VARIABLE_PREFIXES)):
        if name.startswith("AUDIT__SSL_"):
            continue
        if name not in _VARIABLES:
            message = f"Environment variable {_shown(name)} is not a setting; unset it.{_nearest(name, _VARIABLES)}"
            raise SettingsError(message)
        key = _VARIABLES[name]
        given[key.path] = key.from_text(environ[name])
    return given


def _from_file(file: TomlFile, overridden: Container[KeyPath]) -> dict[KeyPath, Any]:
    _refuse_misspelt_sections(file)
    tables = {section: _table(file, section) for section in _SECTIONS}
    # The known keys first: where `backend` names another store, that is the error to show.
    given = {
        path: key.from_toml(tables[path[:-1]][path[-1]], partial(_place, file, path))
        for path, key in _KEYS.items()
        if path[-1] in tables[path[:-1]] and path not in overridden
    }
    for section, table in tables.items():
        known = [path[-1] for path in (*_KEYS, *_SECTIONS) if path[:-1] == section]
        for name in table:
            if name not in known and not (section == ("audit",) and name.startswith("ssl_")):
                path = (*section, name)
                message = f"{_place(file, path)} is not a setting.{_nearest(name, known)}"
                raise SettingsError(message)
    return given


def _refuse_misspelt_sections(file: TomlFile) -> None:
    """Refuse `[complaince]`: passed over as foreign, it would switch off what it was meant to switch on."""
    ours = [section[0] for section in _SECTIONS]
    for name in file.content:
        near = difflib.get_close_matches(name, ours, n=1, cutoff=_TYPO_RATIO)
        if near and name not in ours:
            message = f"{file.at((name,))}: unknown section [{_shown(name)}]. Did you mean [{near[0]}]?"
            raise SettingsError(message)


def _table(file: TomlFile, section: KeyPath) -> dict[str, Any]:
    content = file.content
    for depth, name in enumerate(section, 1):
        value = content.get(name, {})
        if not isinstance(value, dict):
            message = f"{file.at(section[:depth])}: {'.'.join(section[:depth])} must be a table of keys."
            raise SettingsError(message)
        content = value
    return content


def _place(file: TomlFile, path: KeyPath) -> str:
    return f"{file.at(path)}: {_key_name(path)}"


def _key_name(path: KeyPath) -> str:
    return f"[{'.'.join(path[:-1])}] {_shown(path[-1])}"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else ""


def _shown(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else ascii(name[:64])
