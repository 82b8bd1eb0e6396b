"""Tool names, path patterns and commands of a phase."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

import pathspec

from interlock.core.model import Position, ToolConstraint
from interlock.core.policy.names import CANONICAL, COMMANDS, KIN, READING, WRITING, canonical
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, Related, did_you_mean
from interlock.definition.fields import Fields, Text
from interlock.definition.yaml_nodes import Entry, MappingNode, describe

__all__ = ["read_constraints", "read_extra_tools", "read_patterns", "read_tools"]

_SHELL = frozenset(";|&<>$`(){}\n\0")


def read_extra_tools(root: Fields, findings: Findings) -> tuple[str, ...]:
    """Top-level ``tools``: names beyond the built-in table."""
    names = root.texts("tools")
    for name in names:
        if canonical(name.value) is not None:
            message = f"'{name.value}' is known without being named under 'tools'"
            findings.warning(Code.NO_EFFECT, message, name)
    return tuple(dict.fromkeys(n.value for n in names if canonical(n.value) is None))


def read_tools(
    phase: Fields, extra: Sequence[str], findings: Findings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """``allowed_tools`` and ``forbidden_tools`` by canonical name; the two must not overlap."""
    allowed = _canonical(phase.texts("allowed_tools", required=True), extra, findings)
    forbidden = _canonical(phase.texts("forbidden_tools"), extra, findings)
    for name, at in forbidden.items():
        if name in allowed:
            findings.error(
                Code.TOOL_CONTRADICTION,
                f"{phase.owner} both allows and forbids '{name}'",
                at,
                help="Forbidden wins, so take it out of one of the lists.",
                related=[Related("allowed here", allowed[name])],
            )
    return tuple(allowed), tuple(forbidden)


def read_constraints(
    phase: Fields, allowed: Sequence[str], extra: Sequence[str], findings: Findings
) -> dict[str, ToolConstraint]:
    """``tool_constraints`` by canonical tool name."""
    entry = phase.entry("tool_constraints")
    if entry is None:
        return {}
    if not isinstance(entry.value, MappingNode):
        message = f"'tool_constraints' must be a mapping of tools, not {describe(entry.value)}"
        findings.error(Code.WRONG_TYPE, message, entry.value)
        return {}
    found: dict[str, ToolConstraint] = {}
    for name, item in entry.value.entries.items():
        tool = _tool(name, item.key.position, extra, findings)
        if tool is None:
            continue
        if tool in found:
            first = found[tool].position
            findings.error(
                Code.DUPLICATE_ID,
                f"'{name}' is another name of '{tool}', which is constrained already",
                item.key,
                related=[Related("constrained here", first)] if first else (),
            )
            continue
        if tool not in allowed and not _covers(tool, allowed):
            message = f"The constraint on '{name}' has no effect: {phase.owner} does not allow it"
            findings.warning(Code.NO_EFFECT, message, item.key)
        found[tool] = _constraint(tool, item, findings)
    return found


def _covers(tool: str, allowed: Sequence[str]) -> bool:
    """Whether a constraint on the tool binds an allowed one: its kin, or any writing tool."""
    if tool == "write_files" and not WRITING.isdisjoint(allowed):
        return True
    return any(KIN.get(name) == tool for name in allowed)


def _constraint(tool: str, entry: Entry, findings: Findings) -> ToolConstraint:
    keys = ("allowed_patterns", "forbidden_patterns", "allowed_commands", "forbidden_commands")
    fields = Fields(
        entry.value,
        "phases[].tool_constraints{}",
        f"The constraint on '{tool}'",
        keys,
        findings,
    )
    if tool in COMMANDS:
        _without_effect(fields, tool, keys[:2], "commands", findings)
    elif tool in WRITING | READING:
        _without_effect(fields, tool, keys[2:], "path patterns", findings)
    patterns = [read_patterns(fields, key, findings) for key in keys[:2]]
    commands = [_commands(fields, key, findings) for key in keys[2:]]
    _contradiction(*patterns, "pattern", findings)
    _contradiction(*commands, "command", findings)
    return ToolConstraint(
        allowed_patterns=_values(patterns[0]),
        forbidden_patterns=_values(patterns[1]),
        allowed_commands=_values(commands[0]),
        forbidden_commands=_values(commands[1]),
        position=entry.key.position,
    )


def _without_effect(
    fields: Fields, tool: str, keys: Iterable[str], takes: str, findings: Findings
) -> None:
    for key in keys:
        entry = fields.entry(key)
        if entry is not None:
            findings.error(
                Code.CONSTRAINT_WITHOUT_EFFECT,
                f"'{key}' cannot bind '{tool}', which takes {takes}",
                entry.key,
                help="Paths are bound under 'write_files' for every tool that writes, bash included.",
            )


def _contradiction(
    allowed: Sequence[Text], forbidden: Sequence[Text], what: str, findings: Findings
) -> None:
    places = {item.value: item.position for item in allowed}
    for item in forbidden:
        if item.value in places:
            findings.error(
                Code.TOOL_CONTRADICTION,
                f"The {what} '{item.value}' is both allowed and forbidden",
                item,
                help="Forbidden wins, so take it out of one of the lists.",
                related=[Related("allowed here", places[item.value])],
            )


def read_patterns(fields: Fields, key: str, findings: Findings) -> tuple[Text, ...]:
    """A list of gitignore-style globs; each must compile and stay inside the tree."""
    found = fields.texts(key)
    for item in found:
        problem = _pattern_problem(item.value)
        if problem:
            findings.error(Code.BAD_PATTERN, f"'{item.value}' is no path pattern: {problem}", item)
    return found


def _pattern_problem(pattern: str) -> str:
    if pattern != pattern.strip() or not pattern.isprintable():
        return "it has a blank at an end or a character that cannot be printed"
    if pattern.startswith("#"):
        return "it is a comment to git; write \\# for a name that starts with #"
    if ".." in pattern.lstrip("!").split("/"):
        return "it leads out of the tree"
    try:
        pathspec.GitIgnoreSpec.from_lines([pattern])
    except ValueError as error:  # GitIgnorePatternError is one
        return str(error).splitlines()[0][:200]
    return ""


def _commands(fields: Fields, key: str, findings: Findings) -> tuple[Text, ...]:
    """A list of commands as leading words."""
    found = fields.texts(key)
    for item in found:
        problem = ""
        if not _SHELL.isdisjoint(item.value):
            problem = "only words stand here, every simple command of a line must match by itself"
        else:
            try:
                shlex.split(item.value)
            except ValueError as error:
                problem = str(error)
        if problem:
            findings.error(Code.BAD_COMMAND, f"'{item.value}' is no command: {problem}", item)
    return found


def _canonical(
    names: Iterable[Text], extra: Sequence[str], findings: Findings
) -> dict[str, Position]:
    """Canonical name → where it was written first."""
    found: dict[str, Position] = {}
    for name in names:
        tool = _tool(name.value, name.position, extra, findings)
        if tool is not None:
            found.setdefault(tool, name.position)
    return found


def _tool(name: str, at: Position, extra: Sequence[str], findings: Findings) -> str | None:
    tool = canonical(name, extra)
    if tool is None:
        hint = did_you_mean(name, CANONICAL | set(extra))
        hint = f"{hint} Tools of your own are declared under the top-level key 'tools'.".strip()
        findings.error(Code.UNKNOWN_TOOL, f"There is no tool '{name}'", at, help=hint)
    return tool


def _values(items: Iterable[Text]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.value for item in items))
