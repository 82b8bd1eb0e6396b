"""Shell commands that a workflow has the server run: whether their failure would be noticed."""

from __future__ import annotations

from interlock.core.policy.ending import Ending, ending, swallowed
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Text, text_of
from interlock.definition.yaml_nodes import Node, ScalarNode

__all__ = ["check_measure", "check_step"]


def check_measure(node: Node, what: str, findings: Findings) -> None:
    """A command whose end decides a gate: it must be able to end well, and badly.

    Args:
        node: value of the key.
        what: names the decision for a person: "The check 'command'".
        findings: takes what is wrong.
    """
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return  # words without a shell hide nothing
    found = text_of(node, what, findings)
    how = ending(found.value) if found else Ending.OPEN
    if how is Ending.ALWAYS_WELL:
        findings.error(
            Code.GATE_CANNOT_FAIL,
            f"{what} cannot fail: its command ends well whatever happens in it",
            node,
            help="Let the program that measures end the command: no '|| true', '; true', 'exit 0'.",
        )
    elif how is Ending.NEVER_WELL:
        findings.error(
            Code.GATE_CANNOT_PASS,
            f"Nobody can pass: the command of {what[:1].lower()}{what[1:]} never ends well",
            node,
            help="Let the program that measures end the command.",
        )


def check_step(step: Text, findings: Findings) -> None:
    """A command that prepares something: a failure that it hides shows up later, as another one."""
    for statement in swallowed(step.value):
        findings.warning(
            Code.FAILURE_HIDDEN,
            f"Nobody would notice that this fails: {statement[:80]}",
            step,
            help="Take out what follows '||'; a step that fails stops the build and shows its log.",
        )
