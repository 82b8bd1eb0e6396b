"""The API page says what answers hold."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from tests.engine.bench import DOCUMENTS
from tests.server.house import PASSPHRASE, Answer, House, at_house

ROOT = Path(__file__).parent.parent.parent
_spec = importlib.util.spec_from_file_location("docs_pages", ROOT / "tools" / "docs.py")
assert _spec is not None
assert _spec.loader is not None
pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pages)


def test_answers_hold_what_the_page_says(tmp_path: Path) -> None:
    checked: set[str] = set()

    def check(handler: str, answer: Answer) -> Answer:
        checked.add(handler)
        assert str(answer.status) in pages.STATUSES[handler].split(", ")
        names = set(re.findall(r"`(\w+)`(?!\?)", pages.ANSWERS[handler]))
        optional = set(re.findall(r"`(\w+)`\?", pages.ANSWERS[handler]))
        if names and answer.status < 300:
            assert set(answer.json) - optional == names, handler
        return answer

    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        v1, call = "/api/v1", {"tool_name": "Read", "args": {"path": "src/text.py"}}
        check("claim", await client.ask("POST", f"{v1}/tasks/claim", {}))
        check("check", await client.ask("POST", f"{v1}/tools/check", call, token=token))
        check("execute", await client.ask("POST", f"{v1}/tools/execute", call, token=token))
        check("snapshot", await client.ask("GET", f"{v1}/state/snapshot", token=token))
        check("refresh", await client.ask("POST", f"{v1}/tokens/refresh", token=token))
        check("health", await client.ask("GET", "/healthz"))
        body = {"current_phase": "PLAN", "target_phase": "TDD", "artifacts": DOCUMENTS["PLAN"]}
        asked = await client.ask("POST", f"{v1}/tasks/transition", body, token=token)
        where = check("transition", asked).headers["location"]
        shown = await client.ask("GET", where, token=token, query="wait=10")
        check("transition_status", shown)
        owner, yes = house.owner, {"passphrase": PASSPHRASE, "reason": "r"}
        for handler, path in (
            ("tasks", "/tasks"),
            ("task", f"/tasks/{task_id}"),
            ("why", f"/tasks/{task_id}/why"),
            ("evidence", f"/tasks/{task_id}/evidence"),
            ("inbox", "/inbox"),
            ("events", "/events"),
            ("trusted", "/trust"),
            ("environments", "/environments"),
        ):
            check(handler, await owner.ask("GET", f"{v1}{path}"))
        check("create", await owner.ask("POST", f"{v1}/tasks", {"title": "t"}))
        check("login", await owner.ask("POST", f"{v1}/session", {"passphrase": PASSPHRASE}))
        check("logout", await owner.ask("DELETE", f"{v1}/session"))
        for handler in ("build", "prune"):
            check(handler, await owner.ask("POST", f"{v1}/environments/{handler}", {}))
        check("trust", await owner.ask("POST", f"{v1}/trust", yes))
        for handler in ("approve", "reject"):
            gate = f"{v1}/tasks/{await house.waiting()}/gates/plan_approved/{handler}"
            check(handler, await owner.ask("POST", gate, yes))
            assert (await owner.ask("POST", gate, yes)).status == 409
        check("abort", await owner.ask("POST", f"{v1}/tasks/{task_id}/abort", yes))
        check("resume", await owner.ask("POST", f"{v1}/tasks/{task_id}/resume", {}))

    at_house(tmp_path, story)
    # What the server is, only a server that runs can say.
    assert set(pages.ANSWERS) - checked == {"about"}
    assert set(pages.STATUSES) == set(pages.ANSWERS)
