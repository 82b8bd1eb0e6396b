"""Who reviews, what they may say, and for how long it counts."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.story import Story, at, waiting

from interlock.core import commands as cmd
from interlock.core.states import TaskStatus


def _start(agent_id: str = "reviewer", role: str = "security", **more: Any) -> cmd.StartReviewer:
    return cmd.StartReviewer(
        session_id=more.get("session", "ses_r"), agent_id=agent_id, role=role, confinement="none"
    )


def _verdict(tree: str = "t2", role: str = "security", session: str = "ses_r") -> cmd.SubmitVerdict:
    return cmd.SubmitVerdict(session_id=session, role=role, tree=tree, verdict="pass")


def _reviewing() -> Story:
    story = at("REVIEW")
    story.must(_start())
    return story


def test_a_reviewer_says_what_it_found_on_the_tree_it_was_started_on() -> None:
    story = _reviewing()
    story.must(_verdict())
    assert [(v.role, v.tree, v.agent_id, v.session_id) for v in story.state.verdicts] == [
        ("security", "t2", "reviewer", "ses_r")
    ]


@pytest.mark.parametrize(
    "command,rule",
    [
        (_verdict(tree="t1"), "review.tree"),
        (_verdict(tree=""), "review.tree"),
        (_verdict(role="quality"), "review.role"),
        (_verdict(session="ses_x"), "review.session"),
    ],
)
def test_a_verdict_counts_in_its_role_on_its_tree_from_its_session(
    command: cmd.SubmitVerdict, rule: str
) -> None:
    assert _reviewing().refuses(command) == rule


def test_the_author_of_the_review_phase_hands_in_no_verdict() -> None:
    story = _reviewing().attempt()
    assert story.refuses(_verdict(session=story.state.session_id)) == "review.session"


def test_a_session_that_ended_says_nothing_any_more() -> None:
    story = _reviewing()
    story.must(cmd.EndReviewer(session_id="ses_r", outcome="exited"))
    assert story.refuses(_verdict()) == "review.session"


def test_nobody_reviews_what_they_worked_on_in_any_phase() -> None:
    story = at("TDD").attempt("mallory").hand_in().ask().take_over("t1")
    story.conclude()
    while story.state.phase != "REVIEW":
        story.leave("t2")
    assert story.state.authors == ("author", "mallory")
    for agent in ("author", "mallory"):
        assert story.refuses(_start(agent)) == "review.author"


def test_who_takes_the_phase_over_does_not_review_it_any_more() -> None:
    story = _reviewing()
    story.attempt("reviewer")
    assert story.refuses(_verdict()) == "review.author"


def test_a_role_is_not_asked_until_the_answer_pleases() -> None:
    story = _reviewing()
    assert story.refuses(_start(session="ses_2")) == "review.taken"
    story.must(_verdict())
    story.must(cmd.EndReviewer(session_id="ses_r", outcome="exited"))
    assert story.refuses(_start(session="ses_2")) == "review.taken"
    story.must(_start(session="ses_2", role="quality"))


def test_a_role_whose_session_ended_without_a_verdict_is_asked_again() -> None:
    story = _reviewing()
    story.must(cmd.EndReviewer(session_id="ses_r", outcome="exited"))
    story.must(_start(session="ses_2"))


def test_leaving_the_phase_ends_its_reviews() -> None:
    story = _reviewing()
    story.attempt().ask("IMPL").take_over("t2")
    story.conclude()
    assert story.state.phase == "IMPL"
    assert not any(reviewer.is_open for reviewer in story.state.reviewers)
    assert story.refuses(_verdict()) == "review.session"


def test_a_verdict_on_what_was_changed_since_is_void() -> None:
    story = at("REVIEW").review().attempt().ask("IMPL").take_over()
    story.conclude()
    assert story.state.verdicts == ()
    story.leave("t3")
    story.attempt().ask().take_over()
    story.conclude()
    assert story.state.phase == "REVIEW"
    assert story.state.status is TaskStatus.WORKING


def test_while_a_person_decides_or_the_result_lands_nobody_reviews() -> None:
    for story in (waiting(), at("DONE").leave()):
        assert story.refuses(_start("somebody")) == "task.status"
        assert story.refuses(_verdict()) == "task.status"


def test_the_end_of_a_review_session_is_recorded_once() -> None:
    story = _reviewing()
    story.must(cmd.EndReviewer(session_id="ses_r", outcome="exited"))
    version = story.state.version
    story.must(cmd.EndReviewer(session_id="ses_r", outcome="exited"))
    assert story.state.version == version
