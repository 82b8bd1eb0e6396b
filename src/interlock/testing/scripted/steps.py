"""Carrying out steps, one after the other, each with one line that says how it ended.

A step that ends otherwise than expected is counted and the next one runs: a trick that goes
through has to be seen whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from interlock.errors import ConflictError, DeniedError, InterlockError
from interlock.sdk.client import AgentClient
from interlock.sdk.exchange import ToolDeniedError
from interlock.testing.scripted.counts import counts
from interlock.testing.scripted.native import run_native, run_python
from interlock.testing.scripted.rawhttp import request
from interlock.testing.scripted.script import kind_of
from interlock.testing.scripted.values import filled

__all__ = ["DETAIL", "Steps", "report"]

DETAIL = 500
"""Characters of a step's detail."""

_DEFAULT = {
    "tool": "allowed",
    "check": "allowed",
    "native": "ok",
    "python": "ok",
    "artifact": "allowed",
    "transition": "allowed",
    "await": "allowed",
}
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")

Ended = tuple[str, str, Any]
"""Outcome, detail, and the value that ``save`` keeps."""


def report(step: str, kind: str, outcome: str, detail: str, **more: Any) -> None:
    """One JSON line on standard output; no token is in it."""
    shown = _TOKEN.sub("(token)", detail)[:DETAIL]
    line = {"step": step, "kind": kind, "outcome": outcome, "detail": shown, **more}
    print(json.dumps(line, ensure_ascii=True), flush=True)


class Steps:
    """The steps of one phase over one client.

    Args:
        client: has claimed its task.
        task: as the claim gave it.
    """

    def __init__(self, client: AgentClient, task: Mapping[str, Any]) -> None:
        self._client = client
        self._task = task
        self._saved: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}
        self.unexpected: list[str] = []
        self.count = 0
        self._kinds: Mapping[str, Callable[[Mapping[str, Any]], Ended]] = {
            "tool": self._tool,
            "check": self._check,
            "native": lambda s: _native(run_native(s["native"], s.get("seconds"))),
            "python": lambda s: _native(run_python(s["python"], s.get("seconds"))),
            "artifact": self._artifact,
            "transition": self._transition,
            "await": self._await,
            "http": self._http,
            "say": lambda s: ("ok", str(s["say"]), s["say"]),
        }

    def run(self, steps: Sequence[Mapping[str, Any]], where: str) -> None:
        """Run steps; ``where`` names them in the report: ``IMPL/2``, below it ``IMPL/2/1``."""
        for number, step in enumerate(steps, 1):
            self._one(step, f"{where}/{number}")

    def _one(self, step: Mapping[str, Any], name: str) -> None:
        kind = kind_of(step)
        self.count += 1
        try:
            rest = {key: value for key, value in step.items() if key != "on_blocked"}
            outcome, detail, value = self._kinds[kind](filled(rest, self._known()))
        except ToolDeniedError as error:
            outcome, detail, value = "denied", _why(error), dict(error.decision)
        except DeniedError as error:
            outcome, detail, value = "denied", _said(error.code, error.problem()), error.problem()
        except InterlockError as error:
            outcome, detail, value = "error", _said(error.code, error.problem()), error.problem()
        if "save" in step:
            self._saved[str(step["save"])] = value
        ok = _meets(outcome, step.get("expect", _DEFAULT.get(kind, "any")))
        if not ok:
            self.unexpected.append(name)
        report(name, kind, outcome, detail, ok=ok)
        if outcome == "blocked":
            self.run(step.get("on_blocked") or (), name)

    def _known(self) -> dict[str, Any]:
        return {
            "now": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tree": self._task["tree"],
            "phase": self._client.current_phase,
            "role": self._task["role"],
            "task_id": self._task["task_id"],
            "token": self._client.phase_token,
            "workdir": os.getcwd(),
            "saved": self._saved,
        }

    # -- kinds -----------------------------------------------------------------------------

    def _tool(self, step: Mapping[str, Any]) -> Ended:
        value = self._client.use_tool(step["tool"], **(step.get("args") or {}))
        if step["tool"] == "run_tests" and isinstance(value, Mapping):
            value = counts(value)
        return "allowed", _short(value), value

    def _check(self, step: Mapping[str, Any]) -> Ended:
        decision = self._client.check_tool(step["check"], **(step.get("args") or {}))
        return ("allowed" if decision["allowed"] else "denied"), _short(decision), decision

    def _artifact(self, step: Mapping[str, Any]) -> Ended:
        value = self._client.submit_artifact(step["artifact"], step.get("content"))
        return "allowed", _short(value), value

    def _transition(self, step: Mapping[str, Any]) -> Ended:
        self._asked = self._client.request_transition(
            step["transition"], step.get("artifacts"), wait_s=step.get("wait")
        )
        return _answered(self._asked)

    def _await(self, step: Mapping[str, Any]) -> Ended:
        if not self._asked:
            raise ConflictError(
                "no transition was asked for",
                code="IL-SCR-005",
                remedy="Put a transition step before the await step.",
            )
        self._asked = self._client.await_transition(self._asked, wait_s=step.get("wait"))
        return _answered(self._asked)

    def _http(self, step: Mapping[str, Any]) -> Ended:
        sent = step["http"]
        token = sent.get("token", self._client.phase_token)
        answer = request(sent, self._client.url, None if token in (None, "none") else str(token))
        outcome = str(answer["status"]) if answer["status"] else "unreachable"
        return outcome, _told(answer), answer


def _native(result: dict[str, Any]) -> Ended:
    outcome = "ok" if result["exit_code"] == 0 else "fails"
    said = str(result["output"]).strip()
    return outcome, f"exit {result['exit_code']}: {said[-(DETAIL - 20) :]}", counts(result)


def _answered(answer: Mapping[str, Any]) -> Ended:
    blockers = answer.get("blockers") or ()
    detail = "; ".join(_said(str(b.get("rule", "?")), b) for b in blockers)
    if "gate" in answer:
        detail = f"waits for a person at gate {answer['gate']}"
    return str(answer["status"]), detail or str(answer.get("phase", "")), dict(answer)


def _why(error: ToolDeniedError) -> str:
    reasons = error.decision.get("reasons") or ()
    rules = ", ".join(str(reason.get("rule", "?")) for reason in reasons)
    return _said(rules or error.code, error.problem())


def _told(answer: Mapping[str, Any]) -> str:
    """What a raw answer says: in its own words where it is a refusal, as it stands else."""
    body = answer["json"]
    if isinstance(body, Mapping) and body.get("blockers"):
        return _answered(body)[1]
    if isinstance(body, Mapping) and "detail" in body:
        return _said(str(body.get("code", answer["status"])), body)
    return str(answer["body"])


def _said(rule: str, said: Mapping[str, Any]) -> str:
    """A reason or a problem as one sentence: rule, what happened, what to do."""
    remedy = said.get("remedy")
    text = f"{rule}: {said.get('detail') or said.get('message', '')}"
    return f"{text} → {remedy}" if remedy else text


def _meets(outcome: str, expected: Any) -> bool:
    """Whether it ended as expected; statuses may be given as ``4xx`` and as a list."""
    wanted = expected if isinstance(expected, list) else [expected]
    return any(
        str(one) in ("any", outcome) or (str(one) == f"{outcome[0]}xx" and outcome.isdigit())
        for one in wanted
    )


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and "output" in value:
        return f"exit {value.get('exit_code')}: {str(value['output']).strip()[-(DETAIL - 20) :]}"
    return json.dumps(value, ensure_ascii=False, default=str)[:DETAIL]
