"""Collecting the facts that a gate asks for: measured by the judge, read from records, never
taken from the agent.

Each measurement is kept as a blob with an ``evidence_recorded`` event before anything is decided
on it, so that the decision can be followed later and a restarted server measures again only what
is not there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from interlock.core.binding import binding
from interlock.core.commands import Record
from interlock.core.condition_facts import known_facts
from interlock.core.events import ArtifactSubmitted, EvidenceRecorded
from interlock.core.facts import GateFacts, GreenFacts, JobFacts, RedFacts, WorkFacts
from interlock.core.gates.evaluate import needs, plan_of
from interlock.core.gates.jobs import Job, JobKind, Plan
from interlock.core.gates.kind import Needs
from interlock.core.gates.red import freezes
from interlock.core.gates.verdicts import counted
from interlock.core.model import EnvironmentSpec, GateSpec, WorkflowSpec
from interlock.core.policy.paths import writable
from interlock.core.remarks import comments
from interlock.core.tasks import PendingRequest, TaskState
from interlock.core.work import PLAN, WITHOUT_RED, Kind, settled, stated_kind
from interlock.engine.codec import plain, typed
from interlock.engine.environments import Environments
from interlock.engine.ledger import Ledger
from interlock.engine.looking import look
from interlock.errors import InterlockError
from interlock.ports.judge import (
    CommandRequest,
    GreenRequest,
    RedRequest,
    StaticRequest,
    WorkRequest,
)
from interlock.ports.runner import JudgeKind, Runner
from interlock.ports.vcs import Repository

__all__ = ["Gatekeeper", "patterns_of_tests"]

F = TypeVar("F", RedFacts, GreenFacts, JobFacts, WorkFacts)

REVIEW_REPORT = "review_report"


class Gatekeeper:
    """Facts for gates.

    Args:
        new_id: makes an id from a prefix.
    """

    def __init__(
        self,
        ledger: Ledger,
        runner: Runner,
        repository: Repository,
        environments: Environments,
        new_id: Callable[[str], str],
    ) -> None:
        self._ledger = ledger
        self._runner = runner
        self._repository = repository
        self._environments = environments
        self._new_id = new_id

    async def measure(self, task_id: str, request: PendingRequest) -> GateFacts:
        """Everything that the gate of ``request`` may look at; slow where tests have to run."""
        state = self._ledger.state(task_id)
        workflow = self._ledger.workflow(state)
        edge = workflow.edge(request.source, request.target)
        phase = workflow.phase(request.source)
        gate = phase.gate(edge.gate) if phase and edge and edge.gate else None
        work = await self._work(state, workflow, request)
        known = await self._known(state, request.tree, gate, None, None, work)
        wanted = needs(gate, known.named)
        red = await self._red(state, workflow, request) if Needs.RED in wanted else None
        kind = str(known.named["work.kind"])
        green = await self._green(state, workflow, request, kind) if Needs.GREEN in wanted else None
        plan = plan_of(gate, known.named)
        jobs = {j.key: await self._do(state, workflow, request, j) for j in plan.jobs}
        if phase is not None and any(a.type == REVIEW_REPORT for a in phase.required_artifacts):
            await self._build_review_report(state, request.tree)
        state = self._ledger.state(task_id)
        return await self.facts(state, request.tree, gate, red, green, work, jobs)

    async def facts(
        self,
        state: TaskState,
        tree: str,
        gate: GateSpec | None,
        red: RedFacts | None = None,
        green: GreenFacts | None = None,
        work: WorkFacts | None = None,
        jobs: Mapping[str, JobFacts] | None = None,
    ) -> GateFacts:
        """The facts as they are known now, without measuring anything.

        Args:
            jobs: of checks; without them those on record count.
        """
        known = await self._known(state, tree, gate, red, green, work)
        plan = plan_of(gate, known.named)
        done = await self._done(state, tree, plan) if jobs is None else jobs
        workflow = self._ledger.workflow(state)
        facts = replace(known, jobs=done)
        return await asyncio.to_thread(look, self._repository, workflow, state, plan, facts)

    async def _known(
        self,
        state: TaskState,
        tree: str,
        gate: GateSpec | None,
        red: RedFacts | None,
        green: GreenFacts | None,
        work: WorkFacts | None,
    ) -> GateFacts:
        """What is known for every gate, whatever its checks ask for."""
        workflow = self._ledger.workflow(state)
        artifacts = {name: await self.document(digest) for name, digest in state.artifacts.items()}
        changes = await asyncio.to_thread(self._repository.diff, state.base_tree, tree)
        remarks = await asyncio.to_thread(
            comments, state.reviews, tree, state.authors, self._repository.read
        )
        rules = writable(workflow, state.phase)
        settled_work = settled(workflow.work_types, artifacts.get(PLAN), work, state.work)
        return GateFacts(
            tree=tree,
            base_tree=state.base_tree,
            artifacts=artifacts,
            changes=changes,
            own_changes=tuple(c for c in changes if rules.why_not(c.path) is None),
            refused=state.request.refused if state.request else {},
            red=red,
            green=green,
            verdicts=state.verdicts,
            authors=state.authors,
            comments=remarks,
            binding=binding(state, gate=gate.id if gate else "", tree=tree, red=red, green=green),
            work=work,
            named=known_facts(
                work=settled_work,
                title=state.title,
                priority=state.priority,
                capabilities=state.capabilities,
                changes=changes,
                confinement=state.confinement,
                mode=workflow.mode,
            ),
        )

    async def document(self, digest: str) -> Any:
        """A blob as the JSON document that it is."""
        return json.loads(await self._ledger.run(lambda: self._ledger.store.get_blob(digest)))

    async def newest(self, state: TaskState, kind: Needs) -> Mapping[str, Any] | None:
        """The newest measurement of a kind on the tree that was last measured."""
        digest = state.measured.get(kind.value)
        return await self.document(digest) if digest else None

    async def newest_work(self, state: TaskState) -> WorkFacts | None:
        """What was last measured of the kind of work."""
        digest = state.measured.get(JudgeKind.WORK.value)
        return typed((await self.document(digest))["facts"], WorkFacts) if digest else None

    async def _work(
        self, state: TaskState, workflow: WorkflowSpec, request: PendingRequest
    ) -> WorkFacts | None:
        """What the diff is; not asked where the plan states nothing that it could contradict."""
        stated, _ = stated_kind(workflow.work_types, await self._artifact(state, PLAN))
        if stated in (None, Kind.FEATURE) or request.tree == state.base_tree:
            return None
        asked = WorkRequest(
            base=state.base_tree,
            tree=request.tree,
            test_patterns=patterns_of_tests(workflow),
            types=replace(workflow.work_types, position=None),
        )
        return await self._ask(state, request, JudgeKind.WORK, asked, WorkFacts)

    async def _red(
        self, state: TaskState, workflow: WorkflowSpec, request: PendingRequest
    ) -> RedFacts:
        environment = self._recipe(workflow)
        if isinstance(environment, InterlockError):
            return RedFacts(problem=environment.message, remedy=environment.remedy)
        plan = await self._artifact(state, PLAN)
        asked = RedRequest(
            base=state.base_tree,
            tree=request.tree,
            new_symbols=tuple(map(str, plan.get("new_symbols") or ())),
            test_patterns=patterns_of_tests(workflow),
            environment=environment,
        )
        return await self._ask(state, request, JudgeKind.RED, asked, RedFacts)

    async def _green(
        self, state: TaskState, workflow: WorkflowSpec, request: PendingRequest, kind: str
    ) -> GreenFacts:
        environment = self._recipe(workflow)
        if isinstance(environment, InterlockError):
            return GreenFacts(problem=environment.message, remedy=environment.remedy)
        if state.frozen is None and kind in WITHOUT_RED:
            unchanged = GreenRequest(
                base=state.base_tree,
                red_tree=state.base_tree,
                tree=request.tree,
                test_patterns=patterns_of_tests(workflow),
                environment=environment,
                kind=kind,
            )
            return await self._ask(state, request, JudgeKind.GREEN, unchanged, GreenFacts)
        if state.frozen is None:
            return GreenFacts(problem="no tests were frozen at RED")
        plan = await self._artifact(state, PLAN)
        asked = GreenRequest(
            base=state.base_tree,
            red_tree=state.frozen.tree,
            tree=request.tree,
            red_tests=state.frozen.red_tests,
            new_tests=state.frozen.new_tests,
            base_green=state.frozen.base_green,
            test_patterns=patterns_of_tests(workflow),
            config=state.frozen.config,
            new_symbols=tuple(map(str, plan.get("new_symbols") or ())),
            environment=environment,
        )
        return await self._ask(state, request, JudgeKind.GREEN, asked, GreenFacts)

    async def _do(
        self, state: TaskState, workflow: WorkflowSpec, request: PendingRequest, job: Job
    ) -> JobFacts:
        """Have a check's job done."""
        if job.kind is JobKind.STATIC:
            asked: CommandRequest | StaticRequest = StaticRequest(
                base=state.base_tree,
                tree=request.tree,
                rules=job.what,
                test_patterns=patterns_of_tests(workflow),
            )
            return await self._ask(state, request, JudgeKind.STATIC, asked, JobFacts, name=job.key)
        try:
            environment = self._environments.trusted_commands(workflow)
        except InterlockError as error:
            return JobFacts(problem=error.message, remedy=error.remedy)
        asked = CommandRequest(
            base=state.base_tree,
            tree=request.tree,
            command=job.what,
            environment=environment,
            directory=job.directory,
            seconds=job.seconds,
        )
        return await self._ask(state, request, JudgeKind.COMMAND, asked, JobFacts, name=job.key)

    async def _done(self, state: TaskState, tree: str, plan: Plan) -> Mapping[str, JobFacts]:
        """What is known of jobs on this tree."""
        if state.measured.get("tree") != tree:
            return {}
        kept = {j.key: state.measured[j.key] for j in plan.jobs if j.key in state.measured}
        return {
            key: typed((await self.document(digest))["facts"], JobFacts)
            for key, digest in kept.items()
        }

    def _recipe(self, workflow: WorkflowSpec) -> EnvironmentSpec | InterlockError:
        try:
            return self._environments.trusted(workflow)
        except InterlockError as error:
            return error

    async def _ask(
        self,
        state: TaskState,
        request: PendingRequest,
        kind: JudgeKind,
        asked: RedRequest | GreenRequest | WorkRequest | CommandRequest | StaticRequest,
        facts: type[F],
        *,
        name: str = "",
    ) -> F:
        """One judge job, kept as evidence; what the judge could not do is a fact as well.

        Args:
            name: what it is kept under, if not under its kind.
        """
        try:
            answer = await self._runner.judge(kind, plain(asked), owner=state.task_id)
        except InterlockError as error:
            if error.retryable:
                raise
            answer = {"problem": error.message, "remedy": error.remedy}
        measured = typed(answer, facts)
        kept = {"kind": name or kind.value, "request": plain(asked), "facts": plain(measured)}
        text = json.dumps(kept)
        digest = await self._ledger.run(lambda: self._ledger.store.put_blob(text.encode()))
        evidence = EvidenceRecorded(
            evidence_id=self._new_id("evd"),
            kind=kept["kind"],
            tree=request.tree,
            digest=digest,
            environment=measured.environment,
            level=measured.level,
        )
        await self._ledger.apply(state.task_id, Record(event=evidence), actor="server")
        return measured

    async def _artifact(self, state: TaskState, name: str) -> Mapping[str, Any]:
        digest = state.artifacts.get(name)
        document = await self.document(digest) if digest else {}
        return document if isinstance(document, dict) else {}

    async def _build_review_report(self, state: TaskState, tree: str) -> None:
        verdicts = counted(GateFacts(tree=tree, verdicts=state.verdicts, authors=state.authors))
        issues = [{"role": v.role, **plain(issue)} for v in verdicts for issue in v.issues]
        report = {
            "reviews": {
                v.role: {"verdict": v.verdict, "tree": v.tree, "issues": plain(v.issues)}
                for v in verdicts
            },
            "consolidated_issues": issues,
            "blocking_issues": [issue for issue in issues if issue["blocking"]],
        }
        text = json.dumps(report, sort_keys=True).encode()
        digest = await self._ledger.run(lambda: self._ledger.store.put_blob(text))
        if state.artifacts.get(REVIEW_REPORT) == digest:
            return
        built = ArtifactSubmitted(
            artifact=REVIEW_REPORT, digest=digest, phase=state.phase, session_id=""
        )
        await self._ledger.apply(state.task_id, Record(event=built), actor="server")


def patterns_of_tests(workflow: WorkflowSpec) -> tuple[str, ...]:
    """What counts as a test: the paths that the phase guarded by ``tests_are_failing`` may
    write."""
    return next(
        (
            phase.tool_constraints["write_files"].allowed_patterns
            for phase in workflow.phases
            if freezes(phase) and "write_files" in phase.tool_constraints
        ),
        ("tests/**", "test/**", "**/test_*.py", "**/*_test.py", "**/conftest.py"),
    )
