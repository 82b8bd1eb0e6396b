"""A mechanical reviewer: rules over the lines that a change adds, as a typed verdict.

It reads git's own output, never a name out of a diff's text, and what it reads is data: text that
addresses the reviewer is a finding like any other. If it cannot see the change it hands in nothing,
because a reviewer that sees nothing must not pass anything.
"""

from __future__ import annotations

import fnmatch
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from interlock.errors import UnavailableError
from interlock.sdk.client import AgentClient
from interlock.testing.scripted.steps import report

__all__ = ["find_issues", "review"]

MAX_ISSUES = 200
_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_SEVERE = ("critical", "high")

Line = tuple[int, str]


def review(client: AgentClient, task: Mapping[str, Any], section: Any) -> int:
    """Look at the change of ``task`` and hand in a verdict for the session's role."""
    rules = section.get("rules") if isinstance(section, Mapping) else None
    if not rules:
        report("review", "review", "error", "the script has no review rules", ok=False)
        return 2
    issues = find_issues(rules, str(task["base_commit"]))
    verdict = "fail" if any(issue["blocking"] for issue in issues) else "pass"
    client.submit_artifact(
        "review_verdict",
        {"role": task["role"], "verdict": verdict, "tree": task["tree"], "issues": issues},
    )
    for issue in issues:
        where = f"{issue['file']}:{issue['line']}"
        report("review", "issue", issue["severity"], f"{where}: {issue['message']}", ok=True)
    report("end", "end", verdict, f"{len(issues)} issue(s)", ok=True)
    return 0


def find_issues(rules: Sequence[Mapping[str, Any]], base: str) -> list[dict[str, Any]]:
    """Findings of all rules on what HEAD has and ``base`` has not, by file and line."""
    issues: list[dict[str, Any]] = []
    for path in _changed(base):
        added = list(_added(base, path))
        whole: list[Line] | None = None
        for rule in rules:
            if not _is_meant(path, rule.get("paths", "*")):
                continue
            match rule.get("where", "diff"):
                case "names":
                    lines = [(0, path)]
                case "files":
                    whole = whole if whole is not None else list(_whole(path))
                    lines = whole
                case _:
                    lines = added
            issues += _matches(rule, path, lines)
    return issues[:MAX_ISSUES]


def _matches(rule: Mapping[str, Any], path: str, lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    pattern = re.compile(str(rule["pattern"]))
    severity = str(rule.get("severity", "medium"))
    for number, text in lines:
        if pattern.search(text):
            yield {
                "file": path,
                "line": number,
                "severity": severity,
                "blocking": bool(rule.get("blocking", severity in _SEVERE)),
                "message": f"{rule['id']}: {rule['message']}",
            }


def _is_meant(path: str, globs: Any) -> bool:
    wanted = globs if isinstance(globs, list) else [globs]
    return any(fnmatch.fnmatchcase(path, str(one)) for one in wanted)


def _changed(base: str) -> list[str]:
    names = _git("diff", "--name-only", "-z", "--no-renames", "--diff-filter=d", base, "HEAD")
    return [name.decode("utf-8", "surrogateescape") for name in names.split(b"\0") if name]


def _added(base: str, path: str) -> Iterator[Line]:
    """Added lines of one file; a line of content never begins with ``@@``."""
    shown = _git("diff", "--unified=0", "--text", "--no-renames", base, "HEAD", "--", path)
    number, in_hunk = 0, False
    for line in shown.split(b"\n"):
        if hunk := _HUNK.match(line):
            number, in_hunk = int(hunk[1]), True
        elif in_hunk and line.startswith(b"+"):
            yield number, line[1:].decode("utf-8", "replace")
            number += 1


def _whole(path: str) -> Iterator[Line]:
    text = _git("show", f"HEAD:{path}").decode("utf-8", "replace")
    yield from enumerate(text.split("\n"), 1)


def _git(command: str, *words: str) -> bytes:
    safe = ["--no-ext-diff", "--no-textconv", "--no-color"]
    done = subprocess.run(
        ["git", "--no-pager", "--literal-pathspecs", command, *safe, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(
            f"git {command} failed: {done.stderr.decode(errors='replace').strip()[:300]}",
            code="IL-SCR-003",
            remedy="Look at the session's log.",
        )
    return done.stdout
