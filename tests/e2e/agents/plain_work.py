"""An agent whose work adds no behaviour, and its dishonest twin, which only says so.

The word on its command line is the kind of work, or ``dressed_up``.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any

from interlock import AgentClient

Step = tuple[str, dict[str, Any]]


@dataclass
class Work:
    """One agent's work: what its plan states, the paths it may touch, and what it writes."""

    kind: str
    title: str
    paths: list[str]
    files: dict[str, str]


PAGE = "# textkit\n\n`double(2)` is 4: see `textkit/num.py`.\n"
MOVED = """\
def _times(factor, x):
    return factor * x


def double(x):
    return _times(2, x)
"""
MORE = """\
def double(x):
    return 2 * x


def triple(x):
    return 3 * x
"""
WORKS = {
    "docs": Work("docs", "Describe double for its users", ["docs/**"], {"docs/usage.md": PAGE}),
    "dependencies": Work(
        "dependencies",
        "Name what the documentation is built with",
        ["requirements*.txt"],
        {"requirements-docs.txt": "markdown>=3.6\n"},
    ),
    "refactor": Work(
        "refactor",
        "Move double into a module of its own",
        ["textkit/**"],
        {
            "textkit/arithmetic.py": MOVED,
            "textkit/num.py": "from textkit.arithmetic import double\n",
        },
    ),
    # A public function that nobody planned and no test asks for.
    "dressed_up": Work(
        "refactor", "Put the arithmetic in order", ["textkit/**"], {"textkit/num.py": MORE}
    ),
}


def ran(client: AgentClient) -> dict[str, Any]:
    done = client.run_tests()
    return {
        "command": "python -m pytest -q",
        "exit_code": done["exit_code"],
        "passed": 1,
        "failed": 0,
        "skipped": 0,
        "timestamp": "2026-01-01T00:00:00Z",
    }


def plan(client: AgentClient, work: Work) -> Step:
    document = {
        "title": work.title,
        "kind": work.kind,
        "acceptance_criteria": [
            {
                "id": "AC-1",
                "criterion": work.title,
                "how_to_verify": "read the diff; every old test passes",
            }
        ],
        "implementation_steps": ["make the change"],
        "scope": {"in_scope": work.paths, "out_of_scope": ["everything else"]},
    }
    scope = {
        "in_scope": work.paths,
        "out_of_scope": ["everything else"],
        "constraints": ["nothing behaves differently"],
        "paths": work.paths,
    }
    return "TDD", {"plan_document": document, "scope_definition": scope}


def impl(client: AgentClient, work: Work) -> Step:
    for path, text in work.files.items():
        client.write_file(path, text)
    listed = [{"path": path, "change_type": "modified"} for path in work.files]
    summary = f"{work.title}. Nothing behaves differently than it did before."
    return "REVIEW", {
        "implementation_files": {"files_changed": listed, "summary": summary},
        "test_run_result": ran(client),
    }


def complete(client: AgentClient, work: Work) -> Step:
    summary = {
        "summary": f"{work.title}. The change is what the plan says and no more: nothing behaves "
        "differently, and every test that passed before passes now.",
        "files_changed": list(work.files),
        "tests_added": [],
        "acceptance_criteria_met": [{"id": "AC-1", "evidence": "the diff"}],
    }
    return "COMPLETE", {"completion_summary": summary}


def run(work: Work) -> int:
    """One phase."""
    client = AgentClient()
    task = client.claim_task()
    assert task is not None
    match task["phase"]:
        case "PLAN":
            target, artifacts = plan(client, work)
        case "IMPL":
            target, artifacts = impl(client, work)
        case "REVIEW":
            target, artifacts = "COMPLETE", {}
        case "COMPLETE":
            target, artifacts = complete(client, work)
        case other:
            print(f"nobody plans to be in {other}", flush=True)
            return 2
    answer = client.request_transition(target, artifacts)
    print(json.dumps(answer), flush=True)
    return 0 if answer["allowed"] else 1


if __name__ == "__main__":
    sys.exit(run(WORKS[sys.argv[1]]))
