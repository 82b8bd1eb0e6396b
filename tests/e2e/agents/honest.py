"""An honest agent for the sample repository: what it hands in is the same every time."""

import json
import sys
from typing import Any

from interlock import AgentClient

TEST = """\
from textkit.slug import slugify


def test_words_are_joined():
    assert slugify("Hello World") == "hello-world"


def test_separator_can_be_chosen():
    assert slugify("a b", "_") == "a_b"
"""
SOURCE = """\
def slugify(text, sep="-"):
    return sep.join(text.lower().split())
"""
PLAN = {
    "title": "Add slugify to textkit",
    "acceptance_criteria": [
        {
            "id": "AC-1",
            "criterion": "slugify lowers a text and joins its words",
            "how_to_verify": "a unit test compares the result for Hello World",
        }
    ],
    "implementation_steps": ["write textkit/slug.py"],
    "scope": {"in_scope": ["textkit/slug.py"], "out_of_scope": ["everything else"]},
    "new_symbols": ["textkit.slug:slugify"],
}
SCOPE = {
    "in_scope": ["the new function"],
    "out_of_scope": ["everything else"],
    "constraints": ["no new dependency"],
    "paths": ["textkit/**", "tests/**"],
}


Step = tuple[str, dict[str, Any]]


def ran(client: AgentClient, passed: int, failed: int) -> dict[str, Any]:
    done = client.run_tests()
    return {
        "command": "python -m pytest -q",
        "exit_code": done["exit_code"],
        "passed": passed,
        "failed": failed,
        "skipped": 0,
        "timestamp": "2026-01-01T00:00:00Z",
    }


def plan(client: AgentClient) -> Step:
    client.read_file("textkit/num.py")
    client.grep("def ")
    return "TDD", {"plan_document": PLAN, "scope_definition": SCOPE}


def tdd(client: AgentClient) -> Step:
    client.write_file("tests/test_slug.py", TEST)
    covers = [{"path": "tests/test_slug.py", "covers": ["AC-1"]}]
    return "IMPL", {
        "test_files": {
            "test_files": covers,
            "coverage": {"acceptance_criteria_covered": ["AC-1"]},
        },
        "test_run_result": ran(client, 1, 1),
    }


def impl(client: AgentClient) -> Step:
    client.write_file("textkit/slug.py", "def slugify(text, sep):\n    raise ValueError\n")
    client.edit_file("textkit/slug.py", "raise ValueError", "return text")
    client.write_file("textkit/slug.py", SOURCE)
    return "REVIEW", {
        "implementation_files": {
            "files_changed": [{"path": "textkit/slug.py", "change_type": "added"}],
            "summary": "Adds slugify: lowers the text and joins its words by a separator.",
        },
        "test_run_result": ran(client, 3, 0),
    }


def review(client: AgentClient) -> Step:
    return "COMPLETE", {}


def complete(client: AgentClient) -> Step:
    summary = {
        "summary": "Adds slugify to textkit. It lowers a text, splits it at white space and joins "
        "the words by a separator that can be chosen; the tests were red before.",
        "files_changed": ["textkit/slug.py"],
        "tests_added": ["tests/test_slug.py"],
        "acceptance_criteria_met": [{"id": "AC-1", "evidence": "tests/test_slug.py"}],
    }
    return "COMPLETE", {"completion_summary": summary}


STEPS = {"PLAN": plan, "TDD": tdd, "IMPL": impl, "REVIEW": review, "COMPLETE": complete}


def main() -> int:
    """One phase; a number on the command line says how often a blocked request is worked on."""
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    client = AgentClient()
    task = client.claim_task()
    assert task is not None
    if task["role"] != "author":
        verdict = {"role": task["role"], "verdict": "pass", "tree": task["tree"], "issues": []}
        client.submit_artifact("review_verdict", verdict)
        return 0
    for _ in range(tries):
        target, artifacts = STEPS[task["phase"]](client)
        answer = client.request_transition(target, artifacts)
        print(json.dumps(answer), flush=True)
        if answer["allowed"]:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
