"""How hard the rules bind, and with what an agent comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from interlock.core.model import Mode, Position
from interlock.core.surroundings import SdkSpec, TokenSpec
from interlock.definition.agents import read_sdk, read_tokens
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields
from interlock.definition.links import AUDIT_LINK, read_link
from interlock.definition.surroundings import section

__all__ = ["Enforcement", "read_confinement", "read_enforcement"]

_ACTIONS = {"reject": Mode.STRICT, "warn": Mode.PERMISSIVE, "log": Mode.ADVISORY}


@dataclass(frozen=True, slots=True)
class Enforcement:
    """``enforcement`` as read; a position is where a mode is written."""

    mode: Mode
    tokens: TokenSpec = field(default_factory=TokenSpec)
    sdk: SdkSpec = field(default_factory=SdkSpec)
    tool_mode: Mode = Mode.STRICT
    mode_position: Position | None = None
    tool_mode_position: Position | None = None
    audit_link: str = AUDIT_LINK


def read_enforcement(root: Fields, findings: Findings) -> Enforcement:
    """Modes and tokens; a weaker setting than the mode is named as one without effect."""
    entry = root.entry("enforcement")
    if entry is None:
        return Enforcement(Mode.STRICT)
    keys = ("mode", "agent_sdk", "phase_tokens", "tool_enforcement")
    fields = Fields(entry.value, "enforcement", "'enforcement'", keys, findings)
    mode = fields.choice("mode", tuple(Mode), Mode.STRICT, what="mode")
    read = Enforcement(
        mode,
        read_tokens(fields, findings),
        read_sdk(fields, findings),
        mode,
        mode_position=_written_at(fields, "mode"),
    )
    return _read_tools(fields, read, findings)


def _written_at(fields: Fields, key: str) -> Position | None:
    entry = fields.entry(key)
    return entry.key.position if entry is not None else None


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
    read = replace(read, audit_link=read_link(fields, "audit_log", AUDIT_LINK, findings))
    if "violation_action" not in fields or _ACTIONS[action] is read.mode:
        return read
    stricter = read.mode.stricter(_ACTIONS[action])
    if stricter is read.mode:
        _weaker("violation_action", fields, read.mode, findings)
        return read
    at = _written_at(fields, "violation_action")
    return replace(read, tool_mode=stricter, tool_mode_position=at)


def _weaker(key: str, fields: Fields, mode: Mode, findings: Findings) -> None:
    message = f"'{key}' has no effect here: 'mode: {mode}' is stricter, and the stricter counts"
    findings.warning(Code.NO_EFFECT, message, fields.place(key))


def read_confinement(root: Fields, findings: Findings) -> str:
    """The confinement level that the workflow asks for; ``none`` asks for nothing."""
    fields = section(root, "confinement", ("required",), findings)
    if fields is None:
        return "none"
    return fields.choice("required", ("full", "partial", "none"), "none", what="level")
