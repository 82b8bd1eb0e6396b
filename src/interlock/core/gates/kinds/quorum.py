"""``review_quorum``: enough reviewers agree, on the present tree, none of them its author."""

from __future__ import annotations

from interlock.core.facts import GateFacts, ReviewVerdict
from interlock.core.gates.catalog import REVIEW_ROLES
from interlock.core.gates.jobs import Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import texts
from interlock.core.gates.verdicts import agrees, counted, required_roles
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

_WORDS = ("majority", "all", "any")


def _enough(quorum: object, of: int) -> int:
    """How many have to agree."""
    match quorum:
        case "all":
            return of
        case "any":
            return 1
        case int():
            return quorum
    return of // 2 + 1


def _wrong(params: Settings) -> str:
    wanted, roles = params.get("quorum"), params.get("required_reviews", ())
    if isinstance(wanted, int) and wanted > len(roles):
        return f"cannot pass: {wanted} have to agree, and {len(roles)} are asked"
    return ""


def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    roles = required_roles(spec)
    there = {verdict.role: verdict for verdict in counted(facts) if verdict.role in roles}
    yes = [role for role, verdict in there.items() if agrees(verdict)]
    no = [role for role in there if role not in yes]
    missing = [role for role in roles if role not in there]
    enough = _enough(spec.params.get("quorum", "majority"), len(roles))
    seen = {"agree": yes, "object": no, "missing": missing, "enough": enough}
    if len(yes) >= enough:
        return result(spec, Outcome.PASS, f"{len(yes)} of {len(roles)} agree", facts=seen)
    if len(yes) + len(missing) < enough:
        return result(
            spec,
            Outcome.FAIL,
            f"{len(yes)} of {len(roles)} agree, {enough} have to; {', '.join(no)} object",
            remedy="Request the transition back to the phase before and fix what they named.",
            facts=seen,
        )
    return result(
        spec,
        Outcome.NOT_YET,
        f"{len(yes)} of {len(roles)} agree, {enough} have to; no verdict on the present tree from "
        f"{', '.join(missing)}",
        remedy="interlock show TASK lists the review sessions.",
        facts=seen,
    )


def _verdicts(*verdicts: str) -> GateFacts:
    given = [
        ReviewVerdict(role=role, agent_id=role, session_id="s", tree="t", verdict=verdict)
        for role, verdict in zip(("security", "quality", "holistic"), verdicts, strict=True)
    ]
    return GateFacts(tree="t", authors=("author",), verdicts=tuple(given))


KIND = CheckKind(
    name="review_quorum",
    passes_when="enough verdicts on the present tree agree",
    schema=settings(
        quorum={
            "anyOf": [{"enum": list(_WORDS)}, {"type": "integer", "minimum": 1, "maximum": 64}],
            "default": "majority",
            "title": "majority, all, any or a number from 1 to 64",
            "description": "how many of the roles have to agree",
        },
        required_reviews=texts(
            "a list of roles", "who is asked; never the author", default=list(REVIEW_ROLES)
        ),
    ),
    wrong=_wrong,
    evaluate=_evaluate,
    examples=Examples(
        passes=_verdicts("pass", "pass", "fail"),
        fails=_verdicts("pass", "fail", "fail"),
        params={
            "quorum": "majority",
            "required_reviews": ("security", "quality", "holistic"),
        },
    ),
)
