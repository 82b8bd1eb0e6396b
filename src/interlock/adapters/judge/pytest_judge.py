"""The judge for pytest: RED and GREEN as measurements, never as opinions.

The tree of every run is put together here: sources from one tree, tests and test configuration
from another. Each run is on a fresh copy, in a child of its own, and the runs of one measurement
come in random order, so that code cannot tell them apart by what it finds.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from interlock.adapters.confinement import UidRange
from interlock.adapters.judge.base_runs import BaseRun, BaseRuns
from interlock.adapters.judge.command_run import run_command
from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.discovery import Discovery
from interlock.adapters.judge.environment import Environments
from interlock.adapters.judge.green_runs import Candidate, GreenRuns
from interlock.adapters.judge.place import Place
from interlock.adapters.judge.provisions import Provisions
from interlock.adapters.judge.reading import found
from interlock.adapters.judge.results import Blame
from interlock.adapters.judge.snapshot import Contents, Snapshot
from interlock.adapters.judge.variants import Variant, files_of, function_of
from interlock.adapters.judge.work_kind import kind_of_work
from interlock.adapters.judge.workbench import Workbench
from interlock.adapters.secrets import DIRECTORY as SECRETS
from interlock.adapters.secrets import Secrets
from interlock.adapters.trees.repository import Repository
from interlock.core.facts import (
    BaseFacts,
    GreenFacts,
    JobFacts,
    RedFacts,
    Run,
    TestOutcome,
    WorkFacts,
)
from interlock.core.model import EnvironmentSpec
from interlock.core.parameters import function
from interlock.core.policy.paths import PathRules
from interlock.core.work import Kind
from interlock.errors import InterlockError
from interlock.ports.confinement import Level, Limits
from interlock.ports.judge import (
    BaseRequest,
    CommandRequest,
    GreenRequest,
    RedRequest,
    StaticRequest,
    WorkRequest,
)
from interlock.ports.statics import Statics, Stubs

__all__ = ["PytestJudge"]

_RED = (TestOutcome.FAILED, TestOutcome.ERROR)
_TEST_MODULES = ("test_*.py", "*_test.py")
_BY_HAND = "Have a person build and test this change."


class PytestJudge:
    """Measures in sandboxes; satisfies ``ports.judge.Judge``.

    Args:
        repository: holds the trees.
        statics: what is known of Python without running it.
        state_dir: for environments (``env/``), exported bases and base runs (``judge/``), and with
            the secrets of tests.
        level: confinement of every job.
        uids: users for jobs, none of which a session is ever given.
        limits: of one job.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        statics: Statics,
        state_dir: Path,
        level: Level,
        uids: UidRange,
        limits: Limits | None = None,
    ) -> None:
        self._repository = repository
        self._statics = statics
        self._directory = state_dir / "judge"
        self._place = Place(
            level=level,
            uids=uids,
            scratch=self._directory / "work",
            limits=limits or Limits(),
        )
        self._environments = Environments(repository, state_dir / "env", self._place)
        self._provisions = Provisions(
            self._environments,
            Secrets(state_dir / SECRETS),
            BaseRuns(self._directory / "runs"),
            level,
        )

    def environment(self, spec: EnvironmentSpec, base: str, *, newer_than: float = 0.0) -> str:
        """See ``ports.judge.Judge``."""
        return self._environments.built(spec, base, newer_than=newer_than).digest

    def environment_digest(self, spec: EnvironmentSpec, base: str) -> str:
        """See ``ports.judge.Judge``."""
        return self._environments.digest(spec, base)

    def environments(self) -> list[dict[str, Any]]:
        """See ``ports.judge.Judge``."""
        return self._environments.listed()

    def prune(self, keep: Iterable[tuple[EnvironmentSpec, str]]) -> list[dict[str, Any]]:
        """See ``ports.judge.Judge``."""
        return self._environments.pruned(keep)

    def environment_path(self, digest: str) -> str:
        """See ``ports.judge.Judge``."""
        return str(self._environments.at(digest).root)

    def work(self, request: WorkRequest) -> WorkFacts:
        """See ``ports.judge.Judge``."""
        level = self._place.level.value
        contents = self._contents(request.base)
        facts = kind_of_work(
            contents.tree(request.base),
            contents.tree(request.tree),
            _matcher(request.test_patterns),
            request.types,
            self._statics,
        )
        return replace(facts, level=level)

    def base(self, request: BaseRequest) -> BaseFacts:
        """See ``ports.judge.Judge``."""
        level = self._place.level.value
        try:
            conditions = self._provisions.of(request.environment, request.base)
            facts = self._base(request, conditions)
        except InterlockError as error:
            return BaseFacts(problem=error.message, remedy=error.remedy, level=level)
        return replace(facts, environment=conditions.environment.digest, level=level)

    def _base(self, request: BaseRequest, conditions: Conditions) -> BaseFacts:
        base = self._contents(request.base).tree(request.base)
        kept = self._provisions.base_run(request.base, conditions)
        seed = int(base.oid[:8], 16)
        with self._workbench(conditions, base, request.seconds) as bench:
            first = _base_run(bench, base, kept)
            if not first.whole:
                return BaseFacts(problem=first.problem, run=first)
            shuffled = Variant(name="base", tree=base, seed=seed)
            again = kept.again(lambda: bench.measure(shuffled).run)
        problem = "" if again.whole else f"in random order: {again.problem}"
        return BaseFacts(problem=problem, run=first, again=again, seed=seed, flaky=kept.flaky)

    def red(self, request: RedRequest) -> RedFacts:
        """See ``ports.judge.Judge``."""
        level = self._place.level.value
        try:
            conditions = self._provisions.of(request.environment, request.base)
            facts = self._red(request, conditions)
        except InterlockError as error:
            return RedFacts(problem=_problem(error), level=level)
        return replace(facts, environment=conditions.environment.digest, level=level)

    def green(self, request: GreenRequest) -> GreenFacts:
        """See ``ports.judge.Judge``."""
        level = self._place.level.value
        known = GreenFacts(
            level=level,
            red_tests=request.red_tests,
            base_green=request.base_green,
            kind=request.kind,
        )
        try:
            conditions = self._provisions.of(request.environment, request.base)
            facts = self._green(request, conditions)
        except InterlockError as error:
            return replace(known, problem=_problem(error))
        facts = replace(facts, environment=conditions.environment.digest, level=level)
        if request.kind:
            return replace(facts, kind=request.kind)
        return replace(facts, red_tests=known.red_tests, base_green=known.base_green)

    def command(self, request: CommandRequest) -> JobFacts:
        """See ``ports.judge.Judge``."""
        level = self._place.level.value
        try:
            conditions = self._provisions.of(request.environment, request.base)
            contents = self._contents(request.base)
            base, tree = contents.tree(request.base), contents.tree(request.tree)
            if stale := conditions.stale(tree.differing(base)):
                return JobFacts(problem=stale, remedy=_BY_HAND, level=level)
            facts = run_command(self._place, conditions, tree, request)
        except InterlockError as error:
            return JobFacts(problem=error.message, remedy=error.remedy, level=level)
        return replace(facts, environment=conditions.environment.digest, level=level)

    def static(self, request: StaticRequest) -> JobFacts:
        """See ``ports.judge.Judge``."""
        level = self._place.level.value
        if request.rules != self._statics.rules:
            return JobFacts(
                problem=f"this judge has no rules {request.rules}", remedy=_BY_HAND, level=level
            )
        contents = self._contents(request.base)
        base, tree = contents.tree(request.base), contents.tree(request.tree)
        is_test = _matcher(request.test_patterns)
        sources = [path for path in tree.differing(base) if path in tree.paths]
        looked_at = sum(path.endswith(".py") and not is_test(path) for path in sources)
        return JobFacts(
            findings=found(base, tree, self._statics.findings, without=is_test),
            looked_at=looked_at,
            level=level,
        )

    def _red(self, request: RedRequest, conditions: Conditions) -> RedFacts:
        contents = self._contents(request.base)
        is_test = _matcher(request.test_patterns)
        base = contents.tree(request.base)
        frozen = contents.tree(request.tree).taking(base, lambda path: not is_test(path))
        marker, stubs = self._stubs(base, request.new_symbols, is_test)
        kept = self._provisions.base_run(request.base, conditions)
        with self._workbench(conditions, frozen, request.seconds) as bench:
            base_run = _base_run(bench, base, kept)
            variant = _new_tests(base, frozen, base_run)
            variant = replace(variant, tree=frozen.writing(stubs.changes))
            red = bench.measure(variant, blame=_blame(stubs, marker, base, is_test)).run
            new_tests = self._new_ids(base, frozen, base_run, red)
            discovery = Discovery(bench, conditions, self._statics, base_run, frozen, is_test)
            passed_by = discovery.passed_by(base, variant, red, new_tests)
        problem = f"the base: {base_run.problem}" if base_run.problem else red.problem
        if not problem and not red.tests and not red.collect_errors:
            problem = (
                "no test of a changed file was found; name files test_*.py and functions test_* "
                "below the test paths"
            )
        return RedFacts(
            problem=problem,
            base=base_run,
            red=red,
            new_tests=new_tests,
            guards=self._guards(frozen, new_tests, red),
            stubbed=stubs.stubbed,
            not_stubbed=stubs.impossible,
            config=_digest(self._statics.configuration(frozen.paths, frozen.read)),
            meaningless=self._meaningless(variant.tree, new_tests, is_test),
            undiscovered=passed_by,
            flaky=kept.flaky,
        )

    def _green(self, request: GreenRequest, conditions: Conditions) -> GreenFacts:
        contents = self._contents(request.base)
        is_test = _matcher(request.test_patterns)
        base, candidate = contents.tree(request.base), contents.tree(request.tree)
        if stale := conditions.stale(candidate.differing(base)):
            return GreenFacts(problem=stale, remedy=_BY_HAND)
        # The base's sources and the frozen tests: what the revert run is made on.
        frozen = contents.tree(request.red_tree).taking(base, lambda path: not is_test(path))
        config = self._statics.configuration(frozen.paths, frozen.read)
        now = self._statics.configuration(candidate.paths, candidate.read)
        changed = {path for path in config.keys() | now if config.get(path) != now.get(path)}
        moved = [path for path in candidate.differing(frozen) if is_test(path)]
        if request.config and request.config != _digest(config):
            moved.append("the test configuration is not the one of RED")
        tree = candidate.taking(frozen, lambda path: is_test(path) or path in changed)
        sources = [path for path in tree.differing(frozen) if path.endswith(".py")]
        _, stubs = self._stubs(base, request.new_symbols, is_test)
        of = Candidate(
            tree=tree,
            reverted=frozen,
            stubbed=frozen.writing(stubs.changes),
            tests=request.new_tests,
            must_pass=frozenset({*request.red_tests, *request.base_green}),
            sources=tuple(sources),
            planned=request.new_symbols,
            seed=secrets.token_hex(16),
        )
        kept = self._provisions.base_run(request.base, conditions)
        with self._workbench(conditions, tree, request.seconds) as bench:
            if request.kind:
                base_run = _base_run(bench, base, kept)
                if problem := base_run.problem:
                    return GreenFacts(problem=f"the base: {problem}")
                if request.kind == Kind.DOCS and not (base_run.tests or base_run.collect_errors):
                    return GreenFacts()
                of = _unchanged(of, base_run, kept, is_refactoring=request.kind == Kind.REFACTOR)
            facts = GreenRuns(bench, self._statics, of).facts()
        suite = facts.suite
        nothing = "" if suite is None or suite.tests else "no tests were found"
        if request.kind:
            facts = replace(facts, base_green=tuple(sorted(of.must_pass)))
            run = set(files_of(test.id for test in suite.tests)) if suite else set()
            moved += [path for path in candidate.differing(base) if path in run]
        return replace(
            facts,
            problem=(suite.problem if suite else "") or nothing,
            frozen_changed=tuple(dict.fromkeys((*moved, *sorted(changed)))),
            findings=found(base, candidate, self._statics.findings, without=is_test),
            commented=found(base, candidate, self._statics.commented_code),
            flaky=kept.flaky,
        )

    def _stubs(
        self, base: Snapshot, symbols: Collection[str], is_test: Callable[[str], bool]
    ) -> tuple[str, Stubs]:
        """Stubs for what is planned, and the word that their errors carry."""
        marker = f"il-{secrets.token_hex(8)}"
        sources = [path for path in base.paths if not is_test(path)]
        return marker, self._statics.stubs(symbols, sources, base.read, marker)

    def _contents(self, base: str) -> Contents:
        return Contents(self._repository, base, self._directory / "base")

    def _workbench(self, conditions: Conditions, tree: Snapshot, seconds: int) -> Workbench:
        return Workbench(self._place, conditions, self._statics, tree, seconds)

    def _new_ids(
        self, base: Snapshot, frozen: Snapshot, base_run: Run, red: Run
    ) -> tuple[str, ...]:
        """Ids of functions that are new or differ from the base's; of the others, ids that fail
        and that the base does not have or that read what is now bound differently: one that
        passes is an old test."""
        changed: dict[str, frozenset[str]] = {}
        affected: dict[str, frozenset[str]] = {}
        for path in files_of(test.id for test in red.tests):
            if path in frozen.paths and base.entry(path) != frozen.entry(path):
                old = base.read(path) if path in base.paths else b""
                changed[path] = self._statics.changed_symbols(old, frozen.read(path))
                affected[path] = self._statics.affected_symbols(old, frozen.read(path))
        known = set(map(function, base_run.ids))

        def is_in(names: Mapping[str, frozenset[str]], test: str) -> bool:
            return function_of(test).replace("::", ".") in names.get(test.partition("::")[0], ())

        return tuple(
            test.id
            for test in red.tests
            if is_in(changed, test.id)
            or function(test.id) not in known
            or (
                test.outcome is not TestOutcome.PASSED
                and (test.id not in base_run.ids or is_in(affected, test.id))
            )
        )

    def _meaningless(
        self, tree: Snapshot, tests: Sequence[str], is_test: Callable[[str], bool]
    ) -> dict[str, str]:
        names = {test: (test.partition("::")[0], function_of(test)) for test in tests}
        found = self._statics.meaningless(set(names.values()), tree.paths, tree.read, is_test)
        return {test: found[name] for test, name in names.items() if name in found}

    def _guards(self, tree: Snapshot, new_tests: Sequence[str], red: Run) -> tuple[str, ...]:
        names = {test: (test.partition("::")[0], function_of(test)) for test in new_tests}
        written = self._statics.definitions(set(names.values()), tree.paths, tree.read)
        at = {test: written.get(name, "::".join(name)) for test, name in names.items()}
        failing = {at[test] for test in red.with_outcome(*_RED) & at.keys()}
        quiet = red.with_outcome(TestOutcome.PASSED, TestOutcome.SKIPPED)
        return tuple(test for test in new_tests if test in quiet and at[test] in failing)


