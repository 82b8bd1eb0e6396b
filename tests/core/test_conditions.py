"""Conditions: what may stand in one, what it asks for, and what cannot be told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.condition_facts import FACTS, known_facts, samples
from interlock.core.conditions import MACROS, MOST_ITEMS, MOST_TEXT, holds, problems
from interlock.core.facts import ChangeKind, TreeChange
from interlock.core.model import Mode
from interlock.core.work import Kind, Work

CHANGES = (
    TreeChange(path="src/a.py", kind=ChangeKind.MODIFIED),
    TreeChange(path="docs/a.md", kind=ChangeKind.ADDED),
)


def facts(**other: Any) -> dict[str, Any]:
    known = known_facts(
        work=Work(kind=Kind.DOCS, stated="docs"),
        title="Write it down",
        priority=3,
        capabilities=("python",),
        changes=CHANGES,
        confinement="full",
        mode=Mode.STRICT,
    )
    return {**known, **other}


def test_every_fact_of_the_table_is_filled_in() -> None:
    assert facts().keys() == FACTS.keys()
    assert all(sample.keys() == FACTS.keys() for sample in samples())


@pytest.mark.parametrize(
    "text, expected",
    [
        ("work.kind == 'docs'", True),
        ("'docs' == work.kind", True),
        ('work.kind == "fix"', False),
        ("work.kind in ['feature', 'fix']", False),
        ("work.kind != work.stated", False),
        ("diff.files > 1 && diff.added == 1 && diff.deleted == 0", True),
        ("'docs/a.md' in diff.paths", True),
        ("size(diff.paths) == diff.files", True),
        ("diff.paths.size() < 2 || task.priority >= 3", True),
        ("task.title.startsWith('Write') && task.title.matches('^W.*n$')", True),
        ("!(confinement == 'full')", False),
        ("mode == 'strict' ? task.priority > 1 : false", True),
        ("'python' in task.capabilities // who may do it", True),
        ("has(work.kind)", True),
    ],
)
def test_a_condition_says_whether_it_holds(text: str, expected: bool) -> None:
    assert problems(text) == ()
    assert holds(text, facts()).holds is expected


def test_the_answer_names_what_was_asked() -> None:
    answer = holds("work.kind == 'docs' && diff.files > 1", facts())
    assert answer.why == "diff.files is 2, work.kind is 'docs'"


@pytest.mark.parametrize(
    "text, message, offset",
    [
        ("diff.paths.exists(p, p == 'a')", "'exists' goes through a list", 11),
        ("[1] . all (work, true)", "'all' goes through a list", 6),
        ("diff.paths.map(work, work) == []", "'map' goes through a list", 11),
        ("work.knd == 'docs'", "there is no fact 'work.knd'", 0),
        ("1 < 2 && dif.files > 1", "there is no fact 'dif.files'", 9),
        ("work['kind'] == 'docs'", "asked with brackets", 0),
        ("work == 'docs'", "there is no fact 'work'", 0),
        ("work.kind == 'dcos'", "'work.kind' is never 'dcos'", 13),
        ("work.kind in ['docs', 'fax']", "'work.kind' is never 'fax'", 22),
        ("'strikt' != mode", "'mode' is never 'strikt'", 0),
        ("task.title", "gives a text", 0),
        ("diff.files", "gives a number", 0),
        ("diff.files > 'a'", "what does not go together", 0),
        ("task.title + 1 == 'a'", "what does not go together", 0),
        ("task.title.matches('[')", "cannot be evaluated", 0),
        ("lower(task.title) == 'a'", "there is no function 'lower'", 0),
        ("timestamp(task.title) == timestamp(task.title)", "no function 'timestamp'", 0),
        ("1 == 1", "asks for no fact", 0),
        ("true", "asks for no fact", 0),
        ("work.kind ==", "cannot be read", 12),
        ("work.kind == 'docs", "holds what no condition has", 13),
        ("work.kind == '''docs'''", "holds what no condition has", 13),
        ("{'a': 1}['a'] == diff.files", "holds what no condition has", 0),
        ("work.kind == b'docs'", "holds what no condition has", 13),
        ("x" * (MOST_TEXT + 1), "longer than", MOST_TEXT),
        ("(" * 400 + "diff.files > 1" + ")" * 400, "cannot be read", 96),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_place(text: str, message: str, offset: int) -> None:
    found = problems(text)
    assert message in found[0].message
    assert found[0].offset == offset


@pytest.mark.parametrize("macro", MACROS)
def test_no_comprehension_gets_through_however_it_is_written(macro: str) -> None:
    for text in (
        f"diff.paths.{macro}(work, true)",
        f"diff.paths.{macro}(work, work, true)",
        f"diff.paths . {macro} // now\n (diff, diff.files > 1)",
        f"[['a']].{macro}(x, x.{macro}(y, true))",
    ):
        assert any(f"'{macro}' goes through a list" in one.message for one in problems(text))
    # Inside of a text it is a text.
    assert problems(f"task.title == 'a.{macro}(x, true)'") == ()


@pytest.mark.parametrize(
    "text, changed, why",
    [
        ("diff.paths[7] == 'a'", {}, "out of bounds"),
        ("1 / diff.deleted == 1", {}, "division by zero"),
        ("'a' in diff.paths", {"diff.paths": ["a"] * (MOST_ITEMS + 1)}, "more than"),
        ("task.title.startsWith('a')", {"task.title": None}, ""),
    ],
)
def test_what_cannot_be_evaluated_is_neither_true_nor_false(
    text: str, changed: dict[str, Any], why: str
) -> None:
    answer = holds(text, facts(**changed))
    assert answer.holds is None
    assert why in answer.why


def test_a_fact_that_is_not_there_is_neither_true_nor_false() -> None:
    answer = holds("work.kind == 'docs'", {})
    assert answer.holds is None
    assert answer.why == "work.kind is not known"
    assert holds("", {}).holds is True


@given(st.text(max_size=60))
def test_any_text_is_refused_or_can_be_evaluated(text: str) -> None:
    if not problems(text):
        assert holds(text, facts()).holds in (True, False, None)


_PIECES = [
    "work.kind",
    "'docs'",
    "==",
    "&&",
    "diff.files",
    "1",
    "(",
    ")",
    ">",
    ".exists(",
    "x",
    ",",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=9))
def test_pieces_of_conditions_are_refused_or_can_be_evaluated(pieces: list[str]) -> None:
    text = " ".join(pieces)
    if not problems(text):
        assert ".exists(" not in pieces
        assert holds(text, facts()).holds in (True, False, None)
