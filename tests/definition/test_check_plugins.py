"""Kinds of checks from other distributions: used as if they were ours, or nothing starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from tests.definition.small import SMALL

from interlock.core.facts import GateFacts
from interlock.core.gates import registry
from interlock.core.gates.evaluate import evaluate_check, plan_of
from interlock.core.gates.jobs import NOTHING
from interlock.core.gates.kind import CheckKind
from interlock.core.gates.registry import CHECKS
from interlock.core.model import CheckSpec, GateSpec, Severity
from interlock.core.reasons import Outcome
from interlock.definition.check_plugins import BrokenPluginError, found_in, installed, why_not
from interlock.definition.loader import load
from interlock.errors import DefinitionError

GOOD = """
from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import Plan
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.reasons import Outcome

def evaluate(spec, facts):
    paths = facts.paths
    if paths is None:
        return result(spec, Outcome.UNDETERMINED, "nobody looked")
    if spec.params["name"] in paths:
        return result(spec, Outcome.PASS, "it is there")
    return result(spec, Outcome.FAIL, "it is not there", remedy="Add it.")

NAME = {"type": "string", "minLength": 1, "title": "the name of a file"}
KIND = CheckKind(
    name="has_owner",
    passes_when="a file of owners is there",
    schema=settings("name", name=NAME),
    plan=lambda params: Plan(lists_tree=True),
    evaluate=evaluate,
    examples=Examples(
        passes=GateFacts(paths=("OWNERS",)),
        fails=GateFacts(paths=()),
        params={"name": "OWNERS"},
    ),
)
"""
Build = Callable[[str], Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """A directory with one distribution whose module has this text, as pip would install it."""

    def built(text: str) -> Path:
        name = f"owners_{abs(hash(text))}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        info = tmp_path / "interlock_owners-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: interlock-owners\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[interlock.checks]\nowners = {name}:KIND\n")
        return tmp_path

    return built


def kinds_at(place: Path, monkeypatch: pytest.MonkeyPatch) -> list[CheckKind]:
    installed()  # what is really there is taken in before
    monkeypatch.syspath_prepend(str(place))
    (ours,) = distributions(path=[str(place)])
    return list(found_in(ours.entry_points.select(group="interlock.checks")))


@pytest.fixture
def owners(build: Build, monkeypatch: pytest.MonkeyPatch) -> Iterator[CheckKind]:
    (kind,) = kinds_at(build(GOOD), monkeypatch)
    registry.add([kind])
    yield kind
    registry.remove([kind])


def test_a_kind_of_another_distribution_is_one_like_ours(owners: CheckKind) -> None:
    found = load(SMALL.replace("check: all_tests_pass,", "check: has_owner, name: OWNERS,"))
    (gate,) = found.workflow.phases[0].gates
    assert gate.checks[0].params == {"name": "OWNERS"}
    assert plan_of(gate).lists_tree
    (good, bad) = (
        evaluate_check(gate.checks[0], GateFacts(paths=paths)) for paths in (("OWNERS",), ())
    )
    assert (good.outcome, bad.outcome) == (Outcome.PASS, Outcome.FAIL)


def test_its_parameters_are_checked_where_they_stand(owners: CheckKind) -> None:
    wrong = SMALL.replace("check: all_tests_pass,", "check: has_owner, name: 5, nmae: x,")
    with pytest.raises(DefinitionError) as caught:
        load(wrong)
    messages = [item["message"] for item in caught.value.context["diagnostics"]]
    assert messages == [
        "'name' must be the name of a file, not 5",
        "The check 'has_owner' has no parameter 'nmae'",
    ]


BROKEN = {
    "raises when it is imported": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "ends the process": ("raise SystemExit(0)", "SystemExit"),
    "has no such name": ("OTHER = 1", "AttributeError"),
    "is no kind": ("KIND = 'has_owner'", "is no CheckKind"),
    "has the name of ours": (GOOD.replace('"has_owner"', '"exists"'), "from Interlock itself"),
    "has no name for a file": (GOOD.replace('"has_owner"', '"Has Owner"'), "a name other than"),
    "passes what it should fail": (
        GOOD.replace("Outcome.FAIL", "Outcome.PASS"),
        "says pass to the example that it should fail",
    ),
    "fails what it should pass": (
        GOOD.replace("Outcome.PASS", "Outcome.NOT_YET"),
        "says not_yet to the example that it should pass",
    ),
    "passes what nobody measured": (
        GOOD.replace("Outcome.UNDETERMINED", "Outcome.PASS"),
        "where nothing was measured",
    ),
    "raises over its example": (
        GOOD.replace('spec.params["name"] in paths', "1 / 0"),
        "ZeroDivisionError",
    ),
    "gives back something else": (
        GOOD.replace("def evaluate(", "def evaluate(*_): return True\ndef other("),
        "other than a CheckResult",
    ),
    "is not the same twice": (
        "import itertools\nN = itertools.count()\n" + GOOD.replace('"it is there"', "str(next(N))"),
        "something else the second time",
    ),
    "has a schema that is none": (GOOD.replace('"string"', '"strung"'), "a schema that is none"),
    "has an example of another schema": (
        GOOD.replace('params={"name": "OWNERS"}', 'params={"nme": "OWNERS"}'),
        "an example that is not of its schema",
    ),
    "has a parameter that every check has": (
        GOOD.replace("name=NAME)", "name=NAME, severity=NAME)"),
        "a parameter severity",
    ),
    "has a format that nobody knows": (
        GOOD.replace('"minLength": 1', '"format": "colour"'),
        "the unknown format colour",
    ),
    "plans something else": (GOOD.replace("Plan(lists_tree=True)", "None"), "that is no Plan"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_one_that_does_not_hold_is_named_with_its_distribution(
    how: str, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, why = BROKEN[how]
    with pytest.raises(BrokenPluginError) as caught:
        kinds_at(build(text), monkeypatch)
    assert "the checks of interlock-owners (owners) cannot be used" in caught.value.message
    assert why in caught.value.message
    assert caught.value.remedy.startswith("pip uninstall interlock-owners")
    assert caught.value.exit_code == 7


def test_one_that_raises_over_facts_has_determined_nothing(owners: CheckKind) -> None:
    def bad(*_: object) -> Any:
        raise OSError("gone")

    registry.remove([owners])
    broken = replace(owners, evaluate=bad, plan=bad)
    registry.add([broken])
    try:
        spec = CheckSpec(check="has_owner", severity=Severity.BLOCKING)
        found = evaluate_check(spec, GateFacts(paths=("OWNERS",)))
        assert (found.outcome, found.check) == (Outcome.UNDETERMINED, "has_owner")
        assert "OSError: gone" in found.reason.message
        assert plan_of(GateSpec(id="g", checks=(spec,))) == NOTHING
    finally:
        registry.remove([broken])
        registry.add([owners])


def test_one_that_is_gone_has_determined_nothing() -> None:
    found = evaluate_check(CheckSpec(check="has_owner"), GateFacts())
    assert found.outcome is Outcome.UNDETERMINED
    assert "no check has_owner" in found.reason.message


def test_one_cannot_answer_for_another_check(owners: CheckKind) -> None:
    spec = CheckSpec(check="has_owner", severity=Severity.BLOCKING, params={"name": "OWNERS"})
    liar = replace(
        owners,
        evaluate=lambda _spec, facts: owners.evaluate(
            CheckSpec(check="other", severity=Severity.INFO, params=spec.params), facts
        ),
    )
    registry.remove([owners])
    registry.add([liar])
    try:
        found = evaluate_check(spec, GateFacts(paths=()))
        assert (found.check, found.severity) == ("has_owner", Severity.BLOCKING)
    finally:
        registry.remove([liar])
        registry.add([owners])


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_our_own_kinds_hold_to_the_same(name: str) -> None:
    assert why_not(CHECKS[name]) == ""


def _doctor(place: Path) -> dict[str, dict[str, str]]:
    program = (
        "import json, dataclasses; from interlock.cli.doctor.kinds import kinds; "
        "print(json.dumps([dataclasses.asdict(one) for one in kinds()]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {one["id"]: one for one in json.loads(said.stdout)}


def test_the_doctor_tries_every_kind_that_is_installed(build: Build) -> None:
    line = _doctor(build(GOOD))["check-kinds"]
    assert line["standing"] == "ok"
    assert "1 of them from other distributions (has_owner)" in line["says"]


def test_the_doctor_names_a_distribution_that_keeps_the_server_down(build: Build) -> None:
    line = _doctor(build("raise RuntimeError('no licence')"))["check-plugins"]
    assert line["standing"] == "finding"
    assert "interlock-owners" in line["says"]
    assert line["remedy"].startswith("pip uninstall interlock-owners")
