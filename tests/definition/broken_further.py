"""More broken definitions, in the form of ``broken``: kinds of values, names, limits."""

from __future__ import annotations

from tests.definition.broken import EDGE, GATE, Broken

__all__ = ["FURTHER"]

WRITE = 'write_files: {allowed_patterns: ["src/**"], forbidden_patterns: ["src/x/**"]}'
BASH = 'bash: {allowed_commands: ["pytest"]}'
ARTIFACT = "- {type: plan_document, schema: schemas/plan.json, validation: [{rule: has_in_scope}]}"
END = "schemas:\n"
BOMB = "a0: &a0 [lol]\n" + "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 5)
)
PHASES = "".join(f"  - id: P{n}\n    allowed_tools: []\n" for n in range(256))


def at_end(section: str) -> tuple[str, str]:
    """A section put in before the last one."""
    return END, f"{section}\n{END}"


FURTHER = {
    # the text
    "tab_for_indentation": Broken("IL-DEF-001", "not YAML", "  - id: B", "@\t- id: B"),
    "open_quote": Broken(
        "IL-DEF-001", "unexpected end", "  plan.json: {type: object}\n", '  a: "x\n@'
    ),
    "open_brace": Broken("IL-DEF-001", "did not find", "", "a: {b: 1\n@"),
    "wrong_indentation": Broken("IL-DEF-001", "not YAML", "version:", " version@:"),
    "reserved_character": Broken("IL-DEF-001", "cannot start", "name: Small", "name: @`small`"),
    "list_beside_keys": Broken("IL-DEF-001", "not YAML", "transitions:\n", "@- a\ntransitions:\n"),
    "unknown_escape": Broken("IL-DEF-001", "escape", "name: Small", 'name: "@\\q"'),
    "more_bytes_than_are_read": Broken(
        "IL-DEF-002", "at most 1048576", "", "@" + "#" * (1 << 20) + "\n"
    ),
    "aliases_that_multiply": Broken(
        "IL-DEF-002", "100000 values", "", f"{BOMB}\na5: [{'*a4, ' * 7}@*a4]\n"
    ),
    "too_many_phases": Broken(
        "IL-DEF-002",
        "256 phases",
        "",
        f"name: a\nversion: b\ntransitions: []\nphases:\n{PHASES}"
        "  - @id: Z\n    allowed_tools: []\n",
    ),
    "too_many_tools": Broken(
        "IL-DEF-002",
        "256 tools",
        *at_end("tools: [" + ", ".join(f"t{n}" for n in range(256)) + ", @t256]"),
    ),
    "duplicate_key_below": Broken("IL-DEF-003", "'to' is here twice", "to: B", "to: B, @to: A"),
    "number_without_end": Broken("IL-DEF-006", "1e999", "{type: object}", "{maximum: @1e999}"),
    "not_a_number": Broken("IL-DEF-006", ".nan", "{type: object}", "{maximum: @.nan}"),
    # the shape
    "phases_are_a_mapping": Broken(
        "IL-DEF-010", "'phases' must be a list", "", "name: a\nversion: b\nphases:\n  @A: {}\n"
    ),
    "phase_is_a_text": Broken(
        "IL-DEF-010", "A phase must be a mapping", "", "name: a\nversion: b\nphases: [@A]\n"
    ),
    "gates_are_a_mapping": Broken(
        "IL-DEF-010",
        "'gates' must be a list",
        "id: B\n",
        "id: B\n    gates: @{}\n",
    ),
    "gate_is_a_text": Broken(
        "IL-DEF-010",
        "A gate must be a mapping",
        f"- {{id: done, {GATE}}}",
        f"- {{id: done, {GATE}}}\n      - @other",
    ),
    "blocker_is_a_text": Broken(
        "IL-DEF-010",
        "A blocker must be a mapping",
        "[{check: all_tests_pass, severity: blocking}]",
        "[{check: all_tests_pass}, @no_skipped_tests]",
    ),
    "transition_is_a_list": Broken(
        "IL-DEF-010", "A transition must be a mapping", f"- {EDGE}", f"- {EDGE}\n  - @[A, B]"
    ),
    "schemas_are_a_list": Broken(
        "IL-DEF-010",
        "'schemas' must be a mapping",
        "",
        "name: a\nversion: b\nphases: [{id: A, allowed_tools: []}]\nschemas: @[]\n",
    ),
    "constraints_are_a_list": Broken(
        "IL-DEF-010", "mapping of tools", f"      {WRITE}\n      {BASH}", "      @- write_files"
    ),
    "constraint_is_a_list": Broken("IL-DEF-010", "constraint on 'bash'", BASH, "bash: @[pytest]"),
    "environment_is_a_text": Broken(
        "IL-DEF-010", "'environment' must be a mapping", *at_end("environment: @pytest")
    ),
    "approvers_are_a_text": Broken(
        "IL-DEF-010", "'approvers' must be a list", GATE, "type: approval, approvers: @human"
    ),
    "artifacts_are_a_mapping": Broken(
        "IL-DEF-010", "must be a list", ARTIFACT, "@plan_document: {}"
    ),
    "rules_are_a_text": Broken(
        "IL-DEF-010", "'validation' must be a list", "[{rule: has_in_scope}]", "@has_in_scope"
    ),
    "tokens_are_a_flag": Broken(
        "IL-DEF-010", "'phase_tokens' must be a mapping", "mode: strict", "phase_tokens: @true"
    ),
    "coordination_is_a_list": Broken(
        "IL-DEF-010", "'coordination' must be a mapping", *at_end("coordination: @[]")
    ),
    "description_is_a_number": Broken(
        "IL-DEF-010", "the number 7", "name: Small", "name: Small\ndescription: @7"
    ),
    "item_is_a_flag": Broken(
        "IL-DEF-010", "yes/no value true", "[git_commit]", "[git_commit, @true]"
    ),
    "pattern_is_nothing": Broken("IL-DEF-010", "not nothing", '["src/x/**"]', '["src/x/**", @~]'),
    "unknown_key_of_a_phase": Broken(
        "IL-DEF-011",
        "'alowed_tools'",
        "forbidden_tools:",
        "@alowed_tools: []\n    forbidden_tools:",
    ),
    "unknown_key_of_a_transition": Broken(
        "IL-DEF-011", "'gates'", EDGE, "{from: A, to: B, gate: done, @gates: [done]}"
    ),
    "unknown_key_of_an_artifact": Broken(
        "IL-DEF-011",
        "'schemas'",
        "schema: schemas/plan.json",
        "schema: schemas/plan.json, @schemas: x",
    ),
    "unknown_key_of_a_rule": Broken(
        "IL-DEF-011",
        "'severity'",
        "{rule: has_in_scope}",
        "{rule: has_in_scope, @severity: blocking}",
    ),
    "unknown_key_of_a_constraint": Broken(
        "IL-DEF-011", "'allow'", BASH, 'bash: {allowed_commands: ["pytest"], @allow: []}'
    ),
    "unknown_key_of_the_environment": Broken(
        "IL-DEF-011", "'steps'", *at_end("environment: {@steps: []}")
    ),
    "unknown_key_of_tokens": Broken(
        "IL-DEF-011", "'expiry'", "mode: strict", "phase_tokens: {@expiry: 60}"
    ),
    "missing_from": Broken("IL-DEF-012", "'from'", f"- {EDGE}", f"- {EDGE}\n  - @{{to: A}}"),
    "missing_check": Broken(
        "IL-DEF-012",
        "'check'",
        "[{check: all_tests_pass, severity: blocking}]",
        "[{check: all_tests_pass}, @{severity: warning}]",
    ),
    "missing_rule": Broken("IL-DEF-012", "'rule'", "{rule: has_in_scope}", "@{message: x}"),
    "missing_id_of_a_gate": Broken(
        "IL-DEF-012",
        "'id'",
        f"- {{id: done, {GATE}}}",
        f"- {{id: done, {GATE}}}\n      - @{{{GATE}}}",
    ),
    "missing_phases": Broken("IL-DEF-012", "'phases'", "", "@name: a\nversion: b\n"),
    # values
    "unknown_algorithm": Broken(
        "IL-DEF-013", "algorithm 'RS256'", "mode: strict", "phase_tokens: {algorithm: @RS256}"
    ),
    "unknown_action": Broken(
        "IL-DEF-013",
        "violation action 'block'",
        "mode: strict",
        "tool_enforcement: {violation_action: @block}",
    ),
    "unknown_capability_model": Broken(
        "IL-DEF-013",
        "'allow_by_default'",
        "mode: strict",
        "tool_enforcement: {capability_model: @allow_by_default}",
    ),
    "unknown_level": Broken(
        "IL-DEF-013", "level 'most'", *at_end("confinement: {required: @most}")
    ),
    "unknown_bus": Broken(
        "IL-DEF-013", "event bus 'kafka'", *at_end("coordination: {event_bus: {type: @kafka}}")
    ),
    "unknown_access": Broken(
        "IL-DEF-013", "'read_write'", *at_end("coordination: {state_access: {mode: @read_write}}")
    ),
    "port_out_of_range": Broken(
        "IL-DEF-014",
        "between 1 and 65535",
        *at_end("environment: {services: [{name: a, command: x, port: @70000}]}"),
    ),
    "name_with_a_blank": Broken(
        "IL-DEF-014",
        "cannot be the 'name'",
        *at_end('environment: {services: [{name: @"a b", command: x, port: 1}]}'),
    ),
    "duplicate_artifact": Broken(
        "IL-DEF-015",
        "'plan_document' is here twice",
        ARTIFACT,
        f"{ARTIFACT}\n      - @{{type: plan_document, schema: plan}}",
    ),
    "schema_under_two_names": Broken(
        "IL-DEF-015",
        "name the same schema",
        "plan.json: {type: object}",
        "plan.json: {type: object}\n  @plan.schema.json: {type: object}",
    ),
    # names
    "unknown_start": Broken(
        "IL-DEF-023", "no phase 'Z'", f"- {EDGE}", f"- {EDGE}\n  - {{from: @Z, to: A}}"
    ),
    "gate_of_another_phase": Broken(
        "IL-DEF-024",
        "'B' has no gate 'done'",
        EDGE,
        f"{EDGE}\n  - {{from: B, to: A, gate: @done}}\n  - {{from: B, to: C}}".replace(
            "\n  - {from: B, to: C}", ""
        ),
    ),
    "parameter_of_another_check": Broken(
        "IL-DEF-025",
        "'threshold'",
        "check: all_tests_pass,",
        "check: all_tests_pass, @threshold: 80,",
    ),
    "percent_as_text": Broken(
        "IL-DEF-025",
        "not 80%",
        "check: all_tests_pass,",
        "check: coverage_threshold_met, threshold: @80%,",
    ),
    # schemas, paths
    "schema_is_a_text": Broken("IL-DEF-041", "not a mapping", "{type: object}", "@object"),
    "schema_of_an_unknown_type": Broken(
        "IL-DEF-041", "no JSON schema", "{type: object}", "{type: @objekt}"
    ),
    "schemas_outside": Broken("IL-DEF-050", "no directory", *at_end("schemas_dir: @../schemas")),
    "audit_outside": Broken(
        "IL-DEF-050", "no path below", "mode: strict", "tool_enforcement: {audit_log: @/var/log/a}"
    ),
    "store_outside": Broken(
        "IL-DEF-050", "no path below", *at_end("coordination: {event_bus: {db_path: @../e.db}}")
    ),
    "pattern_with_a_broken_class": Broken(
        "IL-DEF-050", "cannot be used", '["src/x/**"]', '["src/x/**", @"a[[:x:]]"]'
    ),
    "command_with_a_variable": Broken(
        "IL-DEF-051", "no list of words", '["pytest"]', '["pytest", @"echo $HOME"]'
    ),
}
