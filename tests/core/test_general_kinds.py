"""The general kinds of checks, case by case: what they pass, what they fail, what they leave
open."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.facts import Finding, GateFacts, GivenApproval, JobFacts, ReviewVerdict, Trail
from interlock.core.gates.evaluate import evaluate_check
from interlock.core.gates.jobs import START
from interlock.core.gates.kinds import KINDS
from interlock.core.gates.references import AbsentError, listed, reference, values
from interlock.core.gates.registry import CHECKS
from interlock.core.gates.samples import added
from interlock.core.model import CheckSpec
from interlock.core.reasons import Outcome

PASS, FAIL, NOT_YET = Outcome.PASS, Outcome.FAIL, Outcome.NOT_YET
UNDETERMINED, NOT_APPLICABLE = Outcome.UNDETERMINED, Outcome.NOT_APPLICABLE
PLAN = {
    "title": "T",
    "hours": 5,
    "a/b": {"~": 7},
    "tasks": [{"id": "a", "h": 2, "needs": []}, {"id": "b", "h": 3, "needs": ["a"]}],
    "files": ["src/a.py", "src/b.py"],
    "empty": [],
}
TEXT = (
    "# Design\n\nIntro.\n\n## Risks\n\nNone.\n\n```\n## Not one\n```\n\n## Plan ##\n\n### A\n\nx\n"
)
FACTS = GateFacts(
    tree="t",
    artifacts={"plan": PLAN},
    paths=("README.md", "src/a.py", "docs/x.md"),
    texts={"x.json": "{}", "D.md": TEXT, "gone.md": None, "bad.json": "{"},
    documents={"x.json": {"files": ["src/a.py"]}},
    differences={START: added("src/a.py", "docs/x.md"), "phase:REVIEW": added("tests/t.py")},
    invalid={"s.json plan": (), "s.json plan#/tasks/*": ("/id: too short",)},
)


def outcome(name: str, facts: GateFacts = FACTS, **params: Any) -> Outcome:
    return evaluate_check(CheckSpec(check=name, params=params), facts).outcome


CASES: list[tuple[str, dict[str, Any], Outcome]] = [
    ("exists", {"paths": ("README.md", "src/*.py")}, PASS),
    ("exists", {"paths": ("README.md", "src/*.go")}, FAIL),
    ("exists", {"paths_from": "file:x.json#/files/*"}, PASS),
    ("exists", {"paths_from": "plan#/files"}, FAIL),
    ("exists", {"paths_from": "plan#/empty"}, UNDETERMINED),
    ("exists", {"paths_from": "design#/files"}, NOT_YET),
    ("schema", {"document": "plan", "schema": "s.json"}, PASS),
    ("schema", {"document": "plan#/tasks/*", "schema": "s.json"}, FAIL),
    ("schema", {"document": "plan#/nothing", "schema": "s.json"}, UNDETERMINED),
    ("schema", {"document": "file:gone.md", "schema": "s.json"}, FAIL),
    ("schema", {"document": "file:bad.json", "schema": "s.json"}, FAIL),
    ("schema", {"document": "file:unread.json", "schema": "s.json"}, UNDETERMINED),
    ("sections", {"document": "file:D.md", "sections": ("risks", "PLAN")}, PASS),
    ("sections", {"document": "file:D.md", "sections": ("Plan", "Risks"), "in_order": True}, FAIL),
    ("sections", {"document": "file:D.md", "sections": ("Risks", "Plan"), "in_order": True}, PASS),
    ("sections", {"document": "file:D.md", "sections": ("Not one",)}, FAIL),
    ("sections", {"document": "file:D.md", "sections": ("Plan",), "level": 2}, PASS),
    ("sections", {"document": "file:D.md", "sections": ("Plan",), "level": 3}, FAIL),
    ("sections", {"document": "file:gone.md", "sections": ("Plan",)}, FAIL),
    ("sections", {"document": "plan#/title", "sections": ("Plan",)}, FAIL),
    ("sections", {"document": "plan#/hours", "sections": ("Plan",)}, FAIL),
    ("count", {"items": "plan#/tasks", "min": 2, "max": 2}, PASS),
    ("count", {"items": "plan#/tasks/*/needs", "max": 1}, FAIL),
    ("count", {"items": "plan#/empty", "min": 1}, FAIL),
    ("count", {"paths": ("src/**",), "min": 1, "max": 1}, PASS),
    ("count", {"paths": ("src/**",), "max": 0}, FAIL),
    ("recompute", {"value": "plan#/hours", "function": "sum", "of": ("plan#/tasks/*/h",)}, PASS),
    ("recompute", {"value": "plan#/hours", "function": "max", "of": ("plan#/tasks/*/h",)}, FAIL),
    ("recompute", {"value": "plan#/hours", "function": "sum", "of": ("plan#/files",)}, FAIL),
    ("recompute", {"value": "plan#/title", "function": "sum", "of": ("plan#/hours",)}, FAIL),
    (
        "recompute",
        {"value": "plan#/hours", "function": "mean", "of": ("plan#/empty",)},
        UNDETERMINED,
    ),
    (
        "recompute",
        {"value": "plan#/hours", "function": "percent", "of": ("plan#/hours", "plan#/tasks/1/h")},
        FAIL,
    ),
    (
        "recompute",
        {"value": "plan#/hours", "function": "ratio", "of": ("plan#/hours", "plan#/empty")},
        UNDETERMINED,
    ),
    (
        "recompute",
        {
            "value": "plan#/hours",
            "function": "count",
            "of": ("plan#/files", "plan#/tasks"),
            "tolerance": 1,
        },
        PASS,
    ),
    ("subset", {"list": "file:x.json#/files", "within": "plan#/files"}, PASS),
    ("subset", {"list": "plan#/files", "within": "file:x.json#/files"}, FAIL),
    ("subset", {"list": "plan#/title", "of": ("T", "U")}, PASS),
    ("subset", {"list": "plan#/title", "of": ("U",)}, FAIL),
    ("subset", {"list": "plan#/empty", "of": ("U",)}, UNDETERMINED),
    ("dag", {"items": "plan#/tasks", "needs": "needs"}, PASS),
    ("dag", {"items": "plan#/files"}, FAIL),
    ("dag", {"items": "plan#/empty"}, UNDETERMINED),
    ("diff_scope", {"paths": ("src/**", "docs/**")}, PASS),
    ("diff_scope", {"paths": ("**",), "but": ("docs/**",)}, FAIL),
    ("diff_scope", {"paths_from": "plan#/files"}, FAIL),
    ("diff_scope", {"paths_from": "plan#/empty"}, UNDETERMINED),
    ("diff_scope", {"paths": ("tests/**",), "since": "REVIEW"}, PASS),
    ("diff_scope", {"paths": ("tests/**",), "since": "PLAN"}, NOT_YET),
    ("tree_unchanged_since", {"phase": "REVIEW"}, FAIL),
    ("tree_unchanged_since", {"phase": "REVIEW", "but": ("tests/**",)}, PASS),
    ("tree_unchanged_since", {"phase": "REVIEW", "paths": ("src/**",)}, PASS),
    ("tree_unchanged_since", {"approval": "plan"}, NOT_YET),
    ("tree_unchanged_since", {"verdict": "security"}, NOT_YET),
]


@pytest.mark.parametrize("name, params, wanted", CASES)
def test_a_general_check_says(name: str, params: dict[str, Any], wanted: Outcome) -> None:
    found = evaluate_check(CheckSpec(check=name, params=params), FACTS)
    assert found.outcome is wanted, found.reason.message
    assert found.outcome.lets_through or found.reason.remedy


COMMANDS = [
    (JobFacts(exit_code=0), 0, PASS),
    (JobFacts(exit_code=1), 0, FAIL),
    (JobFacts(exit_code=1), "nonzero", PASS),
    (JobFacts(exit_code=0), "nonzero", FAIL),
    (JobFacts(exit_code=3), 3, PASS),
    # A tool that is not there has found nothing out, whatever was expected.
    (JobFacts(exit_code=127), 0, UNDETERMINED),
    (JobFacts(exit_code=127), "nonzero", UNDETERMINED),
    (JobFacts(exit_code=126), 0, UNDETERMINED),
    (JobFacts(exit_code=127), 127, PASS),
    (JobFacts(problem="no sandbox", exit_code=0), 0, UNDETERMINED),
    (JobFacts(), 0, UNDETERMINED),
]


@pytest.mark.parametrize("ran, exit_code, wanted", COMMANDS)
def test_a_command_counts_by_how_it_ended(ran: JobFacts, exit_code: Any, wanted: Outcome) -> None:
    params = {"command": "make lint", "exit_code": exit_code}
    (job,) = CHECKS["command"].plan(params).jobs
    assert outcome("command", GateFacts(jobs={job.key: ran}), **params) is wanted


def test_a_command_that_is_another_has_other_facts() -> None:
    kind = CHECKS["command"]
    others: list[dict[str, Any]] = [
        {"command": "a"},
        {"command": "b"},
        {"command": "a", "directory": "src"},
        {"command": "a", "timeout_seconds": 5},
    ]
    keys = {kind.plan(params).jobs[0].key for params in others}
    assert len(keys) == len(others)
    assert outcome("command", GateFacts(), command="a") is NOT_YET


def test_rules_let_through_what_the_project_has_a_reason_for() -> None:
    (job,) = CHECKS["static"].plan({"rules": "python"}).jobs
    finding = Finding(kind="os_exit", path="a.py", line=1, message="ends the process")
    seen = GateFacts(jobs={job.key: JobFacts(findings=(finding,), looked_at=1)})
    assert outcome("static", seen, rules="python") is FAIL
    assert outcome("static", seen, rules="python", accept=("os_exit",)) is PASS
    nothing = GateFacts(jobs={job.key: JobFacts()})
    assert outcome("static", nothing, rules="python") is NOT_APPLICABLE


ROLES = ("security", "quality", "holistic")
QUORUMS: list[tuple[Any, str, Outcome]] = [
    ("majority", "pp.", PASS),
    ("majority", "p..", NOT_YET),
    ("majority", "ff.", FAIL),
    ("majority", "pfp", PASS),
    ("all", "ppp", PASS),
    ("all", "pp.", NOT_YET),
    ("all", "ppf", FAIL),
    ("any", "ffp", PASS),
    ("any", "fff", FAIL),
    ("any", "...", NOT_YET),
    (2, "p.p", PASS),
    (3, "pfp", FAIL),
]


def _given(verdicts: str, *, tree: str = "t", agent: str = "r") -> GateFacts:
    words = {"p": "pass", "f": "fail"}
    given = tuple(
        ReviewVerdict(role=role, agent_id=agent, session_id="s", tree=tree, verdict=words[v])
        for role, v in zip(ROLES, verdicts, strict=True)
        if v in words
    )
    return GateFacts(tree="t", authors=("author",), verdicts=given)


@pytest.mark.parametrize("quorum, verdicts, wanted", QUORUMS)
def test_a_quorum_is_reached_missed_or_open(quorum: Any, verdicts: str, wanted: Outcome) -> None:
    asked = {"quorum": quorum, "required_reviews": ROLES}
    assert outcome("review_quorum", _given(verdicts), **asked) is wanted


def test_verdicts_of_the_author_or_on_another_tree_are_no_votes() -> None:
    asked = {"quorum": "any", "required_reviews": ROLES}
    assert outcome("review_quorum", _given("ppp", tree="old"), **asked) is NOT_YET
    assert outcome("review_quorum", _given("ppp", agent="author"), **asked) is NOT_YET


APPROVALS: list[tuple[dict[str, Any], Outcome]] = [
    ({"gate": "plan"}, PASS),
    ({"gate": "plan", "by": ("human",)}, PASS),
    ({"gate": "plan", "by": ("orchestrator",)}, FAIL),
    ({"gate": "plan", "strength": "passphrase"}, FAIL),
    ({"gate": "plan", "strength": "session"}, PASS),
    ({"gate": "other"}, NOT_YET),
]


@pytest.mark.parametrize("params, wanted", APPROVALS)
def test_an_approval_counts_by_who_gave_it_and_how(params: dict[str, Any], wanted: Outcome) -> None:
    given = GivenApproval(gate="plan", phase="P", by="anna", tree="t", strength="session", epoch=1)
    assert outcome("approval", GateFacts(trail=Trail(approvals=(given,))), **params) is wanted


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("exists", {}, "needs 'paths' or 'paths_from'"),
    ("count", {"items": "a", "paths": ("b",), "min": 1}, "either 'items' or 'paths'"),
    ("count", {"items": "a"}, "cannot fail without"),
    ("count", {"items": "a", "min": 3, "max": 2}, "cannot pass"),
    ("count", {"items": "a", "min": 0}, "cannot fail"),
    ("recompute", {"function": "ratio", "of": ("a",)}, "name two"),
    ("subset", {"list": "a"}, "one of 'within' and 'of'"),
    ("subset", {"list": "a", "of": (1,), "within": "b"}, "one of 'within' and 'of'"),
    ("diff_scope", {"since": "P"}, "needs 'paths' or 'paths_from'"),
    ("tree_unchanged_since", {}, "needs one of"),
    ("tree_unchanged_since", {"phase": "P", "approval": "g"}, "needs one of"),
    ("review_quorum", {"quorum": 3, "required_reviews": ("a",)}, "cannot pass"),
]


@pytest.mark.parametrize("name, params, why", WRONG)
def test_parameters_that_make_no_check_are_refused(
    name: str, params: dict[str, Any], why: str
) -> None:
    assert why in CHECKS[name].wrong(params)


@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
def test_the_example_of_a_kind_is_one_that_could_be_written(name: str) -> None:
    examples = CHECKS[name].examples
    assert examples is not None
    assert CHECKS[name].wrong(examples.params) == ""


def test_references_lead_into_documents() -> None:
    assert values("plan#/tasks/*/id", FACTS) == ("a", "b")
    assert values("plan#/tasks/1/h", FACTS) == (3,)
    assert values("plan#/a~1b/~0", FACTS) == (7,)
    assert values("plan#/tasks", FACTS) == (PLAN["tasks"],)
    assert listed("plan#/tasks/*/needs/*", FACTS) == ("a",)
    assert values("plan#/tasks/9", FACTS) == values("plan#/title/x", FACTS) == ()
    with pytest.raises(AbsentError):
        values("design", FACTS)


@pytest.mark.parametrize("text", ["", "#/a", "file:", "file:/etc/passwd", "file:../x", "plan#a"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no artifact|something other than"):
        reference(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "dependencies", "h", "tasks"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["plan", "plan#/tasks", "plan#/tasks/*/h", "plan#/*/id", "plan#/*"]))
def test_no_document_makes_a_kind_raise(document: object, place: str) -> None:
    facts = GateFacts(artifacts={"plan": document}, paths=("a",), differences={START: added("a")})
    checks: tuple[tuple[str, dict[str, Any]], ...] = (
        ("exists", {"paths_from": place}),
        ("sections", {"document": place, "sections": ("A",)}),
        ("count", {"items": place, "min": 1}),
        ("subset", {"list": place, "within": "plan"}),
        ("dag", {"items": place}),
        ("diff_scope", {"paths_from": place}),
        *(
            ("recompute", {"value": place, "function": function, "of": (place, "plan")})
            for function in ("sum", "count", "min", "mean", "percent")
        ),
    )
    for name, params in checks:
        CHECKS[name].evaluate(CheckSpec(check=name, params=params), facts)
