"""``variables``: where they are put in, as what, and what is said about those that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.definition.test_extends import FILE, place, problems, tree

from interlock.definition import Loaded, load
from interlock.definition.variables import MAX_GROWTH

PLAIN = """\
name: "Work on ${area}"
version: "1"
description: "costs $${x}"
variables: {area: billing, threshold: 85, paths: [a/**, b/**], strict: true}
phases:
  - id: A
    allowed_tools: [read_files, write_files]
    tool_constraints:
      write_files:
        allowed_patterns: ["${area}/**", "${paths}", "c/**"]
        forbidden_patterns: ["${paths}/no"]
    gates:
      - id: done
        four_eyes: ${strict}
        type: approval
        approvers: [human]
        blockers:
          - check: coverage_threshold_met
            threshold: "${threshold}"
            message: "below ${threshold}"
  - {id: B, allowed_tools: [read_files]}
transitions:
  - {from: A, to: B, gate: done}
"""
GOOD = PLAIN.replace('        forbidden_patterns: ["${paths}/no"]\n', "")


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_values_are_put_in_with_their_type_and_in_text_as_text() -> None:
    found = load(GOOD).workflow
    phase = found.phases[0]
    assert (found.name, found.description) == ("Work on billing", "costs ${x}")
    assert phase.tool_constraints["write_files"].allowed_patterns == (
        "billing/**",
        "a/**",
        "b/**",
        "c/**",
    )
    gate = phase.gates[0]
    assert gate.four_eyes is True
    assert gate.checks[0].params == {"threshold": 85}
    assert gate.checks[0].message == "below 85"


def test_the_digest_is_that_of_what_comes_out() -> None:
    written = (
        GOOD.replace("${area}", "billing")
        .replace('"${paths}"', "a/**, b/**")
        .replace('"${threshold}"', "85")
        .replace("${threshold}", "85")
        .replace("${strict}", "true")
        .replace("$${", "${")
    )
    lines = [line for line in written.splitlines(True) if not line.startswith("variables")]
    assert load("".join(lines)).workflow.digest == load(GOOD).workflow.digest


def test_without_variables_nothing_is_replaced() -> None:
    found = load(
        "".join(line for line in GOOD.splitlines(True) if not line.startswith("variables"))
        .replace("four_eyes: ${strict}", "four_eyes: true")
        .replace('threshold: "${threshold}"', "threshold: 85")
    )
    assert found.workflow.name == "Work on ${area}"
    assert found.workflow.description == "costs $${x}"


TEAM = (
    "extends: tdd\nvariables: {threshold: 80, area: src}\nname: On ${area}\n"
    + """\
phases:
  - id: IMPL
    gates:
      - id: tests_green
        blockers: [{check: coverage_threshold_met, threshold: "${threshold}"}]
"""
)


def coverage(loaded: Loaded) -> Any:
    phase = loaded.workflow.phase("IMPL")
    assert phase is not None
    return next(c for c in phase.gates[0].checks if c.check == "coverage_threshold_met")


def test_the_extending_files_value_counts_before_the_parents() -> None:
    assert coverage(tree("extends: team.yaml\n", team_yaml=TEAM)).params == {"threshold": 80}
    ours = "extends: team.yaml\nvariables: {threshold: 95}\n"
    found = tree(ours, team_yaml=TEAM)
    assert coverage(found).params == {"threshold": 95}
    assert found.workflow.name == "On src"


def test_no_setting_of_the_server_changes_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree("extends: team.yaml\n", team_yaml=TEAM).workflow.digest
    for name in (
        "ORCHESTRATOR_WORKFLOW_THRESHOLD",
        "ORCHESTRATOR_VARIABLES_THRESHOLD",
        "threshold",
    ):
        monkeypatch.setenv(name, "1")
    assert tree("extends: team.yaml\n", team_yaml=TEAM).workflow.digest == before


def test_a_wrong_value_is_shown_where_it_is_given_and_where_it_is_put_in() -> None:
    ours = "extends: team.yaml\nvariables:\n  threshold: 180\n"
    (found,) = problems(ours, team_yaml=TEAM)
    assert (found["code"], place(found)) == ("IL-DEF-025", f"{FILE}:3:14")
    assert [place(item) for item in found["related"]] == ["team.yaml:8:63"]


@pytest.mark.parametrize(
    "old, new, code",
    [
        ('"Work on ${area}"', '▸"Work on ${aera}"', "IL-DEF-095"),
        ("${strict}", "▸${strcit}", "IL-DEF-095"),
        ('"Work on ${area}"', '▸"Work on ${area"', "IL-DEF-096"),
        ('"Work on ${area}"', '▸"Work on ${paths}"', "IL-DEF-010"),
        ("area: billing", "area: ▸'${area}'", "IL-DEF-096"),
        ("area: billing", "area: ▸'x-${threshold}'", "IL-DEF-096"),
        ("[a/**, b/**]", "[a/**, ▸'${area}']", "IL-DEF-096"),
        ("[a/**, b/**]", "▸{a: b}", "IL-DEF-010"),
        ("[a/**, b/**]", "[▸[a]]", "IL-DEF-010"),
        ("[a/**, b/**]", "▸~", "IL-DEF-010"),
        ("{area: billing", "{▸a-b: 1, area: billing", "IL-DEF-014"),
        ("  - id: A\n", "  - id: ▸${area}\n", "IL-DEF-096"),
        ("to: B,", "to: ▸'${area}',", "IL-DEF-096"),
        ("      write_files:\n", "      ▸'${area}':\n", "IL-DEF-096"),
        ("threshold: 85", "threshold: ▸lots", "IL-DEF-025"),
        ("strict: true}", "strict: ▸7}", "IL-DEF-010"),
    ],
)
def test_what_cannot_be_put_in_is_said_where_it_stands(old: str, new: str, code: str) -> None:
    marked = changed(old, new)
    before = marked[: marked.index("▸")].split("\n")
    at = f"{FILE}:{len(before)}:{len(before[-1]) + 1}"
    found = problems(marked.replace("▸", ""))
    assert (code, at) in [(item["code"], place(item)) for item in found]


def test_variables_that_are_no_mapping_are_refused() -> None:
    found = problems("name: x\nvariables: [a]\n")
    assert ("IL-DEF-010", f"{FILE}:2:12") in [(item["code"], place(item)) for item in found]


def test_a_list_inside_of_text_is_refused() -> None:
    found = problems(PLAIN)
    assert [(item["code"], place(item)) for item in found] == [("IL-DEF-010", f"{FILE}:11:30")]


def test_an_override_keeps_the_type() -> None:
    ours = "extends: team.yaml\nvariables: {threshold: high}\n"
    found = problems(ours, team_yaml=TEAM)
    assert (found[0]["code"], place(found[0])) == ("IL-DEF-010", f"{FILE}:2:24")
    assert place(found[0]["related"][0]) == "team.yaml:2:24"


def test_a_variable_of_the_file_itself_that_is_used_nowhere_is_named() -> None:
    loaded = load(changed("{area: billing", "{areas: x, area: billing"))
    unused = [w for w in loaded.warnings if w.code == "IL-DEF-097"]
    assert [str(w.position) for w in unused] == [f"{FILE}:4:13"]
    # The parent's may be meant for others.
    team = TEAM.replace("variables: {", "variables: {spare: 1, ")
    codes = {w.code for w in tree("extends: team.yaml\n", team_yaml=team).warnings}
    assert "IL-DEF-097" not in codes


@pytest.mark.parametrize(
    "value, use",
    [
        ("x" * 100_000, '["' + "${a}" * 40 + '"]'),
        ("x" * 100_000, "[" + ", ".join(['"${a}"'] * 40) + "]"),
        ("[" + ", ".join(["1"] * 20_000) + "]", "[" + ", ".join(['"${a}"'] * 4000) + "]"),
    ],
    ids=["text in text", "whole texts", "lists"],
)
def test_a_short_file_cannot_stand_for_a_huge_one(value: str, use: str) -> None:
    assert MAX_GROWTH < 4_000_000
    found = problems(f"variables: {{a: {value}}}\nprotected_paths: {use}\n")
    assert [item for item in found if item["code"] == "IL-DEF-002"]


def test_schemas_are_taken_as_they_are() -> None:
    text = changed("name: ", 'schemas: {x: {title: "${no}"}}\nname: ')
    assert load(text).workflow.schemas["x"] == {"title": "${no}"}
