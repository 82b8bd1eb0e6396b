"""One step from release to release, through RED and GREEN as a task would go."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from tests.honest import plain
from tests.honest.catalogue import Package
from tests.honest.gates import WORKFLOW, Verdict, green_request, green_verdict, red_verdict
from tests.honest.planned import planned_symbols
from tests.honest.rebuild import Releases, Split, Trio, rebuilt
from tests.honest.texts import functions
from tests.honest.trees import Tree, Trees

import interlock.statics.python as statics
from interlock.adapters.confinement import UidRange
from interlock.adapters.judge import PytestJudge
from interlock.core.facts import Fate, GreenFacts, RedFacts, Run, TestOutcome
from interlock.core.gates.belief import inconclusive
from interlock.core.model import EnvironmentSpec
from interlock.core.policy.paths import PathRules
from interlock.engine.gatekeeper import patterns_of_tests
from interlock.ports.confinement import Level
from interlock.ports.judge import GreenRequest, RedRequest
from interlock.statics.python.symbols import parse
from interlock.statics.python.written_tests import WrittenTests

__all__ = ["Kind", "Measured", "Replay", "Step"]

_SECONDS = 120
# What an editable install leaves behind, for the processes that tests start.
_LINKED = (
    'printf "/w\\n/w/src\\n" > '
    '"$(python -c "import site; print(site.getsitepackages()[0])")/own.pth"'
)
_DOCUMENTS = (".rst", ".md", ".txt", ".cfg", ".toml", ".yml", ".yaml", ".ini", ".in", ".json")
_BAD = (TestOutcome.FAILED, TestOutcome.ERROR)


class Kind(StrEnum):
    """What a step is, by rule."""

    CHANGE = "feature or fix"
    DOCUMENTS = "no source changed in meaning"
    NO_TESTS = "no test was added or changed"
    NO_RED = "no new test fails on the old sources"
    NOT_HERE = "its own suite does not run on this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of a step.

    Args:
        package, old, new: which releases.
        kind: see there; the rest is empty for all but ``CHANGE``.
        new_tests: ids that were red and had to become green.
        guards: functions that the old code passes already; part of the base.
        left_out: functions that fail with the new release itself, or stand in a file that cannot
            be split.
        suite: ids in the suite at GREEN.
        red, green: the gates' verdicts.
        figures: counts of what the judge looked at.
        why: of another kind than ``CHANGE``, or a note.
        seconds: wall time of the two measurements.
    """

    package: str
    old: str
    new: str
    kind: Kind
    new_tests: int = 0
    guards: int = 0
    left_out: int = 0
    suite: int = 0
    red: Verdict | None = None
    green: Verdict | None = None
    figures: dict[str, int] = field(default_factory=dict)
    why: str = ""
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Allowed at both gates."""
        return bool(self.red and self.red.allowed and self.green and self.green.allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An honest step with everything that a variant of it needs."""

    step: Step
    trio: Trio
    green_request: GreenRequest | None = None
    red_facts: RedFacts | None = None
    green_facts: GreenFacts | None = None


