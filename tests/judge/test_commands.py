"""A command of the workflow's is run on a fresh copy of the tree, and how it ended is told."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.judge.support import PATTERNS, SPEC, Bench

from interlock.core.facts import JobFacts
from interlock.ports.judge import CommandRequest, StaticRequest
from interlock.ports.runner import JudgeKind
from interlock.supervisor.judging import measure

pytestmark = pytest.mark.slow


def ran(bench: Bench, command: str, tree: str = "", **more: Any) -> JobFacts:
    request = CommandRequest(
        base=bench.base, tree=tree or bench.base, command=command, environment=SPEC, **more
    )
    return bench.judge.command(request)


def test_it_ends_as_it_ends_and_what_it_printed_is_kept(bench: Bench) -> None:
    facts = ran(bench, "echo it says so; echo and so >&2; exit 3")
    assert (facts.problem, facts.exit_code) == ("", 3)
    assert facts.output == "it says so\nand so\n"
    assert facts.environment
    assert facts.level == bench.level.value


def test_it_sees_the_tree_as_it_is_with_the_environment(bench: Bench) -> None:
    tree = bench.tree({"pkg/text.py": "def double(x):\n    return 3 * x\n"})
    assert ran(bench, "python -m pytest -q tests/test_old.py").exit_code == 0
    assert ran(bench, "python -m pytest -q tests/test_old.py", tree).exit_code == 1


def test_what_it_writes_is_gone_with_it(bench: Bench) -> None:
    assert ran(bench, "echo x > left && test -f left").exit_code == 0
    assert ran(bench, "test -f left").exit_code == 1


def test_it_starts_where_it_is_told_to(bench: Bench) -> None:
    assert ran(bench, "test -f text.py", directory="pkg").exit_code == 0
    assert ran(bench, "test -f text.py").exit_code == 1
    missing = ran(bench, "true", directory="nowhere")
    assert missing.exit_code is None
    assert "no directory nowhere" in missing.problem


def test_a_command_that_does_not_end_says_nothing(bench: Bench) -> None:
    facts = ran(bench, "echo begun; sleep 600", seconds=1)
    assert facts.exit_code is None
    assert "did not end within 1 s" in facts.problem
    assert "begun" in facts.output
    assert "timeout_seconds" in facts.remedy


def test_one_that_is_ended_from_outside_says_nothing(bench: Bench) -> None:
    facts = ran(bench, "kill -9 $$")
    assert facts.exit_code is None
    assert "signal 9" in facts.problem


def test_no_test_runner_has_to_be_installed_for_it(bench: Bench) -> None:
    bare = dataclasses.replace(SPEC, setup=())
    request = CommandRequest(
        base=bench.base, tree=bench.base, command="python -c 'import pytest'", environment=bare
    )
    facts = bench.judge.command(request)
    assert (facts.problem, facts.exit_code) == ("", 1)
    assert "No module named 'pytest'" in facts.output


def test_rules_look_at_changed_sources_and_not_at_tests(bench: Bench) -> None:
    forger = "import pytest\n"
    tree = bench.tree({"pkg/text.py": forger, "tests/test_old.py": forger, "notes.md": "x"})
    request = StaticRequest(base=bench.base, tree=tree, rules="python", test_patterns=PATTERNS)
    facts = bench.judge.static(request)
    assert facts.looked_at == 1
    assert [(one.path, one.kind) for one in facts.findings] == [("pkg/text.py", "runner_import")]
    unknown = bench.judge.static(dataclasses.replace(request, rules="cobol"))
    assert "no rules cobol" in unknown.problem


def test_both_are_asked_for_over_the_worker_door(bench: Bench) -> None:
    of_a_command = {
        "base": bench.base,
        "tree": bench.base,
        "command": "exit 7",
        "environment": {"setup": list(SPEC.setup)},
    }
    assert measure(bench.judge, JudgeKind.COMMAND, of_a_command)["exit_code"] == 7
    of_rules = {"base": bench.base, "tree": bench.base, "rules": "python"}
    assert measure(bench.judge, JudgeKind.STATIC, of_rules)["problem"] == ""
