"""For each key of the team's file a value that contradicts the rest of it, and where that shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.definition.mutants import Key, keys_of

__all__ = ["FREE", "contradiction"]

Place = Callable[[str, Key], int]
Wrong = tuple[str, str, Place]
"""The value, the code, and the offset in the changed file."""


def at_value(_text: str, key: Key) -> int:
    return key.value_place()


def inside(before: str) -> Place:
    """Behind the beginning of the value."""
    return lambda _text, key: key.value_place() + len(before)


def at_parent(_text: str, key: Key) -> int:
    return key.parent


def at_other(pattern: str, number: int = 0, offset: int = 0) -> Place:
    """The value of another key."""
    return lambda text, _key: [k.value + offset for k in keys_of(text) if k.pattern == pattern][
        number
    ]


def in_phase(pattern: str, offset: int) -> Place:
    """The value of a key of the same phase."""

    def place(text: str, key: Key) -> int:
        phase = key.path.partition(".")[0]
        return next(
            k.value + offset
            for k in keys_of(text)
            if k.pattern == pattern and k.path.startswith(f"{phase}.")
        )

    return place


FIRST_PHASE: Place = lambda text, _key: next(  # noqa: E731
    k.parent for k in keys_of(text) if k.path == "phases[0].id"
)
NO_VALUE = ("nothing", "013", at_value)
OUTSIDE = ("../x", "050", at_value)
ZERO = ("0", "014", at_value)
EMPTY = ("''", "014", at_value)
WRITES = "phases[].tool_constraints.write_files"
BASH = "phases[].tool_constraints.bash"

TABLE: Mapping[str, Wrong] = {
    "name": EMPTY,
    "version": EMPTY,
    "phases": ("[]", "014", at_value),
    "phases[].id": ("'no id'", "014", at_value),
    "phases[].required_artifacts[].type": ("../x", "014", at_value),
    "phases[].required_artifacts[].schema": ("schemas/none.json", "040", at_value),
    "phases[].required_artifacts[].validation[].rule": ("has_nothing", "021", at_value),
    "phases[].gates": ("[{id: unused, blockers: [{check: all_tests_pass}]}]", "", at_value),
    "phases[].gates[].id": ("'no id'", "014", at_value),
    "phases[].gates[].blockers": ("[{check: nothing}]", "020", inside("[{check: ")),
    "phases[].gates[].blockers[].check": ("nothing", "020", at_value),
    "phases[].gates[].blockers[].severity": NO_VALUE,
    "phases[].gates[].blockers[].threshold": ("800", "025", at_value),
    "phases[].gates[].blockers[].required_reviews": ("[]", "025", at_value),
    "phases[].gates[].timeout_seconds": ZERO,
    "phases[].gates[].approvers": ("[]", "031", at_parent),
    "phases[].allowed_tools": ("[nothing]", "022", inside("[")),
    "phases[].forbidden_tools": ("[read_files]", "032", inside("[")),
    "phases[].tool_constraints": ("{nothing: {}}", "022", inside("{")),
    WRITES: ("{allowed_commands: [ls]}", "036", inside("{")),
    f"{WRITES}.allowed_patterns": ('["src/x/**"]', "032", inside("[")),
    BASH: ("{allowed_patterns: [a]}", "036", inside("{")),
    f"{BASH}.allowed_commands": ('["git push"]', "032", inside("[")),
    f"{BASH}.forbidden_commands": ('["pytest"]', "032", inside("[")),
    "transitions": ("[]", "034", FIRST_PHASE),
    "transitions[].from": ("NOWHERE", "023", at_value),
    "transitions[].to": ("NOWHERE", "023", at_value),
    "transitions[].gate": ("nothing", "024", at_value),
    "transitions[].requires_token": ("false", "037", at_value),
    "transitions[].triggers": ("[{action: nothing}]", "013", inside("[{action: ")),
    "transitions[].triggers[].action": NO_VALUE,
    "enforcement.mode": NO_VALUE,
    "enforcement.phase_tokens.enabled": ("false", "037", at_value),
    "enforcement.phase_tokens.algorithm": NO_VALUE,
    "enforcement.phase_tokens.secret_env_var": EMPTY,
    "enforcement.phase_tokens.expiry_seconds": ZERO,
    "enforcement.tool_enforcement.enabled": ("false", "082", at_value),
    "enforcement.tool_enforcement.violation_action": NO_VALUE,
    "enforcement.tool_enforcement.capability_model": NO_VALUE,
    "enforcement.tool_enforcement.audit_log": OUTSIDE,
    "coordination.state_access.mode": NO_VALUE,
    "coordination.state_access.mutation_via": NO_VALUE,
    "coordination.state_access.snapshot_includes": ("[nothing]", "013", inside("[")),
    "coordination.event_bus.type": NO_VALUE,
    "coordination.event_bus.db_path": OUTSIDE,
    "coordination.conflict_resolution.strategy": NO_VALUE,
    "schemas_dir": OUTSIDE,
    "schemas": ("{}", "040", at_other("phases[].required_artifacts[].schema")),
    "monitoring.export.type": NO_VALUE,
    "monitoring.alerts[].action": NO_VALUE,
    "recovery.agent_crash.action": NO_VALUE,
    "recovery.orchestrator_crash.resume_from": NO_VALUE,
    "recovery.gate_timeout.action": NO_VALUE,
}

FREE = frozenset(
    {
        # texts for people
        *("description", "phases[].name", "phases[].description", "monitoring.alerts[].message"),
        "phases[].required_artifacts[].description",
        "phases[].required_artifacts[].validation[].message",
        "phases[].gates[].blockers[].message",
        # both values, or any list, go with every other line of the file
        *("phases[].required_artifacts", "phases[].required_artifacts[].validation"),
        *("phases[].gates[].auto_advance", "phases[].auto_spawn", "phases[].auto_spawn[].models"),
        *("phases[].auto_spawn[].agent_type", "phases[].auto_spawn[].parallel"),
        *("phases[].auto_spawn[].wait_for_completion", "transitions[].triggers[].parallel"),
        *("transitions[].triggers[].params", "transitions[].triggers[].params.status"),
        *("transitions[].triggers[].params.event", "enforcement.agent_sdk.required"),
        *("enforcement.agent_sdk.version", "enforcement.agent_sdk.endpoint"),
        *("enforcement.agent_sdk.fallback_endpoint", "enforcement.phase_tokens.include_claims"),
        *("coordination.event_bus.events", "coordination.conflict_resolution.optimistic_locking"),
        "coordination.conflict_resolution.lock_timeout_seconds",
        *("monitoring.metrics", "monitoring.export.path", "monitoring.alerts[].condition"),
        *("monitoring.alerts", "recovery.agent_crash.max_retries"),
        *("recovery.agent_crash.backoff_seconds", "recovery.gate_timeout.preserve_state"),
        "recovery.orchestrator_crash.checkpoint_interval_seconds",
    }
)
"""Keys whose every value of the right type goes with the rest of the file."""


def contradiction(key: Key) -> Wrong | None:
    """A value that the rest of the file contradicts; ``None`` within schemas, which stand alone."""
    match key.pattern:
        case "phases[].gates":
            if key.node.value:  # a transition names a gate that is gone
                number = int(key.path[len("phases[")])
                return "[]", "024", at_other("transitions[].gate", number)
            return TABLE[key.pattern][0], "035", inside("[")
        case "phases[].gates[].type":
            if key.kind == "validation":
                return "approval", "031", at_parent
            return "validation", "036", in_phase("phases[].gates[].approvers", 0)
        case pattern if pattern == f"{WRITES}.forbidden_patterns":
            is_limited = key.path.startswith("phases[1]")  # that one has an allow-list as well
            own = in_phase(f"{WRITES}.allowed_patterns", 1) if is_limited else inside("[")
            return '["**"]', "032", own
    if key.pattern.startswith("schemas."):
        if key.path.count(".") > 2:
            return None
        return "{type: nothing}", "041", inside("{type: ")
    if key.kind == "mapping" and key.pattern not in TABLE:
        return "{nothing: 1}", "011", inside("{")
    return TABLE[key.pattern]