class Replay:
    """Replays steps of one package.

    Args:
        package: which one.
        state: the judge's directory, kept: the environment is built once.
        level: confinement of every run.
    """

    def __init__(self, package: Package, state: Path, level: Level) -> None:
        self.package = package
        self.level = level
        self.trees = Trees(state / "trees")
        self.judge = PytestJudge(
            self.trees.repository, statics=statics, state_dir=state, level=level, uids=UidRange()
        )
        self.patterns = patterns_of_tests(WORKFLOW)
        rules = PathRules(allowed=self.patterns, protected=())
        self.is_test: Callable[[str], bool] = lambda path: rules.why_not(path) is None
        self.spec = EnvironmentSpec(
            setup=(f"pip install --quiet {' '.join(package.tools)}", _LINKED),
        )
        digest = self.judge.environment(self.spec, self.trees.store({}))
        self.environment = Path(self.judge.environment_path(digest))

    def step(self, old: str, new: str, before: Tree, after: Tree) -> Measured:
        """Replay one step."""
        step = Step(package=self.package.name, old=old, new=new, kind=Kind.CHANGE)
        releases = Releases(old=before, new=after, is_test=self.is_test)
        nothing = Trio({}, {}, {})
        if not self._sources_changed(releases):
            return Measured(step=replace(step, kind=Kind.DOCUMENTS), trio=nothing)
        if not releases.changed_tests:
            return Measured(step=replace(step, kind=Kind.NO_TESTS), trio=nothing)
        own = plain.run(after, self.environment, self.level)
        if not own.counts.get("passed"):
            why = own.output.strip()[-800:]
            return Measured(step=replace(step, kind=Kind.NOT_HERE, why=why), trio=nothing)
        releases = replace(releases, planned=planned_symbols(before, after, self.is_test))
        return self._change(step, releases, own)

    def _sources_changed(self, releases: Releases) -> bool:
        def meanings(tree: Tree) -> dict[str, object]:
            found: dict[str, object] = {}
            for path, source in tree.items():
                if not self.is_test(path) and not path.endswith(_DOCUMENTS):
                    try:
                        found[path] = ast.dump(parse(source)) if path.endswith(".py") else source
                    except ValueError:
                        found[path] = source
            return {p: m for p, m in found.items() if not p.startswith("doc")}

        return meanings(releases.old) != meanings(releases.new)

    def _change(self, step: Step, releases: Releases, own: plain.Plain) -> Measured:
        split = _broken(releases.new, own)
        begin = time.monotonic()
        trio = rebuilt(releases, split)
        asked, facts = self._red(trio, releases)
        for _ in range(3):
            known = _known(split, facts, trio.tests)
            if known == split:
                break
            split, trio = known, rebuilt(releases, known)
            if trio.base == trio.tests:
                break
            begin = time.monotonic()
            asked, facts = self._red(trio, releases)
        step = replace(
            step,
            new_tests=len(facts.new_tests),
            guards=sum(map(len, split.guards.values())),
            left_out=sum(map(len, split.broken.values()))
            + sum(len(split.guards.get(path, ())) for path in split.whole),
        )
        if trio.base == trio.tests or not (facts.new_tests or facts.problem):
            return Measured(step=replace(step, kind=Kind.NO_RED), trio=trio)
        claim = plain.run(trio.tests, self.environment, self.level).claim()
        red = red_verdict(trio.base, trio.tests, facts, claim, releases.planned)
        if facts.red is None or facts.base is None:
            return Measured(step=replace(step, red=red), trio=trio, red_facts=facts)
        request = green_request(facts, asked, self.trees.store(trio.work))
        green_facts = self.judge.green(request)
        claim = plain.run(trio.work, self.environment, self.level).claim()
        green = green_verdict(trio.tests, trio.work, green_facts, claim)
        step = replace(
            step,
            red=red,
            green=green,
            suite=len(green_facts.suite.tests) if green_facts.suite else 0,
            figures=_figures(green_facts),
            seconds=round(time.monotonic() - begin, 1),
        )
        return Measured(
            step=step, trio=trio, green_request=request, red_facts=facts, green_facts=green_facts
        )

    def _red(self, trio: Trio, releases: Releases) -> tuple[RedRequest, RedFacts]:
        asked = RedRequest(
            base=self.trees.store(trio.base),
            tree=self.trees.store(trio.tests),
            test_patterns=self.patterns,
            environment=self.spec,
            new_symbols=releases.planned,
            seconds=_SECONDS,
        )
        return asked, self.judge.red(asked)


def _broken(new: Tree, own: plain.Plain) -> Split:
    """What of the new release's tests does not pass with the new release itself."""
    written = WrittenTests(new, new.__getitem__)
    broken: dict[str, set[str]] = {}
    files = set()
    for path, name in own.bad:
        if name:
            file, function = _written(written, f"{path}::{name}")
            broken.setdefault(file, set()).add(function)
        else:
            files.add(path)
    return Split(
        broken={path: frozenset(names) for path, names in broken.items()},
        without_files=frozenset(files),
    )


def _known(split: Split, facts: RedFacts, tests: Tree) -> Split:
    """The split with what RED has told."""
    if facts.red is None or facts.base is None:
        return split
    written = WrittenTests(tests, tests.__getitem__)
    whole = split.whole | (facts.base.collect_errors.keys() if split.is_known else frozenset())
    guards = {path: set(names) for path, names in split.guards.items()}
    bad = {_written(written, t.id) for t in facts.red.tests if t.outcome in _BAD}
    for path, name in {_written(written, test) for test in facts.new_tests} - bad:
        guards.setdefault(path, set()).add(name)
    return replace(
        split,
        guards={path: frozenset(names) for path, names in guards.items()},
        whole=frozenset(whole),
        is_known=True,
    )


def _written(written: WrittenTests, test: str) -> tuple[str, str]:
    """File and function that an id is written in, which may be those of a class it inherits."""
    path, _, rest = test.partition("::")
    name = rest.partition("[")[0]
    if found := written.find(path, name):
        file, node = found
        for known, there in functions(file.source).items():
            if there.lineno == node.lineno:
                return file.path, known
    return path, name


def _figures(facts: GreenFacts) -> dict[str, int]:
    """What the judge looked at, and what of it would be a false alarm."""
    red = set(facts.red_tests)
    found = {"red": len(red), "findings": len(facts.findings)}
    if facts.twin is None:
        return found
    inverted = red - set(facts.not_inverted)
    perturbed = red & set(facts.perturbed_tests)
    tried = [mutant for mutant in facts.mutants if mutant.fate is not Fate.NOT_RUN]
    return found | {
        "inverted": len(inverted),
        "twin_not_red": len(inverted - _with(facts.twin, *_BAD)),
        "perturbed": len(perturbed),
        "perturbed_not_red": len(perturbed - _with(facts.perturbed, *_BAD)),
        "neutral_lost": len(red - _with(facts.neutral, TestOutcome.PASSED)),
        "inconclusive": len(inconclusive(facts)),
        "mutants": len(tried),
        "mutants_noticed": sum(mutant.fate is Fate.NOTICED for mutant in tried),
        "mutants_not_run": len(facts.mutants) - len(tried),
    }


def _with(run: Run | None, *outcomes: TestOutcome) -> frozenset[str]:
    return run.with_outcome(*outcomes) if run else frozenset()
