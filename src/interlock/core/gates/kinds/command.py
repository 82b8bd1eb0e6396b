"""``command``: a command that the judge runs on a fresh copy of the tree ends as it should."""

from __future__ import annotations

from interlock.core.facts import GateFacts, JobFacts
from interlock.core.gates.jobs import Job, JobKind, Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import whole
from interlock.core.model import CheckSpec
from interlock.core.policy.ending import Ending, ending
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

NONZERO = "nonzero"
_NOT_RUN = {126: "cannot be run", 127: "was not found"}
"""How a shell ends when the program that it should start is not there."""
_SHOWN = 400


def _plan(params: Settings) -> Plan:
    return Plan(jobs=(_job(params),))


def _job(params: Settings) -> Job:
    return Job(
        kind=JobKind.COMMAND,
        what=str(params["command"]),
        directory=params.get("directory"),
        seconds=int(params.get("timeout_seconds", 600)),
    )


def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    job = _job(spec.params)
    ran = facts.jobs.get(job.key)
    if ran is None:
        return result(
            spec,
            Outcome.NOT_YET,
            f"`{job.what}` was not run on this tree yet",
            remedy="Request the transition: the judge runs the command then.",
        )
    if ran.problem or ran.exit_code is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            ran.problem or f"how `{job.what}` ended is not known",
            remedy=ran.remedy or "interlock evidence TASK shows what it printed.",
            facts=_seen(job, ran),
        )
    wanted = spec.params.get("exit_code", 0)
    if ran.exit_code in _NOT_RUN and wanted != ran.exit_code:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"a program of `{job.what}` {_NOT_RUN[ran.exit_code]}: {_last_line(ran)}",
            remedy="Have environment.setup of the workflow install it.",
            facts=_seen(job, ran),
        )
    is_right = ran.exit_code != 0 if wanted == NONZERO else ran.exit_code == wanted
    if is_right:
        said = f"`{job.what}` ended with {ran.exit_code}"
        return result(spec, Outcome.PASS, said, facts=_seen(job, ran))
    return result(
        spec,
        Outcome.FAIL,
        f"`{job.what}` ended with {ran.exit_code}, not with {wanted}: {_last_line(ran)}",
        remedy=f"Run it yourself, and mend what it finds: {job.what}",
        facts=_seen(job, ran),
    )


def _last_line(ran: JobFacts) -> str:
    lines = [line.strip() for line in ran.output.splitlines() if line.strip()]
    return lines[-1][:_SHOWN] if lines else "it printed nothing"


def _seen(job: Job, ran: JobFacts) -> dict[str, object]:
    return {"command": job.what, "exit_code": ran.exit_code, "output": ran.output[-_SHOWN:]}


def _wrong(settings: Settings) -> str:
    never = settings.get("exit_code", 0) == 0 and ending(settings["command"]) is Ending.NEVER_WELL
    return "cannot pass: its command never ends well" if never else ""


_LINT = {"command": "make lint"}


def _ended(exit_code: int) -> GateFacts:
    return GateFacts(jobs={_job(_LINT).key: JobFacts(exit_code=exit_code)})


KIND = CheckKind(
    name="command",
    passes_when="a command that the judge runs on the tree ends with the expected exit code",
    schema=settings(
        "command",
        command={
            "type": "string",
            "minLength": 1,
            "format": "command",
            "title": "a command as for a shell",
            "description": "run in the judge's sandbox with the workflow's environment, without "
            "network; one that cannot fail is refused",
        },
        exit_code={
            "anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"const": NONZERO}],
            "default": 0,
            "title": f"a whole number from 0 to 255 or '{NONZERO}'",
            "description": "how it has to end",
        },
        directory={
            "type": "string",
            "minLength": 1,
            "format": "path",
            "title": "a path in the tree",
            "description": "where it starts; without it, `environment.directory`",
        },
        timeout_seconds=whole(
            "time it has; one that takes longer leaves the check `undetermined`",
            least=1,
            most=3600,
            default=600,
        ),
    ),
    wrong=_wrong,
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(passes=_ended(0), fails=_ended(2), params=_LINT),
)
