"""Whether the examples of a definition get the verdicts that they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from interlock.core.model import WorkflowSpec
from interlock.core.policy.arguments import command_of, normalize_args, paths_of
from interlock.core.policy.names import COMMANDS, WRITING
from interlock.core.policy.remedies import shown
from interlock.core.policy.tools import decide
from interlock.core.reasons import ToolDecision
from interlock.definition.codes import Code
from interlock.definition.deciding import Places
from interlock.definition.diagnostics import Findings, Related
from interlock.definition.rule_examples import Example
from interlock.errors import UsageError

__all__ = ["try_examples"]

_UNREADABLE: Final = frozenset({"args.malformed", "tool.unknown"})
_MAX_REASONS: Final = 5


def try_examples(
    workflow: WorkflowSpec, examples: Iterable[Example], places: Places, findings: Findings
) -> None:
    """Ask for each verdict as an agent would, and report those that are other than named."""
    # Each phase by itself: the way to another one where the call is right is asked by nobody here,
    # and to look for it takes time by the number of phases.
    alone = {spec.id: replace(workflow, phases=(spec,)) for spec in workflow.phases}
    for example in examples:
        decision = decide(alone[example.phase], example.phase, example.tool, example.args)
        first = decision.reasons[0] if decision.reasons else None
        if first is not None and first.rule in _UNREADABLE:
            # Denied, but by no rule: it would go on being denied whatever the rules say.
            findings.error(Code.BAD_EXAMPLE, first.message, example, help=_call_help(example))
        elif decision.allowed is not example.allowed:
            _report(example, decision, places, findings)


def _report(example: Example, decision: ToolDecision, places: Places, findings: Findings) -> None:
    if decision.allowed:
        findings.error(
            Code.EXAMPLE_FAILS,
            f"{example.phase} allows this call: {_shown(example)}",
            example,
            help=f"{_forbid(decision.tool)}, or say that it is allowed.",
            related=[Related("the rules that were asked", example.under)],
        )
        return
    findings.error(
        Code.EXAMPLE_FAILS,
        f"{example.phase} denies this call: {decision.reasons[0].message.rstrip('.')}",
        example,
        help="Change the rule, or say that the call is denied.",
        related=[
            Related(f"decided by {reason.rule}", at)
            for reason in decision.reasons[:_MAX_REASONS]
            if (at := places.deciding(reason)) is not None
        ],
    )


def _forbid(tool: str) -> str:
    if tool in COMMANDS:
        return "Forbid it by 'forbidden_commands'"
    if tool in WRITING:
        return "Forbid it by 'forbidden_patterns' under 'write_files'"
    return "Forbid it by 'forbidden_patterns' or 'forbidden_tools'"


def _call_help(example: Example) -> str:
    if not example.args:
        return "Add a 'path' or 'command': the phase allows the tool, and the rest decides."
    return "Write the call as an agent would send it: {tool: NAME, args: {NAME: VALUE}}."


def _shown(example: Example) -> str:
    """The call in a few words."""
    try:
        args = normalize_args(example.tool, example.args)
        command = command_of(args)
        words = paths_of(args) if command is None else (command,)
    except UsageError:
        words = ()
    texts = (text if isinstance(text, str) else " ".join(text) for text in words)
    return shown(" ".join((example.tool, *texts)))
