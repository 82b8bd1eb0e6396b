"""Every key of the workflow file that has an effect: what may stand there and what it does.

The one table beside the readers: the editors' schema is made from it, and the tests hold it against
what the readers ask for, key by key (names, types, values, what is required). Keys without effect
yet have their rows in ``known_keys``; a path is spelt as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from interlock.core.events import EventType
from interlock.core.gates.catalog import ARTIFACT_RULES
from interlock.core.gates.registry import CHECKS
from interlock.core.metrics import METRICS
from interlock.core.model import Approver, GateType, Mode, Severity, Strength
from interlock.core.policy.names import CANONICAL, COMMANDS, READING, WRITING
from interlock.core.surroundings import ALWAYS_CLAIMED, INFORMATION, SNAPSHOT_PARTS
from interlock.core.work import Kind
from interlock.definition.environment import RUNNERS
from interlock.definition.known_keys import NOT_YET
from interlock.definition.links import METRICS_LINKS
from interlock.definition.shapes import (
    ANY,
    FLAG,
    TEXT,
    UNQUOTED,
    Bounded,
    Choice,
    Keys,
    ListOf,
    Shape,
    Suggested,
)

__all__ = ["CHECK", "FORMAT", "Key", "paths", "values_at"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Args:
        effect: what it does, as a sentence for a person in an editor.
        shape: of its value; ``None`` where the rows below it say it (``x.key``, ``x[]``, ``x{}``).
        required: whether the file does not load without it.
        names: keys that are worth proposing where any may stand (``x{}``).
    """

    effect: str
    shape: Shape | None = None
    required: bool = False
    names: tuple[str, ...] = ()


CHECK: Final = "phases[].gates[].blockers[]"
"""Where the parameters of checks stand, beside its other keys."""

TOOL: Final = Suggested("tool", tuple(sorted(CANONICAL)))
_TEXTS: Final = ListOf(TEXT)
_TOOLS: Final = ListOf(TOOL)
_CONSTRAINED: Final = tuple(sorted((COMMANDS | READING | WRITING) - {"run_tests"}))


def _call(path: str) -> Iterator[tuple[str, Key]]:
    """A call that an example writes out."""
    yield f"{path}.tool", Key("Name of the tool; that of the constraint if left out.", TOOL)
    yield f"{path}.path", Key("The path that the call is about.", TEXT)
    yield f"{path}.command", Key("The command that the call runs.", TEXT)
    yield f"{path}.args", Key("All arguments of the call, as an agent would send them.", ANY)


def _examples(path: str) -> Iterator[tuple[str, Key]]:
    yield f"{path}.examples", Key("Calls with the verdict that they must get, tried at load.")
    for verdict in ("allowed", "denied"):
        below = f"{path}.examples.{verdict}"
        yield below, Key(f"Calls that have to be {verdict}.")
        yield f"{below}[]", Key("A command or path, or a call written out.", TEXT)
        yield from _call(f"{below}[]")
    listed = f"{path}.examples[]"
    yield f"{listed}.allowed", Key("Whether the call has to be allowed.", FLAG, required=True)
    yield from _call(listed)


