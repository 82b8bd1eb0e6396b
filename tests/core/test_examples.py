"""Every check and every rule can tell one thing from another, and nothing can make one raise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.facts import GateFacts
from interlock.core.gates.catalog import ARTIFACT_RULES
from interlock.core.gates.registry import CHECKS
from interlock.core.gates.rules import RULES
from interlock.core.gates.samples import added, green, red
from interlock.core.model import CheckSpec, PhaseSpec
from interlock.core.reasons import Outcome

ANYWHERE = PhaseSpec(id="P")
BUILT = sorted(CHECKS)
KEYS = st.sampled_from(
    [
        "plan_document",
        "acceptance_criteria",
        "id",
        "criterion",
        "how_to_verify",
        "open_questions",
        "scope",
        "in_scope",
        "out_of_scope",
        "constraints",
        "paths",
        "test_files",
        "path",
        "covers",
        "command",
        "exit_code",
        "passed",
        "failed",
        "skipped",
        "tree",
        "files_changed",
        "summary",
        "implementation_steps",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["plan_document", "scope_definition", "test_files", "test_run_result"]), VALUES
)


def _spec(name: str, **params: Any) -> CheckSpec:
    return CheckSpec(check=name, params=params)


def test_every_rule_that_files_may_name_is_built() -> None:
    assert set(RULES) == set(ARTIFACT_RULES)


@pytest.mark.parametrize("name", BUILT)
def test_a_check_passes_one_example_and_not_the_other(name: str) -> None:
    kind = CHECKS[name]
    assert kind.examples is not None
    spec = _spec(name, **kind.examples.params)
    good, bad = (kind.evaluate(spec, f) for f in (kind.examples.passes, kind.examples.fails))
    assert good.outcome is Outcome.PASS
    assert not bad.outcome.lets_through
    assert bad.reason.rule == name
    assert bad.reason.message
    assert bad.reason.remedy


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_check_without_facts_does_not_let_through(name: str) -> None:
    kind = CHECKS[name]
    params = kind.examples.params
    found = kind.evaluate(_spec(name, **params), GateFacts()).outcome
    assert found in (Outcome.NOT_YET, Outcome.UNDETERMINED)


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_passes_one_example_and_not_the_other(name: str) -> None:
    rule = RULES[name]
    good, bad = rule.examples.passes, rule.examples.fails
    assert rule.wrong(good.artifacts[rule.artifact], good, ANYWHERE) == ""
    assert rule.wrong(bad.artifacts[rule.artifact], bad, ANYWHERE) != ""


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_does_not_pass_an_empty_document_without_facts(name: str) -> None:
    facts = GateFacts(artifacts={"any": {}})
    lets_through = RULES[name].wrong({}, facts, ANYWHERE) == ""
    # This one asks that something is absent; what has to be there other rules ask.
    assert lets_through is (name == "no_blocking_issues")


@given(DOCUMENTS, VALUES)
def test_no_document_makes_a_check_or_rule_raise(
    artifacts: dict[str, Any], document: object
) -> None:
    facts = GateFacts(
        artifacts=artifacts,
        changes=added("a"),
        own_changes=added("a"),
        red=red(),
        green=green(),
    )
    for kind in CHECKS.values():
        params = kind.examples.params
        kind.evaluate(_spec(kind.name, **params), facts)
    for rule in RULES.values():
        assert isinstance(rule.wrong(document, facts, ANYWHERE), str)
