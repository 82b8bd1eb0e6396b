"""How hard the rules bind, and with what an agent comes."""

from __future__ import annotations

from dataclasses import dataclass, field

from interlock.core.model import Mode
from interlock.core.surroundings import SdkSpec, TokenSpec
from interlock.definition.agents import read_sdk, read_tokens
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields
from interlock.definition.known_keys import DEFINITION
from interlock.definition.links import AUDIT_LINK, read_link
from interlock.definition.surroundings import section

__all__ = ["Enforcement", "read_confinement", "read_enforcement"]

_ACTIONS = {"reject": Mode.STRICT, "warn": Mode.PERMISSIVE, "log": Mode.ADVISORY}


@dataclass(frozen=True, slots=True)
class Enforcement:
    """``enforcement`` as read."""

    mode: Mode
    tokens: TokenSpec = field(default_factory=TokenSpec)
    sdk: SdkSpec = field(default_factory=SdkSpec)
    audit_link: str = AUDIT_LINK


def read_enforcement(root: Fields, findings: Findings) -> Enforcement:
    """Mode and tokens; a weaker setting than the mode is named as one without effect."""
    entry = root.entry("enforcement")
    if entry is None:
        return Enforcement(Mode.STRICT)
    keys = ("mode", "agent_sdk", "phase_tokens", "tool_enforcement")
    fields = Fields(entry.value, "enforcement", "'enforcement'", keys, findings)
    mode = fields.choice("mode", tuple(Mode), Mode.STRICT, what="mode")
    mode, audit_link = _read_tools(fields, mode, findings)
    if mode is not Mode.STRICT:
        findings.warning(
            Code.NO_EFFECT_YET,
            f"'mode: {mode}' is treated as strict for now: what fails blocks",
            fields.place("mode"),
            help=f'The other modes come with "{DEFINITION}".',
        )
    tokens, sdk = read_tokens(fields, findings), read_sdk(fields, findings)
    return Enforcement(mode, tokens, sdk, audit_link)


def _read_tools(parent: Fields, mode: Mode, findings: Findings) -> tuple[Mode, str]:
    """``tool_enforcement``: the stricter of it and the mode, and where the audit's link is put."""
    entry = parent.entry("tool_enforcement")
    if entry is None:
        return mode, AUDIT_LINK
    keys = ("enabled", "violation_action", "capability_model", "audit_log")
    fields = Fields(
        entry.value, "enforcement.tool_enforcement", "'tool_enforcement'", keys, findings
    )
    fields.choice(
        "capability_model", ("deny_by_default",), "deny_by_default", what="capability model"
    )
    if not fields.flag("enabled", True):
        _weaker("enabled", fields, mode, findings)
    action = fields.choice("violation_action", tuple(_ACTIONS), "reject", what="violation action")
    link = read_link(fields, "audit_log", AUDIT_LINK, findings)
    if "violation_action" not in fields or _ACTIONS[action] is mode:
        return mode, link
    stricter = mode.stricter(_ACTIONS[action])
    if stricter is mode:
        _weaker("violation_action", fields, mode, findings)
    else:
        findings.warning(
            Code.NO_EFFECT_YET,
            f"'violation_action: {action}' is stricter than 'mode: {mode}' and makes everything "
            f"{stricter}, gates as well as tools",
            fields.place("violation_action"),
            help=f'A mode for tools alone comes with "{DEFINITION}".',
        )
    return stricter, link


def _weaker(key: str, fields: Fields, mode: Mode, findings: Findings) -> None:
    message = f"'{key}' has no effect here: 'mode: {mode}' is stricter, and the stricter counts"
    findings.warning(Code.NO_EFFECT, message, fields.place(key))


def read_confinement(root: Fields, findings: Findings) -> str:
    """The confinement level that the workflow asks for; ``none`` asks for nothing."""
    fields = section(root, "confinement", ("required",), findings)
    if fields is None:
        return "none"
    return fields.choice("required", ("full", "partial", "none"), "none", what="level")
