"""``static``: a set of rules that only reads sources finds nothing in what changed."""

from __future__ import annotations

from typing import Final

from interlock.core.facts import Finding, GateFacts, JobFacts
from interlock.core.gates.jobs import Job, JobKind, Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import texts
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND", "RULE_SETS"]

RULE_SETS: Final = ("python",)
"""Sets of rules that the judge knows; another language is another name."""

_NAMED = 5


def _job(params: Settings) -> Job:
    return Job(kind=JobKind.STATIC, what=str(params["rules"]))


def _plan(params: Settings) -> Plan:
    return Plan(jobs=(_job(params),))


def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    looked = facts.jobs.get(_job(spec.params).key)
    rules = str(spec.params["rules"])
    if looked is None or looked.problem:
        return result(
            spec,
            Outcome.UNDETERMINED if looked else Outcome.NOT_YET,
            looked.problem if looked else f"nobody looked at this tree with the rules {rules} yet",
            remedy=(looked.remedy if looked else "") or "Request the transition again.",
        )
    accept = frozenset(map(str, spec.params.get("accept", ())))
    found = [one for one in looked.findings if one.kind not in accept]
    if found:
        shown = "; ".join(f"{one.path}:{one.line} {one.message}" for one in found[:_NAMED])
        return result(
            spec,
            Outcome.FAIL,
            f"the rules {rules} find {len(found)}: {shown}",
            remedy="Mend them, or name their kind under 'accept' if the project has a reason.",
            facts={"findings": [f"{one.path}:{one.line} {one.kind}" for one in found]},
        )
    if not looked.looked_at:
        said = f"no source changed that the rules {rules} are about"
        return result(spec, Outcome.NOT_APPLICABLE, said)
    return result(
        spec,
        Outcome.PASS,
        f"the rules {rules} find nothing in {looked.looked_at} changed source(s)",
    )


_PYTHON = {"rules": "python"}


def _looked(*findings: Finding) -> GateFacts:
    return GateFacts(jobs={_job(_PYTHON).key: JobFacts(findings=findings, looked_at=1)})


KIND = CheckKind(
    name="static",
    passes_when="a static set of rules finds nothing new in the changed sources",
    schema=settings(
        "rules",
        rules={
            "enum": list(RULE_SETS),
            "title": f"one of {', '.join(RULE_SETS)}",
            "description": "the set of rules; `python`: what forges or hides test results",
        },
        accept=texts(
            "a list of kinds of findings", "kinds that the project has a reason for", default=[]
        ),
    ),
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=_looked(),
        fails=_looked(Finding(kind="runner_import", path="a.py", line=1, message="pytest")),
        params=_PYTHON,
    ),
)