_PHASE: Final = {
    "id": Key("Name of the phase in transitions, commands and records.", TEXT, required=True),
    "name": Key("Shown to people.", TEXT),
    "description": Key("Told to the agent when it enters the phase.", TEXT),
    "required_artifacts": Key("What must be handed in to leave the phase."),
    "gates": Key("Conditions that guard the ways out of the phase."),
    "allowed_tools": Key("Tools that may be used; all others are denied.", _TOOLS, required=True),
    "forbidden_tools": Key("Tools that may not be used, whatever else says so.", _TOOLS),
    "tool_constraints": Key("Limits on single tools.", names=_CONSTRAINED),
    "when": Key("A condition; where it is false the way leads past the phase.", TEXT),
}
_ARTIFACT: Final = {
    "type": Key("Name of the artifact.", TEXT, required=True),
    "schema": Key("Name in 'schemas', or a file below 'schemas_dir'.", TEXT, required=True),
    "description": Key("Told to the agent that has to hand it in.", TEXT),
    "validation": Key("Rules that it has to satisfy beyond its schema."),
    "validation[].rule": Key("Name of the rule.", Choice(*ARTIFACT_RULES), required=True),
    "validation[].message": Key("Told to the agent when the rule is not satisfied.", TEXT),
}
_GATE: Final = {
    "id": Key("Name of the gate in transitions and approvals.", TEXT, required=True),
    "type": Key("How it is passed: by checks, by a yes, by reviews.", Choice(*GateType)),
    "blockers": Key("Checks, each measured by the server."),
    "approvers": Key("Who may say yes at an approval.", ListOf(Choice(*Approver))),
    "approval_strength": Key("How sure a person's yes has to be.", Choice(*Strength)),
    "four_eyes": Key("Whoever made the task may not approve it.", FLAG),
    "auto_advance": Key("The server asks for an agent that ended well with all in hand.", FLAG),
    "when": Key("A condition; where it is false the gate is passed.", TEXT),
    "blockers[].check": Key("Name of the check.", Choice(*CHECKS), required=True),
    "blockers[].severity": Key("What a failure does to the gate.", Choice(*Severity)),
    "blockers[].message": Key("Told to the agent when the check fails.", TEXT),
    "blockers[].when": Key("A condition; where it is false the check does not apply.", TEXT),
}
_CONSTRAINT: Final = {
    "allowed_patterns": Key("Globs of paths that it may touch, and no others.", _TEXTS),
    "forbidden_patterns": Key("Globs of paths that it may not touch.", _TEXTS),
    "allowed_commands": Key("Leading words of commands that may run, and no others.", _TEXTS),
    "forbidden_commands": Key("Leading words of commands that may not run.", _TEXTS),
}
_TRANSITION: Final = {
    "from": Key("The phase that it leads out of.", TEXT, required=True),
    "to": Key("The phase that it leads into.", TEXT, required=True),
    "gate": Key("Gate of the first phase that has to be passed.", TEXT),
    "requires_token": Key("Asked for with the token of the session; false is refused.", FLAG),
}
_ENVIRONMENT: Final = {
    "setup": Key("Commands that build what tests run in, on the base revision.", _TEXTS),
    "lockfiles": Key("Files that decide what is built; no agent may write them.", _TEXTS),
    "runner": Key("The program that runs the tests.", Choice(*RUNNERS)),
    "python": Key("Version of the interpreter.", UNQUOTED),
    "directory": Key("Where in the tree the tests are run.", TEXT),
    "services": Key("Programs that run beside the tests."),
    "services[].name": Key("What it is called.", TEXT, required=True),
    "services[].command": Key("Starts it.", TEXT, required=True),
    "services[].port": Key("Port that it answers on once it is ready.", Bounded(1, 65535)),
    "services[].ready": Key("A command that succeeds once it is ready.", TEXT),
    "services[].timeout_seconds": Key("Time that it has to become ready.", Bounded(1, 600)),
    "secrets": Key("Names of variables whose values the tests are given.", _TEXTS),
}
_WORK_TYPES: Final = {
    "allowed": Key("The kinds of work that there may be, and no others.", ListOf(Choice(*Kind))),
    "names": Key("Words of the team's own for kinds of work."),
    "names{}": Key("The kind that the word stands for.", Choice(*Kind)),
    "documentation": Key("Globs of further paths that are documentation.", _TEXTS),
    "manifests": Key("Globs of further paths that name dependencies.", _TEXTS),
}
_AROUND: Final = {
    "enforcement": Key("How hard the rules bind."),
    "enforcement.mode": Key("Whether what fails blocks, or is only told.", Choice(*Mode)),
    "enforcement.agent_sdk": Key("Which clients an agent may come with."),
    "enforcement.agent_sdk.required": Key("Calls without the SDK's contract are refused.", FLAG),
    "enforcement.agent_sdk.version": Key("Versions of its contract, such as >=1.0,<2.", UNQUOTED),
    "enforcement.agent_sdk.endpoint": Key("The server's address outside of sessions.", TEXT),
    "enforcement.phase_tokens": Key("The permission that an agent has in a phase."),
    "enforcement.phase_tokens.enabled": Key("Tokens cannot be switched off.", FLAG),
    "enforcement.phase_tokens.algorithm": Key("How they are signed.", Choice("HS256", "EdDSA")),
    "enforcement.phase_tokens.secret_env_var": Key("Variable that holds the secret.", TEXT),
    "enforcement.phase_tokens.expiry_seconds": Key("How long one is good for.", Bounded(1)),
    "enforcement.phase_tokens.include_claims": Key(
        "What it says besides what it must; never read for a decision.",
        ListOf(Choice(*sorted(ALWAYS_CLAIMED | INFORMATION.keys()))),
    ),
    "enforcement.tool_enforcement": Key("How hard the rules on tools bind."),
    "enforcement.tool_enforcement.enabled": Key("Has no effect beside a mode that binds.", FLAG),
    "enforcement.tool_enforcement.violation_action": Key(
        "What a denied call comes to; the stricter of this and the mode counts.",
        Choice("reject", "warn", "log"),
    ),
    "enforcement.tool_enforcement.capability_model": Key(
        "What no phase allows is denied.", Choice("deny_by_default")
    ),
    "enforcement.tool_enforcement.audit_log": Key("Path of a link to the audit.", TEXT),
    "coordination": Key("How agents see the state and are told of events."),
    "coordination.state_access": Key("How agents see the state."),
    "coordination.state_access.mode": Key("They see a copy.", Choice("read_only_snapshot")),
    "coordination.state_access.mutation_via": Key(
        "They change it by asking the server.", Choice("orchestrator_api")
    ),
    "coordination.state_access.snapshot_includes": Key(
        "The parts of that copy; all without it.", ListOf(Choice(*SNAPSHOT_PARTS, "prd_state"))
    ),
    "coordination.event_bus": Key("Where events are kept."),
    "coordination.event_bus.type": Key(
        "The store; postgres is refused.", Choice("sqlite", "postgres")
    ),
    "coordination.event_bus.db_path": Key("Path of a link to the store.", TEXT),
    "coordination.event_bus.events": Key(
        "Types of events that are delivered; all are stored.", ListOf(Choice(*EventType))
    ),
    "monitoring": Key("What is measured and told."),
    "monitoring.metrics": Key("What is measured.", ListOf(Choice(*METRICS))),
    "monitoring.export": Key("Where what is measured is written."),
    "monitoring.export.type": Key("Lines of JSON, or a Prometheus page.", Choice(*METRICS_LINKS)),
    "monitoring.export.path": Key("Path of a link to it.", TEXT),
    "recovery": Key("What happens after a crash or a time-out."),
    "recovery.orchestrator_crash": Key("What a server that comes back goes on from."),
    "recovery.orchestrator_crash.resume_from": Key(
        "Every event is a checkpoint.", Choice("last_checkpoint")
    ),
    "recovery.orchestrator_crash.checkpoint_interval_seconds": Key(
        "How often states are kept beside their events, at most.", Bounded(1)
    ),
    "confinement": Key("What the kernel has to keep a session from."),
    "confinement.required": Key(
        "The weakest level at which tasks are run.", Choice("full", "partial", "none")
    ),
}


