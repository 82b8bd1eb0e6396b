"""Broken definitions: what to change in ``SMALL``, and the finding that must come of it.

``@`` in the new text stands right before the place that must be marked, and is taken out.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.definition.small import SMALL, changed


class Broken(NamedTuple):
    """One definition that must not load."""

    code: str
    message: str
    old: str
    new: str

    def text_and_place(self) -> tuple[str, int, int]:
        """The broken file, and line and column of the place that is marked."""
        text = changed(self.old, self.new) if self.old else self.new
        before, mark, after = text.partition("@")
        assert mark
        lines = before.split("\n")
        return before + after, len(lines), len(lines[-1]) + 1


GATE = "type: validation, blockers: [{check: all_tests_pass, severity: blocking}]"
EDGE = "{from: A, to: B, gate: done}"

BROKEN = {
    # the text
    "not_yaml": Broken("IL-DEF-001", "mapping values", "name: Small", "name: Small@: other"),
    "unclosed_list": Broken("IL-DEF-001", "did not find", "", "a: [1\n@"),
    "control_character": Broken("IL-DEF-001", "U+0007", "name: Small", "name: Sm@\aall"),
    "not_unicode": Broken("IL-DEF-001", "not Unicode", "name: Small", "name: @\udcff"),
    "two_documents": Broken("IL-DEF-001", "Only one document", "", "a: 1\n@---\nb: 2\n"),
    "too_deep": Broken("IL-DEF-002", "deeper than 64", "", "a: " + "[" * 63 + "@[1]" + "]" * 63),
    "duplicate_key": Broken(
        "IL-DEF-003", "'name' is here twice", "name: Small", "name: Small\n@name: b"
    ),
    "unknown_alias": Broken("IL-DEF-004", "'&x'", "name: Small", "name: @*x"),
    "alias_in_itself": Broken("IL-DEF-004", "inside of what", "", "a: &a [@*a]"),
    "tag": Broken("IL-DEF-005", "no meaning", "name: Small", "name: @!!python/name:os.system 'x'"),
    "not_finite": Broken("IL-DEF-006", ".inf", "{type: object}", "{maximum: @.inf}"),
    "list_as_key": Broken(
        "IL-DEF-007", "cannot be a key", "name: Small", "? @[a]\n: 1\nname: Small"
    ),
    "empty_file": Broken("IL-DEF-012", "empty", "", "@# nothing\n"),
    # the shape
    "root_is_a_list": Broken("IL-DEF-010", "must be a mapping", "", "@- name: x\n"),
    "number_for_text": Broken("IL-DEF-010", "the number 3", "name: Small", "name: @3"),
    "text_for_a_list": Broken(
        "IL-DEF-010", "must be a list, not text", "[read_files, write_files, bash]", "@bash"
    ),
    "nothing_for_a_list": Broken(
        "IL-DEF-010", "not nothing", "forbidden_tools: [git_commit]", "forbidden_tools: @~"
    ),
    "text_for_a_mapping": Broken("IL-DEF-010", "must be a mapping", "{mode: strict}", "@strict"),
    "text_for_a_flag": Broken(
        "IL-DEF-010", "true or false", EDGE, "{from: A, to: B, gate: done, requires_token: @no}"
    ),
    "text_for_a_number": Broken(
        "IL-DEF-010", "whole number", "mode: strict", "phase_tokens: {expiry_seconds: @2h}"
    ),
    "unknown_key": Broken("IL-DEF-011", "no key 'nmae'", "name: Small", "name: Small\n@nmae: y"),
    "unknown_key_below": Broken("IL-DEF-011", "'tpye'", "type: validation", "@tpye: validation"),
    "merge_key": Broken("IL-DEF-011", "'<<'", "id: B", "@<<: {}\n    id: B"),
    "unknown_key_of_a_later_section": Broken(
        "IL-DEF-011", "'metrcs'", "schemas:\n", "monitoring: {@metrcs: []}\nschemas:\n"
    ),
    "unknown_key_below_a_later_key": Broken(
        "IL-DEF-011",
        "'retries'",
        "schemas:\n",
        "recovery: {agent_crash: {@retries: 3}}\nschemas:\n",
    ),
    "missing_name": Broken("IL-DEF-012", "needs the key 'name'", "name: Small\n", "@"),
    "missing_schema": Broken(
        "IL-DEF-012",
        "needs the key 'schema'",
        "- {type: plan_document, schema: schemas/plan.json",
        "- @{type: plan_document",
    ),
    "missing_tools": Broken(
        "IL-DEF-012",
        "'B' needs the key 'allowed_tools'",
        "id: B\n    allowed_tools: [read_files]",
        "@id: B",
    ),
    "missing_transitions": Broken(
        "IL-DEF-012", "'transitions'", "", "@" + SMALL.replace(f"transitions:\n  - {EDGE}\n", "")
    ),
    "unknown_mode": Broken("IL-DEF-013", "no mode 'strikt'", "mode: strict", "mode: @strikt"),
    "unknown_severity": Broken(
        "IL-DEF-013", "severity 'fatal'", "severity: blocking", "severity: @fatal"
    ),
    "unknown_gate_type": Broken(
        "IL-DEF-013", "gate type 'vote'", "type: validation", "type: @vote"
    ),
    "unknown_approver": Broken(
        "IL-DEF-013", "approver 'humans'", GATE, "type: approval, approvers: [@humans]"
    ),
    "unknown_strength": Broken(
        "IL-DEF-013",
        "strength of approvals 'pinky'",
        GATE,
        "type: approval, approvers: [human], approval_strength: @pinky",
    ),
    "unknown_action_of_a_trigger": Broken(
        "IL-DEF-013",
        "cannot be 'spawn'",
        EDGE,
        "{from: A, to: B, gate: done, triggers: [{action: @spawn}]}",
    ),
    "unknown_runner": Broken(
        "IL-DEF-013", "test runner", "schemas:\n", "environment: {runner: @nose}\nschemas:\n"
    ),
    "bad_id": Broken("IL-DEF-014", "cannot be the 'type'", "type: plan_document", "type: @../plan"),
    "no_phases": Broken("IL-DEF-014", "no phase", "", "name: a\nversion: 1\nphases: @[]\n"),
    "empty_text": Broken("IL-DEF-014", "empty", "name: Small", "name: @' '"),
    "to_itself": Broken("IL-DEF-014", "to itself", EDGE, "{from: A, to: @A, gate: done}"),
    "number_out_of_range": Broken(
        "IL-DEF-014", "between 1", "mode: strict", "phase_tokens: {expiry_seconds: @0}"
    ),
    "duplicate_phase": Broken(
        "IL-DEF-015",
        "'A' is here twice",
        "  - id: B",
        "  - @id: A\n    allowed_tools: []\n  - id: B",
    ),
    "duplicate_gate": Broken(
        "IL-DEF-015",
        "'done' is here twice",
        f"- {{id: done, {GATE}}}",
        f"- {{id: done, {GATE}}}\n      - @{{id: done, {GATE}}}",
    ),
    "duplicate_transition": Broken(
        "IL-DEF-015", "A → B", f"  - {EDGE}", f"  - {EDGE}\n  - @{EDGE}"
    ),
    "two_constraints_on_one_tool": Broken(
        "IL-DEF-015", "another name of 'bash'", "bash: {allowed", "Bash: {}\n      @bash: {allowed"
    ),
    # names
    "unknown_check": Broken(
        "IL-DEF-020", "'all_test_pass'", "check: all_tests_pass", "check: @all_test_pass"
    ),
    "unknown_rule": Broken("IL-DEF-021", "'has_scope'", "rule: has_in_scope", "rule: @has_scope"),
    "unknown_tool": Broken("IL-DEF-022", "'write_file5'", "write_files, bash]", "@write_file5]"),
    "unknown_tool_constrained": Broken("IL-DEF-022", "'bsh'", "bash: {allowed", "@bsh: {allowed"),
    "unknown_phase": Broken("IL-DEF-023", "no phase 'C'", "to: B", "to: @C"),
    "unknown_gate": Broken("IL-DEF-024", "'A' has no gate 'dome'", "gate: done", "gate: @dome"),
    "unknown_parameter": Broken(
        "IL-DEF-025",
        "no parameter 'threshhold'",
        "check: all_tests_pass,",
        "check: coverage_threshold_met, @threshhold: 80,",
    ),
    "bad_percent": Broken(
        "IL-DEF-025",
        "0 to 100, not 800",
        "check: all_tests_pass,",
        "check: coverage_threshold_met, threshold: @800,",
    ),
    "no_reviews_required": Broken(
        "IL-DEF-025",
        "nothing would be asked for",
        "check: all_tests_pass,",
        "check: all_review_models_completed, required_reviews: @[],",
    ),
    # the structure
    "gate_only_warns": Broken(
        "IL-DEF-030",
        "none of its checks is blocking",
        f"{{id: done, {GATE}}}",
        "@{id: done, blockers: [{check: all_tests_pass, severity: warning}]}",
    ),
    "gate_without_checks": Broken(
        "IL-DEF-030", "no blocking check and no approver", f"{{id: done, {GATE}}}", "@{id: done}"
    ),
    "review_without_verdicts": Broken(
        "IL-DEF-030",
        "waits for no verdict",
        "{id: done, type: validation",
        "@{id: done, type: review",
    ),
    "approval_by_nobody": Broken(
        "IL-DEF-031", "Nobody can pass", "{id: done, type: validation", "@{id: done, type: approval"
    ),
    "allowed_and_forbidden": Broken(
        "IL-DEF-032", "both allows and forbids 'bash'", "[git_commit]", "[git_commit, @Bash]"
    ),
    "pattern_allowed_and_forbidden": Broken(
        "IL-DEF-032", "'src/**' is both", '["src/x/**"]', '["src/x/**", @"src/**"]'
    ),
    "unreachable_phase": Broken(
        "IL-DEF-033",
        "to the phase 'C'",
        "transitions:\n",
        "  - @id: C\n    allowed_tools: []\ntransitions:\n  - {from: C, to: B}\n",
    ),
    "start_without_a_way_out": Broken(
        "IL-DEF-034",
        "no transition leads out",
        "  - id: A\n",
        "  - @id: Z\n    allowed_tools: []\n  - id: A\n",
    ),
    "gate_that_guards_nothing": Broken(
        "IL-DEF-035",
        "guards nothing",
        f"      - {{id: done, {GATE}}}",
        f"      - {{id: done, {GATE}}}\n      - @{{id: other, {GATE}}}",
    ),
    "approvers_without_effect": Broken(
        "IL-DEF-036", "only approval gates", f"{GATE}", f"{GATE}, approvers: @[human]"
    ),
    "strength_without_effect": Broken(
        "IL-DEF-036", "'approval_strength'", f"{GATE}", f"{GATE}, approval_strength: @session"
    ),
    "eyes_without_effect": Broken(
        "IL-DEF-036", "'four_eyes'", f"{GATE}", f"{GATE}, four_eyes: @true"
    ),
    "paths_for_bash": Broken(
        "IL-DEF-036", "cannot bind 'bash'", 'allowed_commands: ["pytest"]', "@allowed_patterns: [a]"
    ),
    "no_token": Broken(
        "IL-DEF-037",
        "refused in strict",
        EDGE,
        "{from: A, to: B, gate: done, requires_token: @false}",
    ),
    "tokens_off": Broken(
        "IL-DEF-037", "cannot be switched off", "mode: strict", "phase_tokens: {enabled: @false}"
    ),
    "conditional_transition": Broken(
        "IL-DEF-037",
        "has no condition of its own",
        EDGE,
        '{from: A, to: B, gate: done, when: @"x"}',
    ),
    "comprehension": Broken(
        "IL-DEF-060",
        "'exists' goes through a list",
        "severity: blocking}",
        'severity: blocking, when: "diff.paths.@exists(p, p == work.kind)"}',
    ),
    "unknown_fact": Broken(
        "IL-DEF-060",
        "there is no fact 'work.knd'",
        "severity: blocking}",
        "severity: blocking, when: 1 > 0 && @work.knd == 'docs'}",
    ),
    "impossible_value": Broken(
        "IL-DEF-060",
        "'work.kind' is never 'dcos'",
        "type: validation",
        "type: validation, when: \"work.kind == @'dcos'\"",
    ),
    "no_truth": Broken(
        "IL-DEF-060",
        "gives a text",
        "type: validation",
        'type: validation, when: "@task.title"',
    ),
    "condition_at_the_start": Broken(
        "IL-DEF-037",
        "a task starts there",
        "  - id: A\n",
        "  - @id: A\n    when: work.kind == 'docs'\n",
    ),
    "condition_at_the_end": Broken(
        "IL-DEF-037",
        "no transition leads on",
        "  - id: B\n",
        "  - @id: B\n    when: work.kind == 'docs'\n",
    ),
    "unknown_kind_of_work": Broken(
        "IL-DEF-013",
        "There is no kind of work 'doc'",
        "schemas:\n",
        "work_types: {allowed: [fix, @doc]}\nschemas:\n",
    ),
    "no_kind_of_work": Broken(
        "IL-DEF-014",
        "no task could ever go on",
        "schemas:\n",
        "work_types: {allowed: @[]}\nschemas:\n",
    ),
    "another_name_for_a_kind": Broken(
        "IL-DEF-013",
        "There is no kind of work 'bug'",
        "schemas:\n",
        "work_types: {names: {hotfix: @bug}}\nschemas:\n",
    ),
    "postgres": Broken(
        "IL-DEF-037",
        "PostgreSQL",
        "schemas:\n",
        "coordination: {event_bus: {type: @postgres}}\nschemas:\n",
    ),
    # schemas, patterns, commands
    "schema_not_found": Broken(
        "IL-DEF-040", "no schema 'plans.json'", "schemas/plan.json", "@plans.json"
    ),
    "schema_outside": Broken("IL-DEF-040", "../plan.json", "schemas/plan.json", "@../plan.json"),
    "schema_invalid": Broken(
        "IL-DEF-041",
        "no JSON schema",
        "{type: object}",
        "{type: object, properties: {a: {minLength: @-1}}}",
    ),
    "schema_from_the_network": Broken(
        "IL-DEF-041", "no JSON schema", "{type: object}", '@{$ref: "https://example.org/s"}'
    ),
    "schema_with_look_ahead": Broken(
        "IL-DEF-041", "no JSON schema", "{type: object}", '{pattern: @"(?=a)"}'
    ),
    "pattern_out_of_the_tree": Broken("IL-DEF-050", "'..'", '"src/**"', '"ok/**", @"../x"'),
    "pattern_is_a_comment": Broken("IL-DEF-050", "#src", '"src/**"', '@"#src"'),
    "protection_lifted": Broken(
        "IL-DEF-050", "cannot be lifted", "schemas:\n", 'protected_paths: [@"!src/**"]\nschemas:\n'
    ),
    "lockfile_outside": Broken(
        "IL-DEF-050",
        "no path of a file",
        "schemas:\n",
        "environment: {lockfiles: [@/etc/passwd]}\nschemas:\n",
    ),
    "environment_outside": Broken(
        "IL-DEF-050",
        "no path of a directory",
        "schemas:\n",
        "environment: {directory: @../other}\nschemas:\n",
    ),
    "two_services_of_a_name": Broken(
        "IL-DEF-015",
        "service 'a' is here twice",
        "schemas:\n",
        "environment: {services: [{name: a, command: x, port: 1}, @{name: a, command: y, port: 2}]}"
        "\nschemas:\n",
    ),
    "service_that_is_never_ready": Broken(
        "IL-DEF-012",
        "'port', or a command 'ready'",
        "schemas:\n",
        "environment: {services: [@{name: a, command: x}]}\nschemas:\n",
    ),
    "secret_with_its_value": Broken(
        "IL-DEF-014",
        "name of a variable",
        "schemas:\n",
        "environment: {secrets: [@TOKEN=hunter2]}\nschemas:\n",
    ),
    "secret_that_decides_what_runs": Broken(
        "IL-DEF-014",
        "decides nothing else",
        "schemas:\n",
        "environment: {secrets: [@LD_PRELOAD]}\nschemas:\n",
    ),
    "python_too_old": Broken(
        "IL-DEF-014",
        "no version of Python",
        "schemas:\n",
        "environment: {python: @3.8}\nschemas:\n",
    ),
    "two_commands": Broken(
        "IL-DEF-051", "no list of words", '["pytest"]', '["pytest", @"pytest && ls"]'
    ),
}
