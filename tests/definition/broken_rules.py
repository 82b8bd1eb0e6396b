"""Definitions that contradict themselves: gates without meaning, rules that leave nothing over."""

from __future__ import annotations

from tests.definition.broken import GATE, Broken

__all__ = ["CONTRADICTORY"]

WRITE = 'write_files: {allowed_patterns: ["src/**"], forbidden_patterns: ["src/x/**"]}'
BASH = 'bash: {allowed_commands: ["pytest"]}'


def measured(command: str) -> str:
    """A gate that a command decides."""
    return f"type: validation, blockers: [{{check: command, command: {command}}}]"


CONTRADICTORY = {
    # gates
    "command_or_true": Broken("IL-DEF-030", "cannot fail", GATE, measured('@"make test || true"')),
    "command_or_colon": Broken(
        "IL-DEF-030", "cannot fail", GATE, measured('@"make lint && make test || :"')
    ),
    "command_then_true": Broken("IL-DEF-030", "cannot fail", GATE, measured('@"make test; true"')),
    "command_then_exit": Broken(
        "IL-DEF-030", "cannot fail", GATE, measured('@"make test; exit 0"')
    ),
    "command_into_tee": Broken(
        "IL-DEF-030", "cannot fail", GATE, measured('@"make test | tee log"')
    ),
    "command_in_the_background": Broken(
        "IL-DEF-030", "cannot fail", GATE, measured('@"make test &"')
    ),
    "command_in_a_shell_of_its_own": Broken(
        "IL-DEF-030", "cannot fail", GATE, measured("@\"bash -c 'make test || exit 0'\"")
    ),
    "command_that_only_speaks": Broken("IL-DEF-030", "cannot fail", GATE, measured("@echo ok")),
    "command_that_never_ends_well": Broken(
        "IL-DEF-025",
        "never ends well",
        GATE,
        measured('"make test; exit 1"').replace("{check", "@{check"),
    ),
    "approval_with_an_empty_list": Broken(
        "IL-DEF-031",
        "Nobody can pass",
        "{id: done, type: validation,",
        "@{id: done, type: approval, approvers: [],",
    ),
    "approval_by_reviewers_that_nobody_asks": Broken(
        "IL-DEF-031",
        "waits for verdicts",
        "{id: done, type: validation,",
        "@{id: done, type: approval, approvers: [review_agent],",
    ),
    "verdicts_that_nobody_asks_for": Broken(
        "IL-DEF-031",
        "waits for verdicts",
        f"{{id: done, {GATE}}}",
        "@{id: done, type: review, blockers: [{check: no_blocking_issues}]}",
    ),
    # contradictions
    "pattern_within_a_forbidden_one": Broken(
        "IL-DEF-032", "can never be used", '["src/**"]', '["src/**", @"src/x/y/*.py"]'
    ),
    "pattern_within_a_forbidden_name": Broken(
        "IL-DEF-032",
        "can never be used",
        WRITE,
        'write_files: {allowed_patterns: ["src/**", @"docs/*.py"], forbidden_patterns: ["*.py"]}',
    ),
    "pattern_within_a_forbidden_folder": Broken(
        "IL-DEF-032",
        "can never be used",
        WRITE,
        'write_files: {allowed_patterns: ["a", @"build/out.txt"], forbidden_patterns: ["build/"]}',
    ),
    "every_path_forbidden": Broken(
        "IL-DEF-032", "has nothing left", WRITE, 'write_files: {forbidden_patterns: [@"**"]}'
    ),
    "command_within_a_forbidden_one": Broken(
        "IL-DEF-032",
        "always forbidden by 'git push'",
        BASH,
        'bash: {allowed_commands: ["ls", @"git push origin"], forbidden_commands: ["git push"]}',
    ),
    "command_with_forbidden_options": Broken(
        "IL-DEF-032",
        "always forbidden by 'rm -rf'",
        BASH,
        'bash: {allowed_commands: ["pytest", @"rm -r -f build"], forbidden_commands: ["rm -rf"]}',
    ),
    "command_started_by_another": Broken(
        "IL-DEF-032",
        "always forbidden by 'curl'",
        BASH,
        'bash: {allowed_commands: ["pytest", @"timeout 5 curl"], forbidden_commands: ["curl"]}',
    ),
    "command_allowed_and_forbidden": Broken(
        "IL-DEF-032",
        "'pytest' is both",
        BASH,
        'bash: {allowed_commands: ["pytest"], forbidden_commands: [@"pytest"]}',
    ),
    "kin_allowed_and_forbidden": Broken(
        "IL-DEF-032",
        "both allows and forbids 'write_files'",
        "[git_commit]",
        "[git_commit, @apply_patch]",
    ),
    # structure
    "two_ways_and_one_gate_unused": Broken(
        "IL-DEF-035",
        "'late' guards nothing",
        "  - id: B\n    allowed_tools: [read_files]\n",
        f"  - id: B\n    allowed_tools: [read_files]\n    gates: [@{{id: late, {GATE}}}]\n",
    ),
    "commands_for_files": Broken(
        "IL-DEF-036", "cannot bind 'write_files'", WRITE, "write_files: {@allowed_commands: [ls]}"
    ),
    # examples
    "example_denied": Broken(
        "IL-DEF-070",
        "A denies this call",
        BASH,
        'bash: {allowed_commands: ["pytest"], examples: {allowed: [@make]}}',
    ),
    "example_allowed": Broken(
        "IL-DEF-070",
        "A allows this call",
        BASH,
        'bash: {allowed_commands: ["pytest"], examples: {denied: [@pytest -q]}}',
    ),
    "example_of_no_call": Broken(
        "IL-DEF-071",
        "was called without a command",
        "forbidden_tools: [git_commit]\n",
        "forbidden_tools: [git_commit]\n    examples: [@{tool: bash, allowed: true}]\n",
    ),
    "example_of_a_check": Broken(
        "IL-DEF-037",
        "A check has no examples",
        "severity: blocking}",
        "severity: blocking, examples: @[]}",
    ),
    # what it builds on
    "no_pack_to_build_on": Broken(
        "IL-DEF-090", "There is no pack 'tdt'", "name: Small", "extends: @tdt\nname: Small"
    ),
    "no_file_to_build_on": Broken(
        "IL-DEF-090", "There is no file 'team.yaml'", "", "extends: @./team.yaml\n"
    ),
    "builds_on_itself": Broken("IL-DEF-091", "builds on itself", "", "extends: @./w.yaml\n"),
    "builds_on_another_tree": Broken(
        "IL-DEF-092", "no path of a file in this tree", "", "extends: @../team.yaml\n"
    ),
    "before_and_after": Broken(
        "IL-DEF-093",
        "not both",
        "",
        "extends: ./small.yaml\nphases: [{id: B, before: A, @after: A}]\n",
    ),
    "taken_out_and_never_there": Broken(
        "IL-DEF-094", "to take out", "", "extends: ./small.yaml\nphases: [@{id: C, remove: true}]\n"
    ),
    # variables
    "unknown_variable": Broken(
        "IL-DEF-095",
        "There is no variable 'team'",
        "name: Small",
        'name: @"${team}"\ndescription: "${taem}"\nvariables: {taem: a}',
    ),
    "variable_of_a_variable": Broken(
        "IL-DEF-096",
        "uses a variable",
        "name: Small",
        'name: "${a}"\nvariables: {a: @"${b}", b: c}',
    ),
}
