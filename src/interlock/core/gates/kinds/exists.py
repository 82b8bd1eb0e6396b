"""``exists``: what is named is in the tree."""

from __future__ import annotations

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import globs, reference
from interlock.core.gates.references import files_in, listed, over_documents
from interlock.core.gates.selection import Selection
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]


def _wrong(params: Settings) -> str:
    return "" if {"paths", "paths_from"} & set(params) else "needs 'paths' or 'paths_from'"


def _plan(params: Settings) -> Plan:
    asked = [str(params["paths_from"])] if "paths_from" in params else []
    files = files_in(asked)
    return Plan(lists_tree=True, texts=files, documents=files)


@over_documents
def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    wanted = [str(pattern) for pattern in spec.params.get("paths", ())]
    if source := spec.params.get("paths_from"):
        wanted += [path for path in listed(str(source), facts) if isinstance(path, str)]
    if facts.paths is None or not wanted:
        return result(
            spec,
            Outcome.UNDETERMINED,
            "nothing is named that could be looked for" if not wanted else "nobody looked",
            remedy="Name at least one path.",
        )
    missing = [pattern for pattern in wanted if not any(Selection((pattern,)).of(facts.paths))]
    if missing:
        return result(
            spec,
            Outcome.FAIL,
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in the tree",
            remedy=f"Add {', '.join(missing)}.",
            facts={"missing": missing},
        )
    return result(spec, Outcome.PASS, f"{', '.join(wanted)}: there")


KIND = CheckKind(
    name="exists",
    passes_when="each of the named paths is in the tree",
    schema=settings(
        paths=globs("each has to match a file"),
        paths_from=reference("more paths, out of a document"),
    ),
    wrong=_wrong,
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=GateFacts(paths=("docs/design.md",)),
        fails=GateFacts(paths=("README.md",)),
        params={"paths": ("docs/*.md",)},
    ),
)
