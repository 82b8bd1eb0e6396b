"""GREEN: the suite, and if that is green every run that would show its result to be forged.

The runs after the suite come in random order. Mutants take what time is left of what GREEN may
cost; the other runs are made whatever they take.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from interlock.adapters.judge.coverage import covered_files, without_moved
from interlock.adapters.judge.results import Watched, watched
from interlock.adapters.judge.snapshot import Snapshot
from interlock.adapters.judge.variants import Variant, Variants
from interlock.adapters.judge.workbench import Measured, Workbench
from interlock.core.facts import Fate, GreenFacts, Mutant, Run, TestOutcome, TestResult
from interlock.core.parameters import replaced
from interlock.ports.statics import Mutation, Mutations, Rewriting, Statics

__all__ = ["Candidate", "GreenRuns"]

# All of GREEN may take 20 s more than one and a half of its suite under coverage; what these leave
# is for what comes before and after the runs.
_FIXED_S, _SHARE = 14.0, 0.3
_LEAST_S, _PATIENCE = 5.0, 3.0
_BAD = (TestOutcome.FAILED, TestOutcome.ERROR)
_KINDS = {
    "neutral": Rewriting.NEUTRAL,
    "twin": Rewriting.INVERTED,
    "perturbed": Rewriting.PERTURBED,
    "control": Rewriting.SUNK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is measured.

    Args:
        tree: the candidate's sources with the frozen tests.
        reverted: the base's sources with the frozen tests.
        stubbed: the same with stubs for what was planned, as RED had it.
        tests: ids of the new tests.
        must_pass: ids that have to be green for anything else to be worth a run.
        sources: Python sources that differ between the two trees.
        planned: symbols of the plan.
        seed: what names, orders and faults are chosen by.
        is_unchanged: nothing new is tested, so the tests are old ones; those of them are
            questioned that reach what changed or moved.
    """

    tree: Snapshot
    reverted: Snapshot
    stubbed: Snapshot
    tests: tuple[str, ...]
    must_pass: frozenset[str]
    sources: tuple[str, ...]
    planned: tuple[str, ...]
    seed: str
    is_unchanged: bool = False


