"""A small definition that holds, for tests to break in one place."""

from __future__ import annotations

from interlock.definition import Loaded, load

SMALL = """\
name: Small
version: "1"
phases:
  - id: A
    allowed_tools: [read_files, write_files, bash]
    forbidden_tools: [git_commit]
    tool_constraints:
      write_files: {allowed_patterns: ["src/**"], forbidden_patterns: ["src/x/**"]}
      bash: {allowed_commands: ["pytest"]}
    required_artifacts:
      - {type: plan_document, schema: schemas/plan.json, validation: [{rule: has_in_scope}]}
    gates:
      - {id: done, type: validation, blockers: [{check: all_tests_pass, severity: blocking}]}
  - id: B
    allowed_tools: [read_files]
transitions:
  - {from: A, to: B, gate: done}
enforcement: {mode: strict}
schemas:
  plan.json: {type: object}
"""


def changed(old: str, new: str) -> str:
    """``SMALL`` with one place changed; the place must be there exactly once."""
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def loaded(old: str, new: str) -> Loaded:
    """``SMALL`` with one place changed, loaded."""
    return load(changed(old, new), file="w.yaml")
