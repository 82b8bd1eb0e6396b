"""The whole of GREEN on an honest change, beside one run of its suite under coverage."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import interlock.statics.python as statics
from bench.figures import Budget, Figure, Measured, NotRunError, Plan, interleaved
from bench.suites import SUITES, Suite
from interlock.adapters.confinement import UidRange, probe
from interlock.adapters.judge import PytestJudge
from interlock.adapters.trees.repository import Repository
from interlock.core.facts import Fate, TestOutcome
from interlock.core.model import EnvironmentSpec
from interlock.errors import InterlockError
from interlock.ports.confinement import Level
from interlock.ports.judge import GreenRequest, RedRequest

__all__ = ["measure"]

SHARE, FIXED_S = 1.5, 20.0
_SPEC = EnvironmentSpec(setup=("pip install --quiet pytest coverage",))
_PATTERNS = ("tests/**",)
_SECONDS = 600


def measure(plan: Plan) -> Measured:
    """Both suites; the quick plan and its rounds are for the short one, a minute is long enough."""
    if probe().level is not Level.FULL:
        raise NotRunError(f"no sandbox at level full: {'; '.join(probe().reasons)}")
    figures: list[Figure] = []
    budgets: list[Budget] = []
    with tempfile.TemporaryDirectory(prefix="il-bench-") as name:
        # Jobs run as another user and pass through here to the environment.
        Path(name).chmod(0o711)
        for suite, rounds in zip(SUITES, (plan.rounds, min(plan.rounds, 3)), strict=True):
            if plan.quick and suite is not SUITES[0]:
                continue
            case = _Case(Path(name), suite)
            found = interleaved(rounds, {"green": case.green, "coverage": case.coverage})
            green, coverage = found["green"], found["coverage"]
            over = tuple(g - SHARE * c for g, c in zip(green, coverage, strict=True))
            figures += (
                Figure(name=f"{suite.name} suite under coverage", unit="s", rounds=coverage),
                Figure(name=f"{suite.name} suite, whole GREEN", unit="s", rounds=green),
            )
            fixed = Figure(name=f"{suite.name} suite, GREEN - 1.5 coverage", unit="s", rounds=over)
            budgets.append(Budget(figure=fixed, limit=FIXED_S))
    return Measured(figures=tuple(figures), budgets=tuple(budgets))


class _Case:
    """A suite in a repository, with RED measured and a candidate that is right.

    Args:
        place: for state that suites share: the environment is built once.
    """

    def __init__(self, place: Path, suite: Suite) -> None:
        own = place / suite.name.replace(" ", "")
        user = own / "user"
        for path, text in suite.base().items():
            (user / path).parent.mkdir(parents=True, exist_ok=True)
            (user / path).write_text(text)
        git = ["git", "-C", str(user), "-c", "user.name=b", "-c", "user.email=b@b"]
        for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "base")):
            subprocess.run([*git, *words], check=True)
        repository = Repository.create(own / "repo.git", user)
        base = repository.fetch_base(user).tree
        red = _with(repository, base, suite.tests())
        candidate = _with(repository, red, suite.source())
        self._judge = PytestJudge(
            repository,
            statics=statics,
            state_dir=place / "state",
            level=Level.FULL,
            uids=UidRange(),
        )
        try:
            digest = self._judge.environment(_SPEC, base)
        except InterlockError as error:
            raise NotRunError(f"the environment cannot be built: {error.message}") from error
        self._python = Path(self._judge.environment_path(digest)) / "bin" / "python"
        facts = self._judge.red(
            RedRequest(
                base=base,
                tree=red,
                new_symbols=("sample.work:slug",),
                test_patterns=_PATTERNS,
                environment=_SPEC,
                seconds=_SECONDS,
            )
        )
        assert facts.problem == "", facts.problem
        assert facts.base is not None
        self._request = GreenRequest(
            base=base,
            red_tree=red,
            tree=candidate,
            test_patterns=_PATTERNS,
            environment=_SPEC,
            red_tests=facts.new_tests,
            new_tests=facts.new_tests,
            base_green=tuple(sorted(facts.base.with_outcome(TestOutcome.PASSED))),
            config=facts.config,
            new_symbols=("sample.work:slug",),
            seconds=_SECONDS,
        )
        self._checkout = own / "checkout"
        repository.export(candidate, self._checkout)

    def green(self) -> float:
        """Seconds that GREEN takes; it has to come out green."""
        began = time.perf_counter()
        facts = self._judge.green(self._request)
        took = time.perf_counter() - began
        assert facts.problem == "", facts.problem
        assert facts.suite is not None
        assert len(facts.suite.with_outcome(TestOutcome.PASSED)) == len(facts.suite.tests)
        assert facts.neutral is not None
        assert {mutant.fate for mutant in facts.mutants} == {Fate.NOTICED}, facts.mutants
        return took

    def coverage(self) -> float:
        """Seconds of one run of the suite with coverage, as a person would start it."""
        command = [str(self._python), "-m", "coverage", "run", "-m", "pytest", "-q"]
        began = time.perf_counter()
        subprocess.run(
            [*command, "-p", "no:cacheprovider"],
            cwd=self._checkout,
            env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(self._checkout)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - began


def _with(repository: Repository, tree: str, files: dict[str, str]) -> str:
    return repository.replace(tree, {path: text.encode() for path, text in files.items()})