class GreenRuns:
    """Makes the runs of one candidate.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        bench: Workbench,
        statics: Statics,
        candidate: Candidate,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bench = bench
        self._statics = statics
        self._candidate = candidate
        self._clock = clock
        self._chance = random.Random(candidate.seed)  # noqa: S311 — repeatable; the seed is secret

    def facts(self) -> GreenFacts:
        """Everything that was measured."""
        of = self._candidate
        suite = self._bench.measure(
            Variant(name="green", tree=of.tree, watch=of.sources, minded=of.tests)
        )
        seen = watched(suite.raw)
        facts = GreenFacts(
            suite=suite.run,
            seed=of.seed,
            coverage=covered_files(of.sources, of.reverted, of.tree, seen, self._statics),
        )
        if of.is_unchanged:
            covered = without_moved(facts.coverage, of.reverted, of.tree, of.sources)
            facts = replace(facts, coverage=covered)
        if not of.tests or not _is_green(suite.run, of.must_pass):
            return facts
        # Guards may be skipped: those show nothing.
        passing = suite.run.with_outcome(TestOutcome.PASSED)
        telling = tuple(test for test in of.tests if test in passing)
        faults = self._faults(seen, telling)
        if of.is_unchanged:
            reaching = {test for fault in faults.mutations for test in _reaching(seen, fault)}
            of = replace(of, tests=tuple(test for test in telling if test in reaching))
            self._candidate = of
            telling = of.tests
            facts = replace(facts, red_tests=of.tests)
            if not of.tests:
                untried = tuple(_mutant(m, Fate.NOT_RUN) for m in faults.mutations)
                return replace(facts, mutants=untried, not_tried=faults.left_out)
        return self._questioned(facts, suite.run, seen, telling, faults)

    def _faults(self, seen: Mapping[str, Watched], telling: Sequence[str]) -> Mutations:
        of = self._candidate
        called = _called(seen, telling)
        return self._statics.mutations(
            _versions(of), of.planned, called, of.seed, moved=of.is_unchanged
        )

    def _questioned(
        self,
        facts: GreenFacts,
        suite: Run,
        seen: Mapping[str, Watched],
        telling: tuple[str, ...],
        faults: Mutations,
    ) -> GreenFacts:
        of = self._candidate
        self._variants = Variants(of.tree, of.tests, of.sources, self._statics, of.seed)
        made = {name: self._variants.rewritten(name, kind) for name, kind in _KINDS.items()}
        due = {name: variant for name, (variant, _) in made.items()}
        if not of.is_unchanged:
            # Old tests are green on the base's sources.
            due["revert"] = self._variants.reverted(of.reverted)
        budget = _Budget(self._clock, _FIXED_S + _SHARE * suite.duration_s)
        runs: dict[str, Run] = {}
        own: list[TestResult] = []
        mutants: dict[Mutation, Mutant] = {}
        for item in self._order(tuple(due), faults.mutations):
            if isinstance(item, str):
                measured = self._bench.measure(due[item])
                runs[item] = measured.run
            else:
                seconds = runs["neutral"].duration_s
                if not budget.allows(seconds * (1 + len(due) - len(runs))):
                    continue
                measured = self._mutant_run(self._variants.mutated(item), seconds)
                mutants[item] = _fate(item, measured.run, telling)
            # All of them must fail in every run; those that do are no news.
            own += [t for t in measured.own if item == "control" or t.outcome not in _BAD]
        if "revert" in runs and not runs["revert"].whole:
            # The tests' own set-up may need what is new: then no test begins without it.
            runs["revert"] = self._bench.measure(self._variants.reverted(of.stubbed)).run
        again = unexpected = None
        if set(telling) - runs["neutral"].with_outcome(TestOutcome.PASSED):
            again = self._bench.measure(self._variants.neutral_again()).run
        if made["perturbed"][1] & runs["perturbed"].with_outcome(TestOutcome.PASSED):
            variant, _ = self._variants.rewritten("unexpected", Rewriting.UNEXPECTED)
            unexpected = self._bench.measure(variant).run
        mutants |= self._noticed_by_others(faults, mutants, seen, suite, budget)
        sunk = made["control"][1]
        control = runs["control"]
        tests = (*(test for test in control.tests if test.id in sunk), *own)
        return replace(
            facts,
            revert=runs.get("revert"),
            control=replace(control, tests=tests),
            not_sunk=_others(of.tests, sunk),
            twin=runs["twin"],
            not_inverted=_others(of.tests, made["twin"][1]),
            perturbed=runs["perturbed"],
            perturbed_tests=tuple(test for test in of.tests if test in made["perturbed"][1]),
            unexpected=unexpected,
            neutral=runs["neutral"],
            neutral_again=again,
            mutants=tuple(mutants.get(m) or _mutant(m, Fate.NOT_RUN) for m in faults.mutations),
            not_tried=faults.left_out,
        )

    def _order(self, due: Sequence[str], faults: Sequence[Mutation]) -> list[str | Mutation]:
        """Random, with two rules: how long mutants may take is known from the neutral run, and
        every symbol has its first mutant before any has its second one."""
        order: list[str | Mutation] = list(due)
        self._chance.shuffle(order)
        start = order.index("neutral") + 1
        first = {fault.symbol: fault for fault in reversed(faults)}
        for fault in first.values():
            order.insert(self._chance.randint(start, len(order)), fault)
        return order + [fault for fault in faults if first[fault.symbol] is not fault]

    def _mutant_run(self, variant: Variant, seconds: float) -> Measured:
        return self._bench.measure(variant, seconds=max(_LEAST_S, _PATIENCE * seconds))

    def _noticed_by_others(
        self,
        faults: Mutations,
        mutants: Mapping[Mutation, Mutant],
        seen: Mapping[str, Watched],
        suite: Run,
        budget: _Budget,
    ) -> dict[Mutation, Mutant]:
        """Faults in functions of which no new test notices any, tried on old tests that call them.

        Not everything that has to change for a new test is that test's business.
        """
        noticed = {mutant.symbol for mutant in mutants.values() if mutant.fate is Fate.NOTICED}
        changed: dict[Mutation, Mutant] = {}
        for fault in faults.mutations:
            others = _others(_reaching(seen, fault), self._candidate.tests)
            if fault.symbol in noticed or fault not in mutants or not others:
                continue
            if not budget.allows(suite.duration_s * len(others) / len(suite.tests)):
                break
            variant = self._variants.mutated_for(fault, others)
            run = self._mutant_run(variant, suite.duration_s).run
            changed[fault] = _fate(fault, run, others)
            if changed[fault].fate is Fate.NOTICED:
                noticed.add(fault.symbol)
        return changed


def _is_green(run: Run, must_pass: frozenset[str]) -> bool:
    missed = must_pass - run.with_outcome(TestOutcome.PASSED) - replaced(must_pass, run)
    bad = run.with_outcome(*_BAD)
    return run.whole and not (run.collect_errors or bad or missed)


class _Budget:
    """Time that is left for what need not be done."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def allows(self, seconds: float) -> bool:
        """Whether something that takes so long is over in time."""
        return self._clock() + seconds <= self._end


def _versions(of: Candidate) -> dict[str, tuple[bytes | None, bytes | None]]:
    def read(tree: Snapshot, path: str) -> bytes | None:
        return tree.read(path) if path in tree.paths else None

    return {path: (read(of.reverted, path), read(of.tree, path)) for path in of.sources}


def _called(seen: Mapping[str, Watched], tests: Collection[str]) -> dict[str, set[int]]:
    return {
        path: {line for line, by in what.reached.items() if not set(tests).isdisjoint(by)}
        for path, what in seen.items()
    }


def _others(tests: Sequence[str], done: Collection[str]) -> tuple[str, ...]:
    return tuple(test for test in tests if test not in done)


def _reaching(seen: Mapping[str, Watched], fault: Mutation) -> tuple[str, ...]:
    return seen[fault.path].reached.get(fault.starts, ()) if fault.path in seen else ()


def _fate(fault: Mutation, run: Run, tests: Collection[str]) -> Mutant:
    """A test that is gone has noticed as much as one that fails, and so has a run that ends."""
    passed = run.with_outcome(TestOutcome.PASSED) if run.whole else frozenset()
    noticed_by = _others(tuple(tests), passed)
    fate = Fate.NOTICED if noticed_by else Fate.SURVIVED
    return replace(_mutant(fault, fate), noticed_by=noticed_by, problem=run.problem)


def _mutant(fault: Mutation, fate: Fate) -> Mutant:
    return Mutant(
        symbol=fault.symbol,
        path=fault.path,
        line=fault.line,
        what=fault.what,
        diff=fault.diff,
        fate=fate,
        planned=fault.planned,
    )
