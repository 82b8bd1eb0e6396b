"""Shipped scripts and tricks are sound, and what extends another one becomes what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock.errors import InvalidInputError
from interlock.testing.scripts import extended, load_script, named_script

PHASES = ["PLAN", "TDD", "IMPL", "REVIEW", "COMPLETE"]


@pytest.mark.parametrize("name", ["honest", "brisk"])
def test_shipped_scripts_go_through_every_phase(name: str) -> None:
    script = named_script(name)
    assert list(script["phases"]) == PHASES
    assert script["phases"]["COMPLETE"][-1]["transition"] == "COMPLETE"


def test_own_phases_replace_inherited_ones() -> None:
    script = extended({"extends": "brisk", "phases": {"TDD": [{"say": "mine"}]}})
    assert list(script["phases"]) == PHASES
    assert script["phases"]["TDD"] == [{"say": "mine"}]
    assert script["phases"]["IMPL"] == named_script("brisk")["phases"]["IMPL"]


def test_single_steps_are_inherited_with_other_keys() -> None:
    base = named_script("brisk")["phases"]["TDD"]
    steps = [{"say": "first"}, {"inherit": 2, "expect": "blocked"}, {"inherit": "all"}]
    script = extended({"extends": "brisk", "until": "TDD", "phases": {"TDD": steps}})
    assert list(script["phases"]) == ["PLAN", "TDD"]
    assert script["phases"]["TDD"] == [
        {"say": "first"},
        {**base[1], "expect": "blocked"},
        *base,
    ]


@pytest.mark.parametrize(
    "script, complaint",
    [
        ({"extends": "nothing"}, "no script named 'nothing'"),
        ({"extends": "../brisk"}, "no script named"),
        ({"extends": "brisk", "until": "LATER"}, "until: LATER"),
        ({"extends": "brisk", "phases": {"TDD": [{"inherit": 9}]}}, "inherit: 9"),
        ({"extends": "brisk", "phases": {"TDD": [{"inherit": 0}]}}, "inherit: 0"),
        ("text", "is a mapping"),
    ],
)
def test_script_that_extends_wrongly_is_refused(script: object, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        extended(script)


def test_file_that_is_no_yaml_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("phases: [")
    with pytest.raises(InvalidInputError, match=r"agent\.yaml"):
        load_script(path)
    path.write_text("extends: brisk\nuntil: PLAN\n")
    assert list(load_script(path)["phases"]) == ["PLAN"]
