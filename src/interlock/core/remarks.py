"""Reviewers' comments and what became of them: answered by a later change at their place, or taken
back by whoever made them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from difflib import SequenceMatcher

from interlock.core.facts import Answer, Comment, ReviewVerdict

__all__ = ["comments", "is_touched"]

ReadFile = Callable[[str, str], bytes | None]
"""Contents of a path of a tree, ``None`` if it is not there."""

NEAR = 3
"""A change so many lines away is at the place of a comment: as a diff shows it."""


def comments(
    reviews: Iterable[ReviewVerdict], tree: str, authors: Collection[str], read: ReadFile
) -> tuple[Comment, ...]:
    """Every comment that was ever made, oldest first; what is said again counts once, as the
    newest.

    Args:
        reviews: all verdicts of a task, oldest first.
        tree: oid of the present tree.
        authors: whose verdicts do not count.
    """
    counted = [review for review in reviews if review.agent_id not in authors]
    taken_back = {v.role for v in counted if v.tree == tree and v.verdict == "pass"}
    found: dict[tuple[str, str, str], Comment] = {}
    for verdict in counted:
        for issue in verdict.issues:
            key = (verdict.role, issue.file, issue.message)
            found.pop(key, None)
            found[key] = Comment(
                role=verdict.role,
                file=issue.file,
                line=issue.line,
                message=issue.message,
                tree=verdict.tree,
                answered_by=_answer(verdict, issue.file, issue.line, tree, taken_back, read),
            )
    return tuple(found.values())


def _answer(
    verdict: ReviewVerdict,
    file: str,
    line: int,
    tree: str,
    taken_back: Collection[str],
    read: ReadFile,
) -> Answer:
    if verdict.tree == tree:
        return Answer.NOBODY
    if is_touched(read(verdict.tree, file), read(tree, file), line):
        return Answer.DIFF
    return Answer.REVIEWER if verdict.role in taken_back else Answer.NOBODY


def is_touched(old: bytes | None, new: bytes | None, line: int) -> bool:
    """Whether a file differs near a line; anywhere, where the line is none of the old file's.

    Args:
        line: of the old file, from 1; 0 for all of it.
    """
    if old is None or new is None:
        return old is not new
    before, after = _lines(old), _lines(new)
    at = line - 1
    is_everywhere = not 0 <= at < len(before)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, first, end, start, stop in matcher.get_opcodes():
        is_near = is_everywhere or first - NEAR <= at < end + NEAR
        # Blank lines and other indentation are no answer.
        if tag != "equal" and is_near and any((*before[first:end], *after[start:stop])):
            return True
    return False


def _lines(text: bytes) -> list[bytes]:
    return [b" ".join(line.split()) for line in text.splitlines()]
