"""The report that is kept: what the last whole run found."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs
from tests.honest.catalogue import load
from tests.honest.document import LIMIT, document
from tests.honest.record import read

PAGE = Path(__file__).parents[2] / "docs" / "honest-suites.md"


def test_the_page_says_what_the_figures_say() -> None:
    assert PAGE.read_text() == document(read(), load())


def test_every_release_has_a_digest() -> None:
    assert all(len(digest) == 64 for package in load() for digest in package.releases.values())


def test_few_honest_steps_were_refused_and_no_dishonest_one_let_through() -> None:
    report = read()
    assert report.changes
    assert len(report.wrong) <= LIMIT * len(report.changes)
    assert report.refusals
    assert all(one.blocked for one in report.refusals)


def test_a_run_over_one_package_keeps_what_is_known_of_the_others() -> None:
    before = read()
    names = [package.name for package in load()]
    first = next(step.package for step in before.changes)
    some = [step for step in before.steps if step.package == first]
    run = structs.replace(before, level="none", seconds=1, steps=some[:1], refusals=[])
    after = before.renewed(run, names)
    assert [step for step in after.steps if step.package != first] == [
        step for step in before.steps if step.package != first
    ]
    assert [step for step in after.steps if step.package == first] == some[:1]
    assert not [one for one in after.refusals if one.package == first]
    assert after.level == "none"
