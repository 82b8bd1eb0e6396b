"""The table of properties has no gaps, and its tests fail when a property is taken away."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.ground.properties import (
    ROOT,
    Change,
    Property,
    functions_in,
    properties,
    section_files,
)
from tests.ground.removal import Copy, applied

SECTIONS = ("trees", "confinement", "doors", "judge", "records", "modes")
TABLE = properties()
# What can only be shown to the other kind of user is taken away where they run the tests.
ELSEWHERE = "user" if os.getuid() == 0 else "root"
HERE = tuple(one for one in TABLE if one.needs != ELSEWHERE)
# The fixed sample that every run takes: the first of each section.
SAMPLE = tuple(
    next(one for one in section.properties if one in HERE) for section in section_files()
)


def test_every_section_has_its_properties() -> None:
    there = {section.path.stem: len(section.properties) for section in section_files()}
    assert set(there) == {f"{n}-{name}" for n, name in enumerate(SECTIONS, 1)}
    assert all(there.values()), there


def test_each_property_is_named_once_and_said_in_a_sentence() -> None:
    twice = [name for name, count in Counter(one.id for one in TABLE).items() if count > 1]
    assert not twice
    for one in TABLE:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.id), one.id
        assert one.says.strip().endswith("."), one.id
        assert one.needs in {"", "root", "user"}, one.id


def test_each_property_has_tests_that_exist() -> None:
    known: dict[str, frozenset[str]] = {}
    missing = []
    for one in TABLE:
        assert one.tests, one.id
        for test in one.tests:
            file, _, function = test.partition("::")
            if file not in known:
                path = ROOT / file
                known[file] = functions_in(path) if path.is_file() else frozenset()
            if function not in known[file]:
                missing.append(f"{one.id}: {test}")
    assert not missing, "\n".join(missing)


def test_each_property_can_be_taken_away() -> None:
    wrong = []
    for one in TABLE:
        assert one.without, one.id
        for file in {change.file for change in one.without}:
            text = (ROOT / file).read_text(encoding="utf-8")
            try:
                for change in (change for change in one.without if change.file == file):
                    text = applied(text, change)
                if file.endswith(".py"):
                    compile(text, file, "exec")
            except (ValueError, SyntaxError) as error:
                wrong.append(f"{one.id}: {error}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("ground") / "copy")


def _check(copy: Copy, lost: Property) -> None:
    verdict = copy.without(lost)
    if verdict.word == "not run":
        pytest.skip(f"NOT RUN: {lost.id}: its tests do not run here")
    assert verdict.word == "noticed", f"{lost.id} was taken away unnoticed\n{verdict.output}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("lost", SAMPLE, ids=lambda one: one.id)
def test_the_sample_notices_what_is_taken_away(copy: Copy, lost: Property) -> None:
    _check(copy, lost)


@pytest.mark.long
@pytest.mark.timeout(700)
@pytest.mark.parametrize("lost", HERE, ids=lambda one: one.id)
def test_what_is_taken_away_is_noticed(copy: Copy, lost: Property) -> None:
    _check(copy, lost)


def test_a_removal_that_changes_nothing_is_not_called_noticed(copy: Copy) -> None:
    """The harness itself can say no."""
    file = str(Path(__file__).relative_to(ROOT))
    word = "SECTIONS = ("
    idle = Property(
        id="idle",
        says="Nothing.",
        tests=(f"{file}::test_each_property_is_named_once_and_said_in_a_sentence",),
        without=(Change(file=file, find=f"\n{word}", put=f"\n\n{word}"),),
    )
    assert copy.without(idle).word == "missed"
