"""``diff_scope``: what was changed stays inside the stated paths."""

from __future__ import annotations

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import START, Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import globs, phase, reference
from interlock.core.gates.references import AbsentError, files_in, listed, over_documents
from interlock.core.gates.samples import added
from interlock.core.gates.selection import Selection
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

_NAMED = 5


def _wrong(params: Settings) -> str:
    return "" if {"paths", "paths_from"} & set(params) else "needs 'paths' or 'paths_from'"


def _since(params: Settings) -> str:
    return f"phase:{params['since']}" if "since" in params else START


def _plan(params: Settings) -> Plan:
    files = files_in([str(params["paths_from"])] if "paths_from" in params else [])
    return Plan(since=(_since(params),), texts=files, documents=files)


@over_documents
def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    patterns = [str(pattern) for pattern in spec.params.get("paths", ())]
    if source := spec.params.get("paths_from"):
        patterns += [one for one in listed(str(source), facts) if isinstance(one, str)]
    changes = facts.differences.get(_since(spec.params))
    if changes is None:
        raise AbsentError(
            Outcome.NOT_YET,
            f"the phase {spec.params['since']} was not left yet"
            if "since" in spec.params
            else "nothing was compared with the start",
            "Request the transition again.",
        )
    if not patterns:
        raise AbsentError(
            Outcome.UNDETERMINED, "no path is stated that a change may be in", "State the paths."
        )
    inside = Selection(patterns, map(str, spec.params.get("but", ())))
    outside = [change.path for change in changes if change.path not in inside]
    if outside:
        more = f" and {len(outside) - _NAMED} more" if len(outside) > _NAMED else ""
        return result(
            spec,
            Outcome.FAIL,
            f"{', '.join(outside[:_NAMED])}{more} outside of {', '.join(patterns)}",
            remedy=f"Undo the change of {', '.join(outside[:_NAMED])}.",
            facts={"outside": outside, "paths": patterns},
        )
    return result(spec, Outcome.PASS, f"{len(changes)} change(s), all in {', '.join(patterns)}")


def _changed(path: str) -> GateFacts:
    return GateFacts(differences={START: added(path)})


KIND = CheckKind(
    name="diff_scope",
    passes_when="the diff stays inside the stated paths",
    schema=settings(
        paths=globs("where a change may be"),
        paths_from=reference("more patterns, out of a document"),
        but=globs("where it may not be all the same"),
        since=phase("compare with the tree that this phase was left with, not with the start"),
    ),
    wrong=_wrong,
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=_changed("docs/a.md"), fails=_changed("src/a.py"), params={"paths": ("docs/**",)}
    ),
)
