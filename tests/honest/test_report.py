"""The report that is kept: what the last whole run found."""

from __future__ import annotations

from pathlib import Path

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
