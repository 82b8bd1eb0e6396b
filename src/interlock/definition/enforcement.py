"""How hard the rules bind, and the sections around them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from interlock.core.model import Mode, Position, TokenSpec
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields
from interlock.definition.known_keys import API

__all__ = ["Enforcement", "read_confinement", "read_enforcement", "read_surroundings"]

EVENTS_LINK, AUDIT_LINK = ".orchestrator/events.db", ".orchestrator/tool_audit.jsonl"
"""Where other tools look for the records; ``init`` puts links into the state there."""

_ACTIONS = {"reject": Mode.STRICT, "warn": Mode.PERMISSIVE, "log": Mode.ADVISORY}


@dataclass(frozen=True, slots=True)
class Enforcement:
    """``enforcement`` as read; a position is where a mode is written."""

    mode: Mode
    tokens: TokenSpec
    tool_mode: Mode = Mode.STRICT
    mode_position: Position | None = None
    tool_mode_position: Position | None = None
    audit_link: str = AUDIT_LINK


def read_enforcement(root: Fields, findings: Findings) -> Enforcement:
    """Modes and tokens; a weaker setting than the mode is named as one without effect."""
    entry = root.entry("enforcement")
    if entry is None:
        return Enforcement(Mode.STRICT, TokenSpec())
    keys = ("mode", "phase_tokens", "tool_enforcement")
    fields = Fields(entry.value, "enforcement", "'enforcement'", keys, findings)
    mode = fields.choice("mode", tuple(Mode), Mode.STRICT, what="mode")
    read = Enforcement(
        mode, _read_tokens(fields, findings), mode, mode_position=_written_at(fields, "mode")
    )
    return _read_tools(fields, read, findings)


def _written_at(fields: Fields, key: str) -> Position | None:
    entry = fields.entry(key)
    return entry.key.position if entry is not None else None


def _read_tokens(parent: Fields, findings: Findings) -> TokenSpec:
    entry = parent.entry("phase_tokens")
    if entry is None:
        return TokenSpec()
    keys = ("enabled", "algorithm", "secret_env_var", "expiry_seconds")
    fields = Fields(entry.value, "enforcement.phase_tokens", "'phase_tokens'", keys, findings)
    if not fields.flag("enabled", True):
        findings.error(
            Code.REFUSED,
            "Tokens cannot be switched off: they are real in every mode",
            fields.place("enabled"),
            help="Take the line out; 'mode: advisory' is the mode that blocks nothing.",
        )
    default = TokenSpec()
    algorithm = fields.choice("algorithm", ("HS256", "EdDSA"), default.algorithm, what="algorithm")
    if algorithm == "EdDSA":
        findings.warning(
            Code.NO_EFFECT_YET,
            f"Tokens are signed with {default.algorithm} for now",
            fields.place("algorithm"),
            help=f'EdDSA comes with "{API}".',
        )
        algorithm = default.algorithm
    return TokenSpec(
        algorithm=algorithm,
        secret_env_var=fields.text("secret_env_var") or default.secret_env_var,
        expiry_seconds=fields.count("expiry_seconds", default.expiry_seconds, least=1),
    )


def _read_tools(parent: Fields, read: Enforcement, findings: Findings) -> Enforcement:
    """``tool_enforcement``: for tools the stricter of it and the mode, and the audit's link."""
    entry = parent.entry("tool_enforcement")
    if entry is None:
        return read
    keys = ("enabled", "violation_action", "capability_model", "audit_log")
    fields = Fields(
        entry.value, "enforcement.tool_enforcement", "'tool_enforcement'", keys, findings
    )
    fields.choice(
        "capability_model", ("deny_by_default",), "deny_by_default", what="capability model"
    )
    if not fields.flag("enabled", True):
        _weaker("enabled", fields, read.mode, findings)
    action = fields.choice("violation_action", tuple(_ACTIONS), "reject", what="violation action")
    read = replace(read, audit_link=_link(fields, "audit_log", AUDIT_LINK, findings))
    if "violation_action" not in fields or _ACTIONS[action] is read.mode:
        return read
    stricter = read.mode.stricter(_ACTIONS[action])
    if stricter is read.mode:
        _weaker("violation_action", fields, read.mode, findings)
        return read
    at = _written_at(fields, "violation_action")
    return replace(read, tool_mode=stricter, tool_mode_position=at)


def _link(fields: Fields, key: str, default: str, findings: Findings) -> str:
    """A path below the repository's top at which a link is put."""
    path = (fields.text(key) or default).removeprefix("./")
    if not path.isprintable() or any(part in ("", ".", "..") for part in path.split("/")):
        message = f"'{path}' is no path below the repository's top"
        findings.error(Code.BAD_PATTERN, message, fields.place(key))
    return path


def _weaker(key: str, fields: Fields, mode: Mode, findings: Findings) -> None:
    message = f"'{key}' has no effect here: 'mode: {mode}' is stricter, and the stricter counts"
    findings.warning(Code.NO_EFFECT, message, fields.place(key))


def read_surroundings(root: Fields, findings: Findings) -> str:
    """Sections whose values are the only ones there are, or have no effect yet.

    Returns:
        Where the link to the store is put.
    """
    link = EVENTS_LINK
    coordination = _section(root, "coordination", ("state_access", "event_bus"), findings)
    if coordination is not None:
        access = _section(coordination, "state_access", ("mode", "mutation_via"), findings)
        if access is not None:
            only = "read_only_snapshot"
            access.choice("mode", (only,), only, what="state access mode")
            access.choice("mutation_via", ("orchestrator_api",), "", what="way to change state")
        bus = _section(coordination, "event_bus", ("type", "db_path"), findings)
        if bus is not None:
            _read_bus(bus, findings)
            link = _link(bus, "db_path", EVENTS_LINK, findings)
    for name in ("monitoring", "recovery"):
        _section(root, name, (), findings)
    return link


def _read_bus(bus: Fields, findings: Findings) -> None:
    if bus.choice("type", ("sqlite", "postgres"), "sqlite", what="event bus") == "postgres":
        findings.error(
            Code.REFUSED,
            "PostgreSQL is not built yet",
            bus.place("type"),
            help="Use sqlite, which is the default.",
        )


def _section(parent: Fields, name: str, keys: tuple[str, ...], findings: Findings) -> Fields | None:
    entry = parent.entry(name)
    if entry is None:
        return None
    path = f"{parent.path}.{name}" if parent.path else name
    return Fields(entry.value, path, f"'{name}'", keys, findings)


def read_confinement(root: Fields, findings: Findings) -> str:
    """The confinement level that the workflow asks for; ``none`` asks for nothing."""
    fields = _section(root, "confinement", ("required",), findings)
    if fields is None:
        return "none"
    return fields.choice("required", ("full", "partial", "none"), "none", what="level")
