"""No code is left behind as a comment: it is in the history, and nobody knows what it is for."""

from __future__ import annotations

from dataclasses import replace

from interlock.core.facts import ChangeKind, Finding, GateFacts
from interlock.core.gates.kind import CheckKind, Examples, Needs, result
from interlock.core.gates.samples import added, green
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS"]

_READ = ".py"
_SHOWN = 3


def _no_commented_out_code(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    measured = facts.green
    if measured is None:
        return result(spec, Outcome.NOT_YET, "the judge has not read the change yet")
    if measured.commented is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"the change could not be read: {measured.problem or 'nobody looked'}",
            remedy=measured.remedy or "interlock evidence TASK shows the judge's runs.",
        )
    there = [c.path for c in facts.changes if c.kind is not ChangeKind.DELETED]
    others = sum(not path.endswith(_READ) for path in there)
    unread = f"; {others} changed file(s) of other languages were not read" if others else ""
    if blocks := measured.commented:
        places = [f"{b.path}:{b.line} {b.message}" for b in blocks]
        more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        return result(
            spec,
            Outcome.FAIL,
            f"{len(places)} added comment block(s) are code: {'; '.join(places[:_SHOWN])}{more}",
            remedy="Take the block out, or let it run; where it explains something, write a "
            "sentence.",
            facts={"blocks": places},
        )
    if others == len(there):
        return result(spec, Outcome.NOT_APPLICABLE, f"no Python file was changed{unread}")
    return result(spec, Outcome.PASS, f"no added comment block is code{unread}")


def _changed(*blocks: Finding) -> GateFacts:
    return GateFacts(changes=added("src/text.py"), green=replace(green(), commented=blocks))


KINDS = (
    CheckKind(
        name="no_commented_out_code",
        passes_when="no added comment block parses as code",
        evaluate=_no_commented_out_code,
        examples=Examples(
            passes=_changed(),
            fails=_changed(
                Finding(
                    kind="commented_code", path="src/text.py", line=7, message="return text.lower()"
                )
            ),
        ),
        needs=frozenset({Needs.GREEN}),
    ),
)
