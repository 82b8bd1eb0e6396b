"""What counts where a workflow file says nothing: path of a mapping → key → value.

Taken from the records and tables that the readers take it from, for showing it; nothing is read
with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from interlock.core.gates.registry import CHECKS
from interlock.core.model import (
    CheckSpec,
    EnvironmentSpec,
    GateSpec,
    GateType,
    PhaseSpec,
    TokenSpec,
    WorkflowSpec,
)
from interlock.definition.loader import SCHEMAS_DIR
from interlock.definition.yaml_nodes import MappingNode, ScalarNode

__all__ = ["defaults_of"]


def _of(kind: Any, *names: str) -> dict[str, Any]:
    """Defaults of fields that are called as their key."""
    found = {item.name: item.default for item in fields(kind)}
    return {
        name: list(value) if isinstance(value := found[name], tuple) else value for name in names
    }


_SPEC = _of(WorkflowSpec, "mode", "required_confinement", "protected_paths", "description")
_TOKENS = _of(TokenSpec, "algorithm", "secret_env_var", "expiry_seconds")
_ASKED = _of(GateSpec, "approval_strength", "four_eyes")
_TABLE: Mapping[str, Mapping[str, Any]] = {
    "": {
        "description": _SPEC["description"],
        "protected_paths": _SPEC["protected_paths"],
        "schemas_dir": SCHEMAS_DIR,
        "enforcement": {"mode": _SPEC["mode"], "phase_tokens": _TOKENS},
        "confinement": {"required": _SPEC["required_confinement"]},
    },
    "enforcement": {"mode": _SPEC["mode"], "phase_tokens": _TOKENS},
    "enforcement.phase_tokens": _TOKENS,
    "phases[]": _of(PhaseSpec, "required_artifacts", "gates", "forbidden_tools"),
    "phases[].gates[]": _of(GateSpec, "type"),
    "phases[].gates[].blockers[]": _of(CheckSpec, "severity"),
    "transitions[]": {"requires_token": True},
    "environment": _of(
        EnvironmentSpec, "lockfiles", "runner", "python", "directory", "services", "secrets"
    ),
}


def defaults_of(path: str, node: MappingNode) -> dict[str, Any]:
    """What counts for the keys that a mapping at a path such as ``phases[]`` does not say."""
    known = dict(_TABLE.get(path, {}))
    if path == "phases[].gates[]" and _text(node, "type") == GateType.APPROVAL:
        known |= _ASKED
    if path == "phases[].gates[].blockers[]":
        info = CHECKS.get(_text(node, "check"))
        known |= (
            {k: at["default"] for k, at in info.parameters.items() if "default" in at}
            if info
            else {}
        )
    return {key: value for key, value in known.items() if key not in node.entries}


def _text(node: MappingNode, key: str) -> str:
    entry = node.entries.get(key)
    return entry.value.raw if entry and isinstance(entry.value, ScalarNode) else ""