def _below(path: str, rows: Mapping[str, Key]) -> dict[str, Key]:
    return {f"{path}.{name}": key for name, key in rows.items()}


FORMAT: Final[Mapping[str, Key]] = MappingProxyType(
    {
        "name": Key("Shown wherever the workflow is named.", TEXT, required=True),
        "version": Key("Shown; tasks are pinned to the content.", UNQUOTED, required=True),
        "description": Key("Shown to people.", TEXT),
        "extends": Key("What this file builds on: a pack, or a file such as ./team.yaml.", TEXT),
        "variables": Key("Values with a name, for ${name} anywhere in the file."),
        "variables{}": Key("Text, a number, true or false, or a list of these.", ANY),
        "phases": Key("Where a task can be, in order; the first is the start.", required=True),
        **_below("phases[]", _PHASE),
        **_below("phases[].required_artifacts[]", _ARTIFACT),
        **_below("phases[].gates[]", _GATE),
        "phases[].tool_constraints{}": Key("Limits on one tool."),
        **_below("phases[].tool_constraints{}", _CONSTRAINT),
        **dict(_examples("phases[]")),
        **dict(_examples("phases[].tool_constraints{}")),
        "transitions": Key("The ways between phases."),
        **_below("transitions[]", _TRANSITION),
        **_AROUND,
        "schemas_dir": Key("Where the schemas of artifacts lie.", TEXT),
        "schemas": Key("Schemas of artifacts, by name."),
        "schemas{}": Key("A JSON schema.", ANY),
        "environment": Key("How the environment is built that tests run in."),
        **_below("environment", _ENVIRONMENT),
        "work_types": Key("What the team says about kinds of work."),
        **_below("work_types", _WORK_TYPES),
        "protected_paths": Key("Globs of paths that no agent writes without a person.", _TEXTS),
        "tools": Key("Names of further tools.", _TEXTS),
    }
)
"""Path → key. ``x.key`` stands in a mapping, ``x[].key`` in the mappings of a list, ``x{}.key`` in
those below names of the team's own. Parameters of checks are in ``core.gates.registry``."""


def paths() -> Iterator[str]:
    """Every path of a key that a file may have, those without effect yet and theirs included."""
    yield from (path for path in FORMAT if not path.endswith(("[]", "{}")))
    yield from (
        f"{CHECK}.{name}" for name in sorted({n for i in CHECKS.values() for n in i.parameters})
    )
    for path, row in NOT_YET.items():
        yield path
        yield from _within(path, row.shape)


def _within(path: str, shape: Shape) -> Iterator[str]:
    match shape:
        case ListOf():
            yield from _within(f"{path}[]", shape.item)
        case Keys():
            for name, inner in shape.keys.items():
                yield f"{path}.{name}"
                yield from _within(f"{path}.{name}", inner)


def values_at(path: str) -> tuple[str, ...]:
    """The values that a key chooses among, alone or in a list; none if it takes others."""
    shape = FORMAT[path].shape if path in FORMAT else None
    if isinstance(shape, ListOf):
        shape = shape.item
    return tuple(map(str, shape.values)) if isinstance(shape, Choice) else ()
