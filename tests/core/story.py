"""One task told command by command, without engine, judge or clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from interlock.core import commands as cmd
from interlock.core.binding import binding
from interlock.core.decide import decide
from interlock.core.decision import Decision
from interlock.core.events import Event
from interlock.core.evolve import evolve
from interlock.core.facts import Approval, GateFacts, GreenFacts, RedFacts, TreeChange
from interlock.core.gates.samples import PLAN, SCOPE, added, green, red
from interlock.core.model import (
    Approver,
    ArtifactSpec,
    CheckSpec,
    GateSpec,
    GateType,
    PhaseSpec,
    RuleSpec,
    Severity,
    TransitionSpec,
    WorkflowSpec,
)
from interlock.core.modes import ALL_STRICT, InForce
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState

WARNING = Severity.WARNING


def artifact(name: str, *rules: str) -> ArtifactSpec:
    """A required artifact with those rules."""
    return ArtifactSpec(type=name, schema=name, rules=tuple(RuleSpec(rule=r) for r in rules))


def phase(name: str, *artifacts: ArtifactSpec, gate: GateSpec | None = None) -> PhaseSpec:
    """A phase with at most one gate."""
    return PhaseSpec(id=name, required_artifacts=artifacts, gates=(gate,) if gate else ())


PLAN_GATE = GateSpec(
    id="planned",
    type=GateType.APPROVAL,
    approvers=(Approver.HUMAN, Approver.ORCHESTRATOR),
    checks=(
        CheckSpec(check="plan_has_acceptance_criteria"),
        CheckSpec(check="no_open_questions", severity=WARNING),
    ),
)
RED_GATE = GateSpec(
    id="red",
    checks=(
        CheckSpec(check="tests_are_failing"),
        CheckSpec(check="tests_are_meaningful", severity=WARNING),
    ),
)
GREEN_GATE = GateSpec(
    id="green",
    checks=(CheckSpec(check="all_tests_pass"), CheckSpec(check="no_skipped_tests")),
)
REVIEW_GATE = GateSpec(
    id="reviewed",
    type=GateType.REVIEW,
    checks=(
        CheckSpec(check="no_blocking_issues"),
        CheckSpec(check="all_review_models_completed", params={"required_reviews": ("security",)}),
    ),
)
WORKFLOW = WorkflowSpec(
    name="Test-driven",
    version="1",
    digest="wf",
    phases=(
        phase("PLAN", artifact("plan_document"), artifact("scope_definition"), gate=PLAN_GATE),
        phase("TDD", artifact("test_run_result", "tests_were_run"), gate=RED_GATE),
        phase("IMPL", artifact("test_run_result", "tests_passed"), gate=GREEN_GATE),
        phase("REVIEW", gate=REVIEW_GATE),
        phase("DONE", artifact("completion_summary", "has_summary")),
    ),
    transitions=(
        TransitionSpec(source="PLAN", target="TDD", gate="planned"),
        TransitionSpec(source="TDD", target="IMPL", gate="red"),
        TransitionSpec(source="IMPL", target="REVIEW", gate="green"),
        TransitionSpec(source="REVIEW", target="DONE", gate="reviewed"),
        TransitionSpec(source="TDD", target="PLAN"),
        TransitionSpec(source="IMPL", target="TDD"),
        TransitionSpec(source="IMPL", target="PLAN"),
        TransitionSpec(source="REVIEW", target="IMPL"),
    ),
)
FORWARD = {"PLAN": "TDD", "TDD": "IMPL", "IMPL": "REVIEW", "REVIEW": "DONE", "DONE": "DONE"}

RESULT = {"command": "pytest -q", "exit_code": 1, "passed": 1, "failed": 1, "skipped": 0}
DOCUMENTS: Mapping[str, Mapping[str, Any]] = {
    "PLAN": {"plan_document": PLAN, "scope_definition": SCOPE},
    "TDD": {"test_run_result": RESULT},
    "IMPL": {"test_run_result": {**RESULT, "exit_code": 0, "passed": 2, "failed": 0}},
    "REVIEW": {},
    "DONE": {"completion_summary": {"summary": "Wrote slug and its tests."}},
}
OPEN_PLAN = {**PLAN, "open_questions": ["Which separator?"]}
"""A plan that a person has to look at."""


@dataclass
class Story:
    """A task and everything that happened to it."""

    workflow: WorkflowSpec = WORKFLOW
    state: TaskState = field(default_factory=lambda: TaskState(task_id="task_1"))
    events: list[Event] = field(default_factory=list)
    documents: dict[str, Any] = field(default_factory=dict)
    _ids: int = 0

    def new_id(self, prefix: str) -> str:
        """An id that was not given before."""
        self._ids += 1
        return f"{prefix}_{self._ids}"

    def tell(self, command: cmd.Command) -> Decision:
        """Decide a command and let its events happen."""
        decision = decide(self.workflow, self.state, command)
        for event in decision.events:
            self.state = evolve(self.state, event)
        self.events += decision.events
        return decision

    def must(self, command: cmd.Command) -> Decision:
        """Like ``tell`` for a command that has to be accepted."""
        decision = self.tell(command)
        assert decision.accepted, decision.reasons
        return decision

    def refuses(self, command: cmd.Command) -> str:
        """The rule by which a command is refused; nothing happens then."""
        before = self.state
        decision = self.tell(command)
        assert not decision.accepted
        assert self.state is before
        assert all(reason.message and reason.remedy for reason in decision.reasons)
        return decision.reasons[0].rule

    # -- steps -----------------------------------------------------------------------------

    def create(self, enforcement: InForce = ALL_STRICT) -> Story:
        """Make the task on base ``t0``."""
        self.must(
            cmd.Create(
                title="slug",
                description="",
                base_commit="c0",
                base_tree="t0",
                branch="b",
                enforcement=enforcement,
            )
        )
        return self

    def attempt(self, agent_id: str = "author") -> Story:
        """A session takes the phase."""
        session = self.new_id("ses")
        self.must(
            cmd.StartAttempt(
                attempt_id=self.new_id("att"),
                session_id=session,
                agent_id=agent_id,
                confinement="none",
            )
        )
        return self

    def hand_in(self, **documents: Any) -> Story:
        """Hand in documents; none named: what the phase asks for."""
        for name, document in (documents or DOCUMENTS[self.state.phase]).items():
            digest = self.new_id("blob")
            self.documents[digest] = document
            self.must(
                cmd.SubmitArtifact(session_id=self.state.session_id, artifact=name, digest=digest)
            )
        return self

    def ask(self, target: str = "") -> Story:
        """Request the transition forward, or to ``target``."""
        self.must(
            cmd.RequestTransition(
                request_id=self.new_id("req"),
                session_id=self.state.session_id,
                current_phase=self.state.phase,
                target_phase=target or FORWARD[self.state.phase],
            )
        )
        return self

    def take_over(self, tree: str = "") -> Story:
        """Import a tree for the pending request; the phase's own if none is named."""
        assert self.state.request is not None
        self.must(
            cmd.TakeOver(request_id=self.state.request.request_id, tree=tree or self.state.tree)
        )
        return self

    def facts(
        self,
        *,
        red: RedFacts | None = None,
        green: GreenFacts | None = None,
        own_changes: tuple[TreeChange, ...] = added("src/text.py"),
    ) -> GateFacts:
        """Facts as the server collects them for the present request."""
        request = self.state.request
        assert request is not None
        edge = self.workflow.edge(request.source, request.target)
        return GateFacts(
            tree=request.tree,
            base_tree=self.state.base_tree,
            artifacts={k: self.documents[v] for k, v in self.state.artifacts.items()},
            changes=own_changes,
            own_changes=own_changes,
            red=red,
            green=green,
            verdicts=self.state.verdicts,
            authors=self.state.authors,
            binding=binding(
                self.state,
                gate=(edge.gate if edge else "") or "",
                tree=request.tree,
                red=red,
                green=green,
            ),
        )

    def conclude(self, facts: GateFacts | None = None, **changes: Any) -> Decision:
        """Decide the request on facts, by default on what lets the phase's gate pass."""
        assert self.state.request is not None
        return self.tell(
            cmd.Conclude(
                request_id=self.state.request.request_id,
                facts=replace(facts or self.good_facts(), **changes),
                approval_id=self.new_id("apr"),
            )
        )

    def good_facts(self) -> GateFacts:
        """Facts with which the present gate passes."""
        return self.facts(
            red=red() if self.state.phase == "TDD" else None,
            green=green() if self.state.phase == "IMPL" else None,
        )

    def review(self, role: str = "security", verdict: str = "pass") -> Story:
        """A reviewer looks at the present tree and says so."""
        session = self.new_id("ses")
        self.must(
            cmd.StartReviewer(
                session_id=session, agent_id=f"reviewer-{role}", role=role, confinement="none"
            )
        )
        self.must(
            cmd.SubmitVerdict(session_id=session, role=role, tree=self.state.tree, verdict=verdict)
        )
        return self

    def approval(self, **changes: Any) -> Approval:
        """The approval of exactly what waits."""
        request = self.state.request
        assert request is not None
        approval = Approval(
            id=request.approval_id,
            gate=request.gate,
            by="ada",
            binding=request.binding,
            strength="passphrase",
            reason="seen",
        )
        return replace(approval, **changes)

    def leave(self, tree: str = "") -> Story:
        """Everything from an attempt to the end of the present phase, as it should be."""
        phase_id = self.state.phase
        self.attempt().hand_in()
        if phase_id == "REVIEW":
            self.review()
        self.ask().take_over(tree)
        decision = self.conclude()
        assert decision.accepted, decision.reasons
        assert self.state.phase != phase_id or self.state.status is TaskStatus.LANDING, (
            self.state.blockers
        )
        return self


TREES = {"PLAN": "t0", "TDD": "t1", "IMPL": "t2", "REVIEW": "t2", "DONE": "t2"}


def at(phase_id: str) -> Story:
    """A task that has just entered a phase, everything before done as it should be."""
    story = Story().create()
    while story.state.phase != phase_id:
        story.leave(TREES[story.state.phase])
    return story


def waiting() -> Story:
    """A task whose plan waits for a person."""
    story = at("PLAN").attempt().hand_in(plan_document=OPEN_PLAN, scope_definition=SCOPE)
    story.ask().take_over()
    assert story.conclude().accepted
    assert story.state.status is TaskStatus.AWAITING_APPROVAL
    return story


STATUSES: Mapping[TaskStatus, Callable[[], Story]] = {
    TaskStatus.READY: lambda: at("IMPL"),
    TaskStatus.WORKING: lambda: at("IMPL").attempt(),
    TaskStatus.MEASURING: lambda: at("IMPL").attempt().ask(),
    TaskStatus.AWAITING_APPROVAL: waiting,
    TaskStatus.LANDING: lambda: at("DONE").leave(),
}
"""Status → a task that is there."""
