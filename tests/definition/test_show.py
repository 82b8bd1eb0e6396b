"""A resolved workflow as text: it means the same, and every value says where it comes from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.definition.small import SMALL
from tests.definition.test_extends import FILE, tree
from tests.definition.test_variables import GOOD

from interlock.definition import Loaded, load, load_pack, pack_names
from interlock.definition.builtin import pack_text
from interlock.definition.diagnostics import Findings
from interlock.definition.inheritance import pack_file
from interlock.definition.show import document, shown, values
from interlock.definition.yaml_compose import compose
from interlock.definition.yaml_nodes import plain
from interlock.definition.yaml_text import flow

TEAM = """\
extends: tdd
version: 1.10
variables: {covered: 90, more: ["a b", 'c: "d"', "é\\u2028\\U0001F600", "true"]}
phases:
  - id: IMPL
    gates:
      - id: tests_green
        blockers: [{check: coverage_threshold_met, threshold: "${covered}"}]
protected_paths: ["${more}", plain]
"""


def pack(name: str) -> Loaded:
    return load(pack_text(name), file=pack_file(name), pack=name)


@pytest.mark.parametrize("origin", [False, True])
@pytest.mark.parametrize("text", [SMALL, GOOD, TEAM, "extends: tdd\n"])
def test_what_is_shown_loads_to_the_same_digest(text: str, origin: bool) -> None:
    loaded = tree(text)
    again = load(shown(loaded, origin=origin))
    assert again.workflow.digest == loaded.workflow.digest
    assert again.workflow.version == loaded.workflow.version


@pytest.mark.parametrize("origin", [False, True])
@pytest.mark.parametrize("name", pack_names())
def test_so_does_every_pack(name: str, origin: bool) -> None:
    assert load(shown(pack(name), origin=origin)).workflow.digest == load_pack(name).workflow.digest


def test_the_document_is_what_the_text_says() -> None:
    loaded = tree(TEAM)
    node = compose(shown(loaded, origin=False), file="", findings=Findings())
    assert node is not None
    assert plain(node) == document(loaded)


def lines(text: str) -> dict[str, str]:
    """Shown line → its origin."""
    pairs = (line.rpartition("  # ") for line in shown(tree(text), origin=True).splitlines())
    return {before.strip(): origin for before, _, origin in pairs}


def test_each_value_has_the_file_and_line_that_it_was_written_at() -> None:
    found = lines(TEAM)
    assert found["version: 1.10"] == f"{FILE}:2"
    assert found["threshold: 90"] == f"{FILE}:3"  # the variable decides
    assert found["- check: coverage_threshold_met"] == f"{FILE}:8"
    assert found["- plain"] == f"{FILE}:9"
    pack_lines = pack_text("tdd").splitlines()
    for line, origin in found.items():
        if origin.startswith("packs/tdd/workflow.yaml:") and line.startswith("name: "):
            assert (
                line.removeprefix("name: ").strip('"')
                in pack_lines[int(origin.rpartition(":")[2]) - 1]
            )


def test_what_nobody_wrote_is_marked_as_default() -> None:
    found = lines(SMALL)
    assert found['# description: ""'] == "default"
    assert found["# requires_token: true"] == "default"
    assert "# severity: blocking" not in found  # written there
    assert lines("extends: tdd\n")["# approval_strength: passphrase"] == "default"
    small = lines(SMALL.replace(", severity: blocking", ""))
    assert small["# severity: blocking"] == "default"


def test_values_are_named_by_what_identifies_them() -> None:
    found = {value.path: value for value in values(tree(TEAM))}
    threshold = found["phases.IMPL.gates.tests_green.blockers.coverage_threshold_met.threshold"]
    assert threshold.value == 90
    assert str(threshold.position) == f"{FILE}:3:22"
    assert found["transitions.PLAN→TDD.gate"].value == "plan_approved"
    assert found["transitions.PLAN→TDD.requires_token"].position is None
    assert found["schemas.plan.schema.json"].position is not None


_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 62), 1 << 62),
        st.floats(-(2.0**62), 2.0**62),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), inner),
    ),
    max_leaves=20,
)


@given(_JSON)
def test_any_value_comes_back_from_its_text(value: Any) -> None:
    findings = Findings()
    node = compose(f"a: {flow(value)}\n", file="", findings=findings)
    assert node is not None
    assert plain(node) == {"a": value}
    assert not findings.failed
