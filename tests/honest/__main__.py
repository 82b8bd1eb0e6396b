"""Replay releases of real packages through RED and GREEN.

Exit code 3 if an honest step is refused or a dishonest one is let through.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.honest import catalogue
from tests.honest.catalogue import Package
from tests.honest.dishonest import refusals
from tests.honest.document import LIMIT, document
from tests.honest.record import Refusal, Report, read, write
from tests.honest.replay import Kind, Replay, Step
from tests.honest.sdists import fetch

from interlock.adapters.confinement import probe

_PAGE = Path(__file__).parents[2] / "docs" / "honest-suites.md"
_WRONG = 3


@dataclass
class _Run:
    """A run over packages.

    Args:
        cache: for what is fetched and built.
        only: package → versions of the steps to replay; all of a package that is not in it.
        sample: replay the fixed sample.
    """

    cache: Path
    only: Mapping[str, Collection[str]] = field(default_factory=dict)
    sample: bool = False
    steps: list[Step] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def package(self, package: Package) -> None:
        """Replay the steps of one package."""
        if self.sample:
            package = package.cut_to_sample()
        level = probe().level
        place = self.cache / package.name
        place.mkdir(parents=True, exist_ok=True)
        trees = fetch(package, place, level)
        replay = Replay(package, place / "state", level)
        for old, new in pairwise(trees):
            if package.name in self.only and new not in self.only[package.name]:
                continue
            measured = replay.step(old, new, trees[old], trees[new])
            self.steps.append(measured.step)
            print(f"{package.name} {old} → {new}: {_said(measured.step)}", flush=True)
            if new in package.dishonest and measured.green_request is not None:
                for way, verdict in refusals(replay, measured):
                    why = "; ".join(f"{check}: {text}" for check, _, text in verdict.blockers)
                    one = Refusal(
                        package=package.name,
                        new=new,
                        way=way,
                        blocked=not verdict.allowed,
                        why=why,
                    )
                    self.refusals.append(one)
                    print(f"    {way}: {'refused' if one.blocked else 'LET THROUGH'}: {why}")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.honest", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PACKAGE[:VERSION]")
    parser.add_argument("--sample", action="store_true", help="a few steps, always the same")
    parser.add_argument("--cache", type=Path, help="directory for what is fetched and built")
    parser.add_argument("--write", action="store_true", help="keep the figures and the page")
    parser.add_argument("--page", action="store_true", help="only write the page again")
    asked = parser.parse_args()
    packages = catalogue.load()
    if asked.page:
        _PAGE.write_text(document(read(), packages))
        return 0
    releases = [(package.name, version) for package in packages for version in package.releases]
    begin = time.monotonic()
    report = Report(level="", python="", pytest="", seconds=0, steps=(), refusals=())
    run = _Run(
        cache=asked.cache or _cache(),
        only=_versions(asked.names),
        sample=asked.sample,
    )
    for package in _wanted(packages, asked.names, sample=asked.sample):
        run.package(package)
        report = Report(
            level=probe().level.value,
            python=platform.python_version(),
            pytest=package.pytest,
            seconds=int(time.monotonic() - begin),
            steps=run.steps,
            refusals=run.refusals,
        )
        # After each package: a run that is interrupted has not been for nothing.
        if asked.write:
            # Steps that were not asked for keep what is known of them.
            whole = read().renewed(report, releases) if asked.names else report
            write(whole)
            _PAGE.write_text(document(whole, packages))
    return _ended(report)


def _versions(names: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        package, colon, version = name.partition(":")
        if colon:
            found.setdefault(package, set()).add(version)
    return found


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "interlock" / "honest"


def _wanted(
    packages: Sequence[Package], names: Sequence[str], *, sample: bool
) -> Sequence[Package]:
    if sample:
        return [package for package in packages if package.sample]
    wanted = {name.partition(":")[0] for name in names}
    return [package for package in packages if not wanted or package.name in wanted]


def _ended(report: Report) -> int:
    count, wrong = len(report.changes), len(report.wrong)
    through = [one for one in report.refusals if not one.blocked]
    print(f"{count - wrong} of {count} honest steps allowed, {len(through)} dishonest ones")
    return _WRONG if through or not count or wrong > LIMIT * count else 0


def _said(step: Step) -> str:
    if step.kind is not Kind.CHANGE:
        return f"{step.kind.value} {step.why[-300:]}".strip()
    counts = f"{step.new_tests} new, {step.guards} before, {step.left_out} out, {step.seconds} s"
    lines = [f"{'right' if step.is_right else 'WRONG'} ({counts}) {step.figures}"]
    for name, verdict in (("RED", step.red), ("GREEN", step.green)):
        for check, outcome, message in verdict.blockers if verdict else ():
            lines.append(f"    {name} {check} {outcome}: {message[:400]}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
