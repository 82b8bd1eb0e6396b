"""The workflow as typed, immutable data: what ``definition`` makes out of YAML and everything
else reads.

Nothing here decides anything. Every spec that a person wrote keeps the position it was written
at, so that a reason can point at its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from interlock.core.surroundings import CoordinationSpec, MonitoringSpec, SdkSpec, TokenSpec

__all__ = [
    "Approver",
    "ArtifactSpec",
    "CheckSpec",
    "EnvironmentSpec",
    "GateSpec",
    "GateType",
    "Mode",
    "PhaseSpec",
    "Position",
    "RuleSpec",
    "ServiceSpec",
    "Severity",
    "Strength",
    "TokenSpec",
    "ToolConstraint",
    "TransitionSpec",
    "WorkTypes",
    "WorkflowSpec",
]


class Severity(StrEnum):
    """What a failed check does to its gate."""

    BLOCKING = "blocking"
    WARNING = "warning"
    INFO = "info"


class GateType(StrEnum):
    """How a gate is passed."""

    VALIDATION = "validation"
    APPROVAL = "approval"
    REVIEW = "review"


class Approver(StrEnum):
    """Who may let an approval gate through."""

    HUMAN = "human"
    ORCHESTRATOR = "orchestrator"
    REVIEW_AGENT = "review_agent"


class Strength(StrEnum):
    """How a person proved to be one when they approved; the weakest first."""

    SESSION = "session"
    """By a login, or by the owner's socket."""
    PASSPHRASE = "passphrase"
    """By the passphrase, asked for again for this very approval."""