def _unchanged(of: Candidate, base: Run, kept: BaseRun, *, is_refactoring: bool) -> Candidate:
    """The candidate where nothing new is tested: what passed on the base has to pass."""
    passed = base.with_outcome(TestOutcome.PASSED)
    steady = tuple(test.id for test in base.tests if test.id in passed - set(kept.flaky))
    return replace(
        of,
        tests=steady if is_refactoring else (),
        must_pass=frozenset(passed),
        is_unchanged=True,
    )


def _base_run(bench: Workbench, base: Snapshot, kept: BaseRun) -> Run:
    """The full suite of the base: measured once for each base and environment."""
    return kept.first(lambda: bench.measure(Variant(name="base", tree=base)).run)


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    rules = PathRules(allowed=tuple(patterns), protected=())
    return lambda path: rules.why_not(path) is None


def _blame(stubs: Stubs, marker: str, base: Snapshot, is_test: Callable[[str], bool]) -> Blame:
    # A symbol that no stub could be written for is planned all the same.
    named = (symbol.replace("::", ".").replace(":", ".") for symbol in stubs.impossible)
    names = stubs.names | frozenset(named)

    def is_attribute(name: str) -> bool:
        written = re.compile(rb"(?:\.|\bdef +|^ +)%s\b" % re.escape(name.encode()), re.MULTILINE)
        sources = (p for p in base.paths if p.endswith(".py") and not is_test(p))
        return any(written.search(base.read(path)) for path in sources)

    return Blame(marker, names, is_source=lambda path: not is_test(path), is_attribute=is_attribute)


def _new_tests(base: Snapshot, frozen: Snapshot, base_run: Run) -> Variant:
    """Run the tests of changed files; and, if more than test modules changed, all new ids."""
    changed = [path for path in frozen.differing(base) if path in frozen.paths]
    code = [path for path in changed if path.endswith(".py")]
    modules = [
        path for path in code if any(fnmatch(posixpath.basename(path), p) for p in _TEST_MODULES)
    ]
    if code == modules and modules:
        return Variant(name="red", tree=frozen, arguments=tuple(modules))
    known = frozenset(i for i in base_run.ids if i.partition("::")[0] not in changed)
    return Variant(name="red", tree=frozen, drop=known)


def _digest(configuration: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(configuration.items())).encode()).hexdigest()


def _problem(error: InterlockError) -> str:
    return f"{error.message}; {error.remedy}" if error.remedy else error.message
