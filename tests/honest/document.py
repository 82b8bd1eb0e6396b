"""``docs/honest-suites.md`` from the figures of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from tests.honest.catalogue import Package
from tests.honest.record import Report
from tests.honest.replay import Kind, Step

__all__ = ["LIMIT", "document"]

LIMIT = 0.05
"""Share of steps that may be judged wrong."""

_HEAD = """\
# Honest suites

A gate that refuses honest work is worth as little as one that lets cheating through. So releases
of real packages are replayed: each pair of successive releases is one piece of work, the tests that
the later one adds or changes are the tests of TDD, its sources are the work of IMPL. They go
through the real environment builder, sandbox, judge and gates. Every verdict has to be *allowed*.

`make honest` repeats it (an hour; it fetches {packages} packages with pip) and writes this page
from `tests/honest/figures.json`, after each package anew: a run that was ended early says less.

How a step is made of two releases:

- Base: sources of the old release, and those of the later release's tests that the old sources
  pass already, as if they had been committed before. The plan names the symbols that the later
  release adds and its tests use.
- RED: the later release's tests. Tests that fail with the later release itself on this machine
  (time zones, other versions of Python) are left out, and so are passing tests of a file that
  cannot be split, because what it needs to be imported is new.
- GREEN: the later release's sources. The claims of the agent are what a plain run of pytest says.
"""
_REFUSALS = """\
So that it is seen that these gates can refuse: the same steps with the sources of the old release
(*left out*), and with a module that patches the test runner and gives back objects that equal
everything (*forged*).
"""


def document(report: Report, packages: Sequence[Package]) -> str:
    """The page."""
    causes = {(p.name, version): why for p in packages for version, why in p.causes.items()}
    parts = [
        _HEAD.format(packages=len(packages)),
        *_summary(report, len(packages)),
        "## By package\n",
        *_table(report),
        "## Judged wrong\n",
        *_wrong(report, causes),
        "## Work that was not done\n",
        *_refused(report),
        "## Steps that are no feature or fix\n",
        *_others(report),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _summary(report: Report, listed: int) -> Iterator[str]:
    changes, wrong = report.changes, report.wrong
    yield "## Result\n"
    yield "| | |\n|---|---|"
    there = len({step.package for step in changes})
    yield f"| packages | {there}, of {listed} that are listed |"
    yield f"| steps that are a feature or a fix | {len(changes)} |"
    yield f"| new tests | {sum(step.new_tests for step in changes):,} |"
    yield f"| tests run at GREEN | {sum(step.suite for step in changes):,} |"
    right = len(changes) - len(wrong)
    yield f"| right verdicts | {right} ({_share(right, len(changes))}) |"
    share = _share(len(wrong), len(changes))
    yield f"| judged wrong | {len(wrong)} ({share}; at most {LIMIT:.0%}) |"
    for name, (part, whole) in _MEASURES.items():
        total = sum(step.figures.get(whole, 0) for step in changes)
        if total:
            count = sum(step.figures.get(part, 0) for step in changes)
            yield f"| {name} | {count:,} of {total:,} ({_share(count, total)}) |"
    yield (
        f"\nPython {report.python}, pytest {report.pytest}, confinement `{report.level}`, "
        f"{report.seconds // 60} minutes.\n"
    )


_MEASURES = {
    "new tests whose twin is not red": ("twin_not_red", "inverted"),
    "new tests that pass with other expected values": ("perturbed_not_red", "perturbed"),
    "new tests lost by a neutral rewriting": ("neutral_lost", "red"),
    "new tests that are inconclusive": ("inconclusive", "red"),
    "mutants noticed": ("mutants_noticed", "mutants"),
}


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _table(report: Report) -> Iterator[str]:
    heads = ("twin not red", "perturbed not red", "neutral lost", "mutants noticed")
    yield f"| package | releases | steps | right | new tests | suite | {' | '.join(heads)} |"
    yield "|---" * (6 + len(heads)) + "|"
    for name, steps in _by_package(report.changes):
        figures = Counter[str]()
        for step in steps:
            figures.update(step.figures)
        yield (
            f"| {name} | {steps[0].old} to {steps[-1].new} | {len(steps)} "
            f"| {sum(s.is_right for s in steps)} | {sum(s.new_tests for s in steps):,} "
            f"| {max(s.suite for s in steps):,} "
            f"| {_of(figures, 'twin_not_red', 'inverted')} "
            f"| {_of(figures, 'perturbed_not_red', 'perturbed')} "
            f"| {_of(figures, 'neutral_lost', 'red')} "
            f"| {_of(figures, 'mutants_noticed', 'mutants')} |"
        )
    yield ""


def _of(figures: Counter[str], part: str, whole: str) -> str:
    return f"{figures[part]} of {figures[whole]}" if figures[whole] else "none"


def _by_package(steps: Iterable[Step]) -> Iterator[tuple[str, list[Step]]]:
    for name, group in groupby(steps, key=lambda step: step.package):
        yield name, list(group)


def _wrong(report: Report, causes: dict[tuple[str, str], str]) -> Iterator[str]:
    if not report.wrong:
        yield "None.\n"
    for step in report.wrong:
        verdicts = {"RED": step.red, "GREEN": step.green}
        said = [
            f"{gate} {outcome}: {message}"
            for gate, verdict in verdicts.items()
            for _, outcome, message in (verdict.blockers if verdict else ())
        ]
        yield f"- **{step.package} {step.old} → {step.new}**: {'; '.join(said)}"
        yield f"  Cause: {causes.get((step.package, step.new), 'not yet looked into')}\n"


def _refused(report: Report) -> Iterator[str]:
    yield _REFUSALS
    yield "| step | work | verdict | by |\n|---|---|---|---|"
    for one in report.refusals:
        verdict = "refused" if one.blocked else "**LET THROUGH**"
        yield f"| {one.package} {one.new} | {one.way} | {verdict} | {one.why} |"
    yield ""


def _others(report: Report) -> Iterator[str]:
    for kind in Kind:
        steps = [step for step in report.steps if step.kind is kind]
        if kind is not Kind.CHANGE and steps:
            yield f"**{kind.value.capitalize()}** ({len(steps)}): " + ", ".join(
                f"{name} {', '.join(step.new for step in group)}"
                for name, group in _by_package(steps)
            )
            yield ""