class Mode(StrEnum):
    """How hard the rules bind; ordered by ``Mode.stricter``."""

    STRICT = "strict"
    PERMISSIVE = "permissive"
    ADVISORY = "advisory"

    def stricter(self, other: Mode) -> Mode:
        """The stricter of two modes (the one that counts when two places name one)."""
        order = list(Mode)
        return min(self, other, key=order.index)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file: 1-based line and column."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """One blocker of a gate: a named check, how bad its failure is, the check's own parameters, and
    a condition without which it does not apply."""

    check: str
    severity: Severity = Severity.BLOCKING
    message: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    when: str = ""
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSpec:
    """The condition that guards the way out of a phase.

    Args:
        approval_strength: weakest that a person's approval may have; below full confinement it has
            to be ``passphrase`` in any case.
        four_eyes: who made the task may not approve. Without it a person alone may approve what
            their agent wrote.
        when: condition without which the gate does not apply.
    """

    id: str
    type: GateType = GateType.VALIDATION
    checks: tuple[CheckSpec, ...] = ()
    approvers: tuple[Approver, ...] = ()
    approval_strength: Strength = Strength.PASSPHRASE
    four_eyes: bool = False
    timeout_seconds: int | None = None
    auto_advance: bool = False
    when: str = ""
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """A named rule that an artifact has to satisfy beyond its schema."""

    rule: str
    message: str = ""
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactSpec:
    """Something that must be handed in to leave a phase; ``schema`` is a key of
    ``WorkflowSpec.schemas``."""

    type: str
    schema: str
    description: str = ""
    rules: tuple[RuleSpec, ...] = ()
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolConstraint:
    """Limits on one tool: gitignore-style globs from the tree's root, commands as leading words.

    An empty ``allowed_*`` means "no allow-list"; forbidden is looked at first.
    """

    allowed_patterns: tuple[str, ...] = ()
    forbidden_patterns: tuple[str, ...] = ()
    allowed_commands: tuple[str, ...] = ()
    forbidden_commands: tuple[str, ...] = ()
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSpec:
    """Where a task can be: tools, artifacts, gates. Tool names are canonical.

    ``when`` is a condition without which the way leads past the phase.
    """

    id: str
    name: str = ""
    description: str = ""
    allowed_tools: tuple[str, ...] = ()
    forbidden_tools: tuple[str, ...] = ()
    tool_constraints: Mapping[str, ToolConstraint] = field(default_factory=dict)
    required_artifacts: tuple[ArtifactSpec, ...] = ()
    gates: tuple[GateSpec, ...] = ()
    when: str = ""
    position: Position | None = None

    def gate(self, gate_id: str) -> GateSpec | None:
        """The gate of that id, if this phase has one."""
        return next((gate for gate in self.gates if gate.id == gate_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionSpec:
    """An edge between phases; ``gate`` is an id of the source phase's gates or ``None`` (an edge
    back)."""

    source: str
    target: str
    gate: str | None = None
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A program that runs beside the tests: started for each run in the judge's sandbox, on data of
    its own, and ended with it.

    Args:
        name: what it is called.
        command: for a shell, with ``/env/bin`` first on the PATH, in an empty directory; the tree
            is not there yet when it starts.
        port: of 127.0.0.1 inside that it answers on; 0 if it has none.
        ready: a command that succeeds once the service can be used; without one the port decides.
        seconds: it has to become ready.
    """

    name: str
    command: str
    port: int = 0
    ready: str = ""
    seconds: int = 30
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """How the judge's environment is built on the base revision, and what runs in it.

    Args:
        setup: shell commands, run in order with network in ``directory`` of the base tree, which
            is ``/w``; they fill ``/env``.
        lockfiles: paths in the tree whose blobs are part of the environment's digest.
        runner: the test runner, ``pytest`` or ``unittest``.
        python: version of the interpreter (``3.12``); empty for the one that runs Interlock.
        directory: path in the tree where the project lies and its tests are run; empty for its
            root.
        services: programs beside the tests.
        secrets: names of variables that tests are given; their values are a person's to set and
            stand nowhere else.
    """

    setup: tuple[str, ...] = ()
    lockfiles: tuple[str, ...] = ()
    runner: str = "pytest"
    python: str = ""
    directory: str = ""
    services: tuple[ServiceSpec, ...] = ()
    secrets: tuple[str, ...] = ()
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTypes:
    """What a workflow says about kinds of work.

    Args:
        allowed: kinds that a task may be; every kind without it.
        names: the team's own word → the kind that it stands for.
        documentation, manifests: gitignore-style globs, besides those that are known.
    """

    allowed: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    documentation: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSpec:
    """A whole definition; ``digest`` is the sha256 over its resolved content and pins a task.

    Args:
        schema_files: key of ``schemas`` → path in the tree, of those that lie there.
        mode: how hard gates bind; ``tool_mode``: how hard the rules of tools do.
        checkpoint_seconds: a task's state is kept beside its events at most this often.
    """

    name: str
    version: str
    digest: str
    phases: tuple[PhaseSpec, ...]
    transitions: tuple[TransitionSpec, ...]
    description: str = ""
    mode: Mode = Mode.STRICT
    tool_mode: Mode = Mode.STRICT
    mode_position: Position | None = None
    tool_mode_position: Position | None = None
    tokens: TokenSpec = field(default_factory=TokenSpec)
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schema_files: Mapping[str, str] = field(default_factory=dict)
    protected_paths: tuple[str, ...] = ()
    environment: EnvironmentSpec | None = None
    extra_tools: tuple[str, ...] = ()
    required_confinement: str = "none"
    work_types: WorkTypes = WorkTypes()
    sdk: SdkSpec = field(default_factory=SdkSpec)
    coordination: CoordinationSpec = field(default_factory=CoordinationSpec)
    monitoring: MonitoringSpec = field(default_factory=MonitoringSpec)
    checkpoint_seconds: int = 300

    def phase(self, phase_id: str) -> PhaseSpec | None:
        """The phase of that id."""
        for phase in self.phases:  # asked on every call of a tool: no generator
            if phase.id == phase_id:
                return phase
        return None

    def edge(self, source: str, target: str) -> TransitionSpec | None:
        """The transition between two phases."""
        return next((t for t in self.transitions if (t.source, t.target) == (source, target)), None)

    @property
    def start(self) -> PhaseSpec:
        """The first declared phase."""
        return self.phases[0]

    def is_terminal(self, phase_id: str) -> bool:
        """Whether no edge leads out of the phase: leaving it completes the task."""
        return not any(t.source == phase_id for t in self.transitions)

    def rank(self, phase_id: str) -> int:
        """Order of declaration, 0 for the first phase."""
        return next(i for i, phase in enumerate(self.phases) if phase.id == phase_id)
