"""Shell commands that a workflow has the server run: whether their failure would be noticed."""

from __future__ import annotations

from interlock.core.policy.ending import swallowed
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Text

__all__ = ["check_step"]


def check_step(step: Text, findings: Findings) -> None:
    """A command that prepares something: a failure that it hides shows up later, as another one."""
    for statement in swallowed(step.value):
        findings.warning(
            Code.FAILURE_HIDDEN,
            f"Nobody would notice that this fails: {statement[:80]}",
            step,
            help="Take out what follows '||'; a step that fails stops the build and shows its log.",
        )
