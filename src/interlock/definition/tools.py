"""Tool names, path patterns and commands of a phase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from interlock.core.model import Position, ToolConstraint
from interlock.core.policy.names import (
    CANONICAL,
    COMMANDS,
    KIN,
    READING,
    WRITING,
    canonical,
    names_for,
)
from interlock.core.policy.paths import PathRules
from interlock.core.policy.protected import Protected
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, Related
from interlock.definition.fields import Fields, Text
from interlock.definition.overlaps import compare_commands, compare_patterns
from interlock.definition.yaml_nodes import Entry, MappingNode, describe
from interlock.errors import DefinitionError

__all__ = [
    "known_tool",
    "read_constraints",
    "read_extra_tools",
    "read_patterns",
    "read_protected",
    "read_tools",
    "values_of",
]

_NOT_IN_WORDS = frozenset("\";|&<>$`(){}'\\\n\0")
_SPELLINGS = frozenset(name for tool in CANONICAL for name in names_for(tool))
_MAX_BAD_PATTERNS = 20
_MAX_TOOLS = 256


def read_extra_tools(root: Fields, findings: Findings) -> tuple[str, ...]:
    """Top-level ``tools``: names beyond the built-in table."""
    names = root.texts("tools")
    if len(names) > _MAX_TOOLS:
        findings.error(Code.TOO_LARGE, f"More than {_MAX_TOOLS} tools", names[_MAX_TOOLS])
        names = names[:_MAX_TOOLS]
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
        tool = known_tool(name, item.key.position, extra, findings)
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
    # 'examples' are read for the whole file, once its rules are known.
    fields = Fields(
        entry.value,
        "phases[].tool_constraints{}",
        f"The constraint on '{tool}'",
        (*keys, "examples"),
        findings,
    )
    if tool in COMMANDS:
        _without_effect(fields, tool, keys[:2], "commands", findings)
    elif tool in WRITING | READING:
        _without_effect(fields, tool, keys[2:], "path patterns", findings)
    paths = (read_patterns(fields, keys[0], findings), read_patterns(fields, keys[1], findings))
    commands = (_commands(fields, keys[2], findings), _commands(fields, keys[3], findings))
    compare_patterns(tool, *paths, findings)
    compare_commands(*commands, findings)
    return ToolConstraint(
        allowed_patterns=values_of(paths[0]),
        forbidden_patterns=values_of(paths[1]),
        allowed_commands=values_of(commands[0]),
        forbidden_commands=values_of(commands[1]),
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
                help="Paths under 'write_files' bind every tool that writes, bash included.",
            )


def read_patterns(fields: Fields, key: str, findings: Findings) -> tuple[Text, ...]:
    """A list of gitignore-style globs; each must mean to the policy exactly what it says."""
    found = fields.texts(key)
    _try_patterns(found, lambda patterns: PathRules(patterns, protected=()), findings)
    return found


def read_protected(root: Fields, findings: Findings) -> tuple[Text, ...]:
    """``protected_paths``: globs that no phase writes without a person."""
    found = root.texts("protected_paths")
    _try_patterns(found, _as_protected, findings)
    return found


def _as_protected(patterns: tuple[str, ...]) -> PathRules:
    return PathRules((), protected=tuple(Protected(pattern, "") for pattern in patterns))


def _try_patterns(
    items: Sequence[Text], use: Callable[[tuple[str, ...]], PathRules], findings: Findings
) -> None:
    """Let the policy compile the list, and report what it cannot use."""
    waiting = []
    for item in items:
        parts = item.value.lstrip("!").split("/")
        if ".." in parts or "." in parts:
            message = f"The path pattern '{item.value}' cannot match: paths have no '.' and '..'"
            findings.error(Code.BAD_PATTERN, message, item)
        else:
            waiting.append(item)
    # One at a time, because the policy names the first that it cannot use.
    for _ in range(_MAX_BAD_PATTERNS):
        try:
            use(tuple(item.value for item in waiting))
        except DefinitionError as error:
            bad = [item for item in waiting if item.value == error.context.get("pattern")]
            findings.error(Code.BAD_PATTERN, error.message, (bad or waiting)[0], help=error.remedy)
            waiting = [item for item in waiting if item not in bad]
            if not bad:
                return
        else:
            return


def _commands(fields: Fields, key: str, findings: Findings) -> tuple[Text, ...]:
    """A list of commands as leading words."""
    found = fields.texts(key)
    for item in found:
        if not _NOT_IN_WORDS.isdisjoint(item.value):
            findings.error(
                Code.BAD_COMMAND,
                f"'{item.value}' is no list of words",
                item,
                help="Write the leading words of one command; each command of a line is compared.",
            )
    return found


def _canonical(
    names: Iterable[Text], extra: Sequence[str], findings: Findings
) -> dict[str, Position]:
    """Canonical name → where it was written first."""
    found: dict[str, Position] = {}
    for name in names:
        tool = known_tool(name.value, name.position, extra, findings)
        if tool is not None:
            found.setdefault(tool, name.position)
    return found


def known_tool(name: str, at: Position, extra: Sequence[str], findings: Findings) -> str | None:
    """The canonical name of a tool; ``None`` (and a finding) when there is none."""
    tool = canonical(name, extra)
    if tool is None:
        hint = findings.did_you_mean(name, _SPELLINGS.union(extra))
        hint = f"{hint} Tools of your own are declared under the top-level key 'tools'.".strip()
        findings.error(Code.UNKNOWN_TOOL, f"There is no tool '{name}'", at, help=hint)
    return tool


def values_of(items: Iterable[Text]) -> tuple[str, ...]:
    """The texts without their places, each once."""
    return tuple(dict.fromkeys(item.value for item in items))
