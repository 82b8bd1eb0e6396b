"""An agent that does the sample task "Add slugify to textkit" through all five phases.

    interlock run "Add slugify to textkit" --agent-command 'python3 examples/agents/five_phases.py'

It runs once per phase: a session starts it in the task's tree, it works, asks for the next phase
and ends. A model would write what stands in PLAN, TEST and CODE here; the rest is the same for all.
"""

import os
import re
import sys
from datetime import UTC, datetime

from interlock import AgentClient

TEST = """\
from textkit.slug import slugify


def test_words_are_joined_by_hyphens():
    assert slugify("Hello  World") == "hello-world"
"""
CODE = 'def slugify(text):\n    return "-".join(text.lower().split())\n'
CRITERION = "slugify lowers a text and joins its words by hyphens"
PLAN = {
    "title": "Add slugify to textkit",
    "acceptance_criteria": [
        {
            "id": "AC-1",
            "criterion": CRITERION,
            "how_to_verify": "tests/test_slug.py compares a result",
        }
    ],
    "implementation_steps": ["write tests/test_slug.py", "write textkit/slug.py"],
    "scope": {"in_scope": ["slugify"], "out_of_scope": ["everything else"]},
    # Exactly the name that the tests use: RED accepts that it is missing, and nothing else.
    "new_symbols": ["textkit.slug:slugify"],
}
SCOPE = {
    "in_scope": ["slugify"],
    "out_of_scope": ["everything else"],
    "constraints": ["no new dependency"],
    "paths": ["textkit/**", "tests/**"],
}


def measured(client):
    """What the tests say. The server runs them itself: a number that is false blocks the gate."""
    ran = client.run_tests("python -m pytest -q")
    last = ran["output"].strip().splitlines()[-1]
    # A file that cannot be collected is one error, and counts as failed.
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    return {
        "command": "python -m pytest -q",
        "exit_code": ran["exit_code"],
        "passed": counts.get("passed", 0),
        "failed": counts.get("failed", 0) + counts.get("error", 0),
        "skipped": counts.get("skipped", 0),
        "timestamp": datetime.now(UTC).isoformat(),
    }


def work(client, phase):
    """Do the phase's work: where to go next, and what to hand in on the way."""
    if phase == "PLAN":
        return "TDD", {"plan_document": PLAN, "scope_definition": SCOPE}
    if phase == "TDD":  # only tests may be written, and the new ones have to fail
        client.write_file("tests/test_slug.py", TEST)
        # An earlier phase was an earlier process: what it handed in, the server still has.
        criteria = [c["id"] for c in client.artifact("plan_document")["acceptance_criteria"]]
        files = [{"path": "tests/test_slug.py", "covers": criteria}]
        tests = {"test_files": files, "coverage": {"acceptance_criteria_covered": criteria}}
        return "IMPL", {"test_files": tests, "test_run_result": measured(client)}
    if phase == "IMPL":  # the tests are frozen now
        client.write_file("textkit/slug.py", CODE)
        done = {
            "files_changed": [{"path": "textkit/slug.py", "change_type": "added"}],
            "summary": "Adds slugify, which lowers a text and joins its words by hyphens.",
        }
        return "REVIEW", {"implementation_files": done, "test_run_result": measured(client)}
    if phase == "REVIEW":  # reviewers are sessions of their own; the server builds the report
        return "COMPLETE", {}
    summary = {
        "summary": "Adds slugify to textkit: it lowers a text, splits it at white space and joins "
        "the words by hyphens. Its test was red before the code was written.",
        "files_changed": ["textkit/slug.py", "tests/test_slug.py"],
        "tests_added": ["tests/test_slug.py"],
        "acceptance_criteria_met": [{"id": "AC-1", "evidence": "tests/test_slug.py"}],
    }
    return "COMPLETE", {"completion_summary": summary}  # asking for COMPLETE here finishes the task


def main():
    client = AgentClient()
    task = client.claim_task()
    if task is None:
        sys.exit("there is no task for this session")
    print(f"{os.environ['INTERLOCK_AGENT_ID']} works in {task['phase']} of {task['title']!r}")
    for _ in range(3):
        answer = client.request_transition(*work(client, task["phase"]))
        if answer["status"] != "blocked":  # allowed, or pending: a person decides
            return 0
        for blocker in answer["blockers"]:  # a model would act on these and try again
            print(blocker["message"], "->", blocker["remedy"])
    return 1


if __name__ == "__main__":
    sys.exit(main())
