"""Allowed and forbidden patterns and commands of one constraint that contradict each other."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.core.model import ToolConstraint
from interlock.core.policy import shell
from interlock.core.policy.names import WRITING
from interlock.core.policy.paths import EVERYTHING, PathRules
from interlock.core.policy.protected import PROTECTED
from interlock.core.policy.witness import witnesses
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, Related
from interlock.definition.fields import Text
from interlock.errors import DefinitionError

__all__ = ["compare_commands", "compare_patterns"]

_MOST = 64
"""Of each list: who writes more patterns is told less, and never waits."""


def compare_patterns(
    tool: str, allowed: Sequence[Text], forbidden: Sequence[Text], findings: Findings
) -> None:
    """Report what is allowed and can never be used, and a list that forbids everything."""
    known = _twice(allowed, forbidden, "pattern", findings)
    protected = PROTECTED if tool in WRITING else ()
    try:
        rules = PathRules(EVERYTHING, tuple(item.value for item in forbidden), protected)
    except DefinitionError:
        return  # a pattern is bad, which was reported
    if not allowed and _covering("**", rules, "path.forbidden") is not None:
        findings.error(
            Code.TOOL_CONTRADICTION,
            f"Every path is forbidden, so '{tool}' has nothing left",
            forbidden[0],
            help="Narrow the pattern, or take the tool out of 'allowed_tools'.",
        )
    for item in allowed[:_MOST]:
        if item.value in known:
            continue
        pattern = _covering(item.value, rules, "path.forbidden")
        if pattern is not None:
            first = next((one for one in forbidden if one.value == pattern), None)
            findings.error(
                Code.TOOL_CONTRADICTION,
                f"'{item.value}' is allowed and can never be used: all of it is forbidden",
                item,
                help="Forbidden wins: narrow what is forbidden, or take this pattern out.",
                related=[Related("forbidden here", first.position)] if first else (),
            )
        elif _covering(item.value, rules, "path.protected") is not None:
            findings.warning(
                Code.NO_EFFECT,
                f"'{item.value}' is allowed and has no effect: all of it is protected",
                item,
                help="Protected paths are a person's to change; take this pattern out.",
            )


def compare_commands(
    allowed: Sequence[Text], forbidden: Sequence[Text], findings: Findings
) -> None:
    """Report each allowed command that a forbidden one takes in."""
    known = _twice(allowed, forbidden, "command", findings)
    for item in allowed[:_MOST]:
        if item.value in known:
            continue
        for other in forbidden[:_MOST]:
            rule = ToolConstraint(forbidden_commands=(other.value,))
            against = shell.reasons(tuple(item.value.split()), rule)
            if any(reason.rule == "command.forbidden" for reason in against):
                findings.error(
                    Code.TOOL_CONTRADICTION,
                    f"The command '{item.value}' is allowed, and always forbidden by "
                    f"'{other.value}'",
                    item,
                    help="Forbidden wins: narrow what is forbidden, or take this command out.",
                    related=[Related("forbidden here", other.position)],
                )
                break


def _twice(
    allowed: Sequence[Text], forbidden: Sequence[Text], what: str, findings: Findings
) -> frozenset[str]:
    """Report what stands in both lists word by word, and return it."""
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
    return frozenset(item.value for item in forbidden) & places.keys()


def _covering(pattern: str, rules: PathRules, rule: str) -> str | None:
    """The pattern by which the rules take in all of another one; ``None`` if something is left.

    Args:
        pattern: tried by its witnesses.
        rules: what is closed.
        rule: of the reasons that count.
    """
    found = ""
    paths = witnesses(pattern)
    for path in paths:
        reason = next((one for one in rules.reasons(path) if one.rule == rule), None)
        if reason is None:
            return None
        found = found or str(reason.facts.get("pattern", ""))
    return found if paths else None
