"""Reading a workflow file of 2,000 lines: from its text to the definition, or to every finding."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from bench.figures import Budget, Figure, Measured, Plan, interleaved
from interlock.definition.builtin import pack_schemas
from interlock.definition.loader import load
from interlock.errors import DefinitionError

__all__ = ["measure"]

LINES = 2_000


def _phase(name: str) -> str:
    """Ten kinds of lines as teams have them."""
    return f"""\
  - id: {name}
    name: "Phase {name}"
    description: "What is done in {name}, and how anyone sees that it is done."
    required_artifacts:
      - type: plan_document
        schema: schemas/plan.schema.json
        validation:
          - {{rule: has_acceptance_criteria, message: "Name a criterion"}}
    gates:
      - id: left_{name}
        type: validation
        blockers:
          - {{check: all_tests_pass, severity: blocking, message: "A test fails"}}
          - {{check: no_skipped_tests, severity: warning, message: "A test is gone"}}
    allowed_tools: [read_files, write_files, edit_files, grep, glob, bash, run_tests]
    forbidden_tools: [git_commit]
    tool_constraints:
      write_files:
        allowed_patterns: ["src/{name}/**", "**/{name}_*.py"]
        forbidden_patterns: ["**/generated/{name}/**"]
      bash: {{allowed_commands: ["pytest", "git status"], forbidden_commands: ["git push"]}}
"""


def text_of(lines: int = LINES) -> str:
    """A file of so many lines that holds."""
    count = lines // 22
    names = [f"P{number}" for number in range(count)]
    edges = "".join(f"  - {{from: {a}, to: {b}, gate: left_{a}}}\n" for a, b in pairwise(names))
    last = _phase(names[-1])
    begin, _, rest = last.partition("    gates:\n")
    end = "    allowed_tools:" + rest.partition("    allowed_tools:")[2]
    phases = "".join(map(_phase, names[:-1])) + begin + end
    text = f'name: Long\nversion: "1"\nphases:\n{phases}transitions:\n{edges}'
    return text + "# a line\n" * (lines - text.count("\n"))


def _milliseconds(work: Callable[[], object]) -> float:
    """Of this thread: nothing waits here, so a busy machine does not count."""
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1e3


def measure(plan: Plan) -> Measured:
    """A file that holds, and the same with a mistake in every phase."""
    schemas = pack_schemas("tdd")
    numbers = iter(range(1_000_000))
    good = text_of()
    bad = good.replace("check: all_tests_pass", "check: all_test_pass")
    assert good.count("\n") == LINES

    def holds() -> object:
        return load(f"{good}# {next(numbers)}", schema_dir=schemas)

    def refused() -> object:
        try:
            return load(f"{bad}# {next(numbers)}", schema_dir=schemas)
        except DefinitionError as error:
            return error.context["diagnostics"]

    assert len(str(refused())) > 10_000
    parts = {"good": partial(_milliseconds, holds), "bad": partial(_milliseconds, refused)}
    for part in parts.values():
        part()
    found = interleaved(plan.rounds, parts)
    figures = {
        "good": Figure(name="2,000 lines that hold", unit="ms", rounds=found["good"]),
        "bad": Figure(name="with a mistake in each phase", unit="ms", rounds=found["bad"]),
    }
    return Measured(
        figures=(),
        budgets=tuple(Budget(figure=figure, limit=150.0) for figure in figures.values()),
    )
