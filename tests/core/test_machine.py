"""Random commands in any order against a small model of where a task may be.

The model knows nothing of events: it follows the workflow's picture with a handful of fields and
says for each command whether it must be accepted and where the task must be afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.core.story import DOCUMENTS, FORWARD, OPEN_PLAN, Story

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.decision import Decision
from interlock.core.evolve import evolve, fold
from interlock.core.facts import Approval
from interlock.core.gates.samples import green, red
from interlock.core.states import IllegalTransitionError, is_legal
from interlock.core.tasks import TaskState

PHASES = list(FORWARD)
GATES = {"PLAN": "planned", "TDD": "red", "IMPL": "green", "REVIEW": "reviewed"}
BACK = {("TDD", "PLAN"), ("IMPL", "TDD"), ("IMPL", "PLAN"), ("REVIEW", "IMPL")}
AGENTS = ["author", "other", "third"]
SESSIONS = [f"s{n}" for n in range(4)]
TREES = ["t0", "t1", "t2"]
NAMES = ["plan_document", "scope_definition", "test_run_result", "completion_summary", "nonsense"]
SAMPLES: list[ev.Event] = [
    ev.TaskCompleted(commit="c", branch="b", tree="t9"),
    ev.CompletionAccepted(request_id="r", tree="t9"),
    ev.PhaseChanged(source="PLAN", target="DONE", tree="t9", epoch=99, request_id="r"),
    ev.GatePassed(gate="green", tree="t9"),
    ev.AttemptStarted(
        attempt_id="a", session_id="s", agent_id="x", number=1, phase="P", epoch=99, tree="t"
    ),
    ev.TestsFrozen(tree="t9", red_tests=(), new_tests=(), base_green=(), config=""),
]
NOTHING = Approval(id="", gate="", by="", binding="", strength="")


@dataclass
class Model:
    """The picture: where the task is, who holds it, what it has in hand."""

    place: str = "new"
    phase: str = "PLAN"
    tree: str = "t0"
    holder: str = ""
    target: str = ""
    imported: str = ""
    documents: set[str] = field(default_factory=set)
    is_open: bool = False
    worked: set[str] = field(default_factory=set)
    reviews: dict[str, tuple[str, str]] = field(default_factory=dict)
    verdict: str = ""
    passed: dict[str, str] = field(default_factory=dict)
    notices: int = 0

    @property
    def is_over(self) -> bool:
        return self.place in ("completed", "aborted")

    @property
    def is_back(self) -> bool:
        return (self.phase, self.target) in BACK

    def wanted(self) -> set[str]:
        return set(DOCUMENTS[self.phase])

    def enter(self, phase: str, tree: str) -> None:
        if self.is_back:
            self.verdict = ""
            for later in PHASES[PHASES.index(phase) :]:
                self.passed.pop(GATES.get(later, ""), None)
        self.place, self.phase, self.tree = "ready", phase, tree
        self.documents, self.reviews, self.notices = set(), {}, 0
        self.release()

    def release(self) -> None:
        self.holder = self.target = self.imported = ""


class Machine(RuleBasedStateMachine):
    """Drives ``decide`` and ``evolve`` and the model side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.model = Model()
        self.epoch = 0

    def tell(self, command: cmd.Command, expected: bool) -> Decision:
        before = self.story.state
        decision = self.story.tell(command)
        assert decision.accepted is (expected and not self.model.is_over), (command, decision)
        assert decision.accepted or decision.reasons
        assert decision.accepted or not decision.events
        after = self.story.state
        if (before.session_id, before.phase) != (after.session_id, after.phase):
            assert after.epoch > before.epoch
        return decision

    @initialize()
    def create(self) -> None:
        self.story.create()
        self.model.place = "ready"

    # -- attempts --------------------------------------------------------------------------

    @rule(session=st.sampled_from(SESSIONS), agent=st.sampled_from(AGENTS))
    def start_attempt(self, session: str, agent: str) -> None:
        ready = self.model.place == "ready"
        self.tell(
            cmd.StartAttempt(
                attempt_id="att", session_id=session, agent_id=agent, confinement="none"
            ),
            ready,
        )
        if ready:
            self.model.place, self.model.holder = "working", session
            self.model.worked.add(agent)

    @rule(session=st.sampled_from(SESSIONS), outcome=st.sampled_from(["exited", "lost"]))
    def end_attempt(self, session: str, outcome: str) -> None:
        self.tell(cmd.EndAttempt(session_id=session, outcome=outcome), True)
        model = self.model
        ends = model.place == "working" or (model.place == "measuring" and not model.imported)
        if ends and model.holder == session:
            model.place = "ready"
            model.release()

    @rule()
    def resume(self) -> None:
        self.tell(cmd.Resume(by="ada"), self.model.place == "ready")
        if self.model.place == "ready":
            self.model.notices = 0

    @rule(chance=st.integers(0, 19))
    def abort(self, chance: int) -> None:
        if chance:
            return
        may = self.model.place != "landing" or self.model.notices > 0
        self.tell(cmd.Abort(by="ada", reason="enough"), may)
        if may and not self.model.is_over:
            self.model.place = "aborted"
            self.model.release()

    # -- leaving ---------------------------------------------------------------------------

    @rule(session=st.sampled_from(SESSIONS), name=st.sampled_from(NAMES), is_open=st.booleans())
    def hand_in(self, session: str, name: str, is_open: bool) -> None:
        model = self.model
        may = model.place == "working" and model.holder == session and name in model.wanted()
        document = DOCUMENTS[model.phase].get(name, {})
        digest = self.story.new_id("blob")
        self.story.documents[digest] = (
            OPEN_PLAN if is_open and name == "plan_document" else document
        )
        self.tell(cmd.SubmitArtifact(session_id=session, artifact=name, digest=digest), may)
        if may:
            model.documents.add(name)
            model.is_open = is_open if name == "plan_document" else model.is_open

    @precondition(lambda self: self.model.place == "working")
    @rule()
    def hand_in_everything(self) -> None:
        self.story.hand_in()
        self.model.documents |= self.model.wanted()
        self.model.is_open = self.model.is_open and self.model.phase != "PLAN"

    @rule(
        session=st.sampled_from(SESSIONS),
        current=st.sampled_from([None, None, None, *PHASES]),
        to=st.sampled_from([None, None, None, *PHASES]),
    )
    def request(self, session: str, current: str | None, to: str | None) -> None:
        model = self.model
        current, target = current or model.phase, to or FORWARD[model.phase]
        is_edge = FORWARD[model.phase] == target or (model.phase, target) in BACK
        may = (
            model.place == "working"
            and model.holder == session
            and current == model.phase
            and is_edge
        )
        asked = cmd.RequestTransition(
            request_id=self.story.new_id("req"),
            session_id=session,
            current_phase=current,
            target_phase=target,
        )
        self.tell(asked, may)
        if may:
            model.place, model.target = "measuring", target

    @rule(tree=st.sampled_from([None, None, *TREES]), is_right=st.booleans())
    def take_over(self, tree: str | None, is_right: bool) -> None:
        model = self.model
        may = model.place == "measuring" and not model.imported and is_right
        request = self.story.state.last_request if is_right else "req_0"
        self.tell(cmd.TakeOver(request_id=request, tree=tree or model.tree), may)
        if may:
            model.imported = tree or model.tree

    @precondition(lambda self: self.model.place == "measuring")
    @rule(
        measured=st.sampled_from(["good", "good", "good", "missing", "bad"]),
        stale=st.sampled_from([None, None, None, "tree", "binding", "base_tree"]),
    )
    def conclude(self, measured: str, stale: str | None) -> None:
        model = self.model
        facts = self.story.facts(red=self._red(measured), green=self._green(measured))
        if stale is not None:
            changes: dict[str, Any] = {stale: "t9"}
            facts = replace(facts, **changes)
        may = bool(model.imported) and (stale is None or model.is_back)
        command = cmd.Conclude(
            request_id=self.story.state.last_request, facts=facts, approval_id="apr"
        )
        decision = self.tell(command, may)
        if may:
            self._after_conclusion(measured, decision)

    def _red(self, measured: str) -> Any:
        if self.model.phase != "TDD" or measured == "missing":
            return None
        return red() if measured == "good" else replace(red(), new_tests=())

    def _green(self, measured: str) -> Any:
        if self.model.phase != "IMPL" or measured == "missing":
            return None
        return green() if measured == "good" else replace(green(), frozen_changed=("x",))

    def _after_conclusion(self, measured: str, decision: Decision) -> None:
        model = self.model
        kinds = [event.type for event in decision.events]
        if model.is_back:
            assert kinds == ["phase_changed"]
            model.enter(model.target, model.imported)
        elif not self._opens(measured):
            assert kinds == ["gate_blocked"]
            assert decision.reasons
            model.place, model.target, model.imported = "working", "", ""
        elif model.phase == "PLAN" and model.is_open:
            assert kinds == ["approval_requested"]
            model.place = "awaiting_approval"
        elif model.phase == "DONE":
            assert kinds == ["completion_accepted"]
            model.place = "landing"
        else:
            assert kinds[-2:] == ["gate_passed", "phase_changed"]
            self._forward()

    def _opens(self, measured: str) -> bool:
        model = self.model
        if not model.wanted() <= model.documents:
            return False
        match model.phase:
            case "TDD" | "IMPL":
                return measured == "good"
            case "REVIEW":
                return self._is_reviewed()
            case "DONE":
                return model.imported == model.tree
        return True

    def _is_reviewed(self) -> bool:
        """The last verdict was on this tree, by somebody who to this day never worked on it."""
        agent, _, rest = self.model.verdict.partition("@")
        return rest == f"{self.model.imported}:pass" and agent not in self.model.worked

    def _forward(self) -> None:
        model = self.model
        model.passed[GATES[model.phase]] = model.imported
        model.enter(model.target, model.imported)

    @precondition(lambda self: self.model.place == "ready")
    @rule(tree=st.sampled_from(TREES), agent=st.sampled_from(AGENTS))
    def leave_as_it_should_be(self, tree: str, agent: str) -> None:
        """A whole phase in one step, so that the far ones are reached as well."""
        model = self.model
        self.start_attempt(SESSIONS[0], agent)
        self.hand_in_everything()
        if model.phase == "REVIEW" and not model.reviews:
            self.start_reviewer("reviewer", self.story.new_id("r"))
            for session in list(model.reviews):
                self.submit_verdict(session, "security", None, "pass")
        if model.phase in ("REVIEW", "DONE"):
            tree = model.tree
        self.request(SESSIONS[0], None, None)
        self.take_over(tree, True)
        self.conclude("good", None)

    # -- people ----------------------------------------------------------------------------

    @rule(
        yes=st.booleans(),
        wrong=st.sampled_from([None, None, None, "binding", "gate", "id"]),
    )
    def answer(self, yes: bool, wrong: str | None) -> None:
        model = self.model
        waits = model.place == "awaiting_approval"
        approval = self.story.approval() if waits else NOTHING
        if wrong is not None:
            approval = replace(approval, **{wrong: "x"})
        command = cmd.Approve(approval=approval) if yes else cmd.Reject(approval=approval)
        self.tell(command, waits and wrong is None)
        if waits and wrong is None:
            if yes:
                self._forward()
            else:
                model.place = "ready"
                model.release()

    # -- reviewers -------------------------------------------------------------------------

    @rule(agent=st.sampled_from(AGENTS), session=st.sampled_from(["r1", "r2", "r3"]))
    def start_reviewer(self, agent: str, session: str) -> None:
        model = self.model
        if any(r.session_id == session for r in self.story.state.reviewers):
            return  # the server never gives an id twice
        is_taken = bool(model.reviews) or f"@{model.tree}:" in model.verdict
        may = (
            model.place in ("ready", "working", "measuring")
            and agent not in model.worked
            and not is_taken
        )
        self.tell(
            cmd.StartReviewer(
                session_id=session, agent_id=agent, role="security", confinement="none"
            ),
            may,
        )
        if may:
            model.reviews[session] = (agent, model.tree)

    @rule(
        session=st.sampled_from(["r1", "r2", "r3", *SESSIONS]),
        role=st.sampled_from(["security", "security", "quality"]),
        tree=st.sampled_from([None, None, *TREES]),
        verdict=st.sampled_from(["pass", "fail"]),
    )
    def submit_verdict(self, session: str, role: str, tree: str | None, verdict: str) -> None:
        model = self.model
        agent, on = model.reviews.get(session, ("", ""))
        named = tree or model.tree
        may = (
            model.place in ("ready", "working", "measuring")
            and session in model.reviews
            and agent not in model.worked
            and role == "security"
            and named == on == model.tree
        )
        self.tell(
            cmd.SubmitVerdict(session_id=session, role=role, tree=named, verdict=verdict), may
        )
        if may:
            model.verdict = f"{agent}@{named}:{verdict}"

    @rule(session=st.sampled_from(["r1", "r2", "r3"]))
    def end_reviewer(self, session: str) -> None:
        self.tell(cmd.EndReviewer(session_id=session, outcome="exited"), True)
        self.model.reviews.pop(session, None)

    # -- the rest --------------------------------------------------------------------------

    @rule()
    def complete(self) -> None:
        landing = self.model.place == "landing"
        self.tell(cmd.Complete(commit="c1"), landing)
        if landing:
            self.model.place = "completed"
            self.model.release()

    @rule()
    def notice(self) -> None:
        self.tell(cmd.Record(event=ev.BlockerEncountered(message="x")), True)
        self.model.notices += 1

    # -- what always holds -----------------------------------------------------------------

    @invariant()
    def the_task_is_where_the_picture_says(self) -> None:
        state, model = self.story.state, self.model
        assert state.status.value == model.place
        assert (state.phase, state.tree) == (model.phase, model.tree)
        holder = "" if model.place == "completed" else model.holder
        assert state.session_id == holder

    @invariant()
    def the_state_is_the_fold_of_its_events(self) -> None:
        assert self.story.state.version == len(self.story.events)
        assert fold(self.story.events, TaskState(task_id="task_1")) == self.story.state

    @invariant()
    def the_epoch_never_goes_back(self) -> None:
        assert self.story.state.epoch >= self.epoch
        self.epoch = self.story.state.epoch

    @invariant()
    def nothing_lands_that_did_not_pass_every_gate(self) -> None:
        if self.model.place in ("landing", "completed"):
            assert set(self.model.passed) == set(GATES.values())
            assert self.model.passed["green"] == self.model.passed["reviewed"] == self.model.tree
            assert self._recorded() == self.model.passed

    def _recorded(self) -> dict[str, str]:
        return {e.gate: e.tree for e in self.story.events if isinstance(e, ev.GatePassed)}

    @invariant()
    def tests_are_frozen_exactly_between_red_and_going_back_before_it(self) -> None:
        frozen = self.story.state.frozen
        assert (frozen is not None) is ("red" in self.model.passed)
        if frozen is not None:
            assert frozen.tree == self.model.passed["red"]

    @invariant()
    def an_event_that_the_status_cannot_have_raises(self) -> None:
        state = self.story.state
        for event in SAMPLES:
            if not is_legal(state.status, event.type):
                with pytest.raises(IllegalTransitionError):
                    evolve(state, event)


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestMachine = Machine.TestCase
