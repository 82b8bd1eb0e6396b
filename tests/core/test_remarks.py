"""What became of reviewers' comments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.facts import Answer, ReviewIssue, ReviewVerdict
from interlock.core.remarks import comments, is_touched

OLD = "".join(f"line {n}\n" for n in range(1, 21))
FILES = {
    ("one", "a.py"): OLD,
    ("two", "a.py"): OLD.replace("line 10\n", "line ten\n"),
    ("one", "b.py"): "x\n",
}


def _read(tree: str, path: str) -> bytes | None:
    text = FILES.get((tree, path))
    return None if text is None else text.encode()


def _verdict(
    tree: str, *places: tuple[str, int], role: str = "quality", says: str = "fail"
) -> ReviewVerdict:
    issues = tuple(
        ReviewIssue(file=f, line=n, severity="low", blocking=False, message=f"{f}:{n}")
        for f, n in places
    )
    return ReviewVerdict(
        role=role, agent_id=f"r-{role}", session_id="s", tree=tree, verdict=says, issues=issues
    )


def _answers(*reviews: ReviewVerdict, tree: str = "two") -> list[Answer]:
    return [c.answered_by for c in comments(reviews, tree, ("author",), _read)]


@pytest.mark.parametrize(
    "place, answer",
    [
        (("a.py", 10), Answer.DIFF),
        (("a.py", 7), Answer.DIFF),
        (("a.py", 13), Answer.DIFF),
        (("a.py", 6), Answer.NOBODY),
        (("a.py", 14), Answer.NOBODY),
        (("a.py", 0), Answer.DIFF),
        (("b.py", 1), Answer.DIFF),
        (("c.py", 1), Answer.NOBODY),
    ],
)
def test_a_later_change_at_its_place_answers_a_comment(
    place: tuple[str, int], answer: Answer
) -> None:
    assert _answers(_verdict("one", place)) == [answer]


def test_a_reviewer_with_nothing_more_to_say_answers_its_own() -> None:
    before = _verdict("one", ("a.py", 1))
    assert _answers(before, _verdict("two", says="pass")) == [Answer.REVIEWER]
    assert _answers(before, _verdict("two", says="pass", role="security")) == [Answer.NOBODY]
    assert _answers(before, _verdict("two", says="fail")) == [Answer.NOBODY]
    assert _answers(before, _verdict("one", says="pass")) == [Answer.NOBODY]


def test_what_is_said_again_counts_once_and_is_open() -> None:
    again = _verdict("two", ("a.py", 10), says="pass")
    assert _answers(_verdict("one", ("a.py", 10)), again) == [Answer.NOBODY]


def test_an_author_has_no_comments() -> None:
    assert comments([_verdict("one", ("a.py", 1))], "two", ("r-quality",), _read) == ()


@given(st.integers(0, 25), st.lists(st.sampled_from(["", "  "]), max_size=3))
def test_blank_lines_and_indentation_answer_nothing(line: int, blank: list[str]) -> None:
    new = "\n".join(f"  {text}" for text in (*blank, *OLD.splitlines(), *blank))
    assert not is_touched(OLD.encode(), new.encode(), line)


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(-1, 9))
def test_a_file_that_is_alike_is_touched_nowhere(old: bytes, new: bytes, line: int) -> None:
    assert not is_touched(old, old, line)
    assert isinstance(is_touched(old, new, line), bool)
