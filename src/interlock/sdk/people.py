"""What surfaces for people use: the people's door as methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interlock.sdk.exchange import call, result, segment
from interlock.sdk.transport import Transport

__all__ = ["PeopleClient"]

_V1 = "/api/v1"


class PeopleClient:
    """A person's connection.

    Args:
        url: ``unix:/path/to/people.sock`` or ``http://127.0.0.1:PORT``.
        patience_s: seconds over which calls are repeated while nobody answers.
        session: session token, needed over TCP.
    """

    def __init__(self, url: str, *, patience_s: float = 0.0, session: str | None = None) -> None:
        self._transport = Transport(url, patience_s=patience_s)
        self._session = session

    def close(self) -> None:
        """Drop the connection."""
        self._transport.close()

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        sent = call("GET", f"{_V1}{path}", token=self._session, query=query)
        return result(self._transport.send(sent))

    def _post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
        sent = call("POST", f"{_V1}{path}", body, token=self._session, key=key)
        return result(self._transport.send(sent))

    def login(self, passphrase: str, *, name: str = "owner") -> None:
        """Get a session token by a person's passphrase (TCP only)."""
        body = {"passphrase": passphrase, "name": name}
        self._session = str(self._post("/session", body)["session"])

    def about(self) -> dict[str, Any]:
        """What the server is and what its machine can prevent."""
        return self._get("/about")

    def tasks(self) -> list[dict[str, Any]]:
        """Every task, oldest first."""
        found: list[dict[str, Any]] = self._get("/tasks")["tasks"]
        return found

    def create_task(
        self,
        title: str,
        *,
        description: str = "",
        depends_on: Sequence[str] = (),
        capabilities: Sequence[str] = (),
        priority: int = 0,
        agent: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Make a task.

        Args:
            agent: programs: ``author``, ``reviewers`` by role (or ``default``), ``max_attempts``.
            key: repeated with the same key it is the same task.
        """
        body = {
            "title": title,
            "description": description,
            "depends_on": list(depends_on),
            "capabilities": list(capabilities),
            "priority": priority,
            "agent": dict(agent or {}),
        }
        return self._post("/tasks", body, key)

    def task(self, task_id: str) -> dict[str, Any]:
        """One task."""
        return self._get(f"/tasks/{segment(task_id)}")

    def why(self, task_id: str) -> dict[str, Any]:
        """Why the task is where it is: gate → check → fact."""
        return self._get(f"/tasks/{segment(task_id)}/why")

    def evidence(self, task_id: str) -> dict[str, Any]:
        """Everything that is known about a task."""
        return self._get(f"/tasks/{segment(task_id)}/evidence")

    def inbox(self) -> list[dict[str, Any]]:
        """What waits for a person."""
        found: list[dict[str, Any]] = self._get("/inbox")["waiting"]
        return found

    def approve(
        self,
        task_id: str,
        gate: str,
        *,
        passphrase: str = "",
        name: str = "",
        reason: str = "",
        binding: str | None = None,
    ) -> dict[str, Any]:
        """Let a waiting gate through.

        Args:
            passphrase: needed unless the item's ``strength`` in the inbox is ``session``.
            name: whose passphrase it is, where that is not the caller's.
        """
        body = {"passphrase": passphrase, "name": name, "reason": reason, "binding": binding}
        return self._post(f"/tasks/{segment(task_id)}/gates/{segment(gate)}/approve", body)

    def reject(
        self,
        task_id: str,
        gate: str,
        *,
        passphrase: str,
        reason: str,
        binding: str | None = None,
    ) -> dict[str, Any]:
        """Refuse a waiting gate."""
        body = {"passphrase": passphrase, "reason": reason, "binding": binding}
        return self._post(f"/tasks/{segment(task_id)}/gates/{segment(gate)}/reject", body)

    def abort(self, task_id: str, *, passphrase: str, reason: str = "") -> dict[str, Any]:
        """End a task for good."""
        body = {"passphrase": passphrase, "reason": reason}
        return self._post(f"/tasks/{segment(task_id)}/abort", body)

    def resume(self, task_id: str) -> dict[str, Any]:
        """Try a phase again whose session ended by itself."""
        return self._post(f"/tasks/{segment(task_id)}/resume", {})

    def trusted(self) -> dict[str, Any]:
        """The environment recipe of the workflow at HEAD, and whether somebody trusts it."""
        return self._get("/trust")

    def trust(self, *, passphrase: str, digest: str = "") -> dict[str, Any]:
        """Trust the environment recipe of the workflow at HEAD.

        Args:
            digest: of the recipe that the person was shown; another one is refused.
        """
        return self._post("/trust", {"passphrase": passphrase, "digest": digest})

    def environments(self) -> dict[str, Any]:
        """Test environments that were built here; ``present`` is the digest of HEAD's."""
        return self._get("/environments")

    def build_environment(self, *, newer_than: float = 0.0, wait_s: float = 0.0) -> dict[str, Any]:
        """Build the environment of the recipe at HEAD; ask the same again while it is building.

        Args:
            newer_than: seconds since the epoch: one that was built before is built anew.
            wait_s: seconds to wait for it.
        """
        body = {"newer_than": newer_than, "wait": wait_s}
        return self._post("/environments/build", body)

    def prune_environments(self) -> dict[str, Any]:
        """Remove environments that nobody uses and no open task has."""
        return self._post("/environments/prune", {})

    def events(
        self,
        after: int = 0,
        *,
        types: Sequence[str] = (),
        task_id: str | None = None,
        wait_s: float = 0.0,
        limit: int = 500,
        delivered: bool = False,
    ) -> tuple[list[dict[str, Any]], int]:
        """Events after a cursor, and the next cursor.

        Args:
            delivered: only those that the workflow of each one's task delivers
                (``coordination.event_bus.events``), as a subscriber gets them.
        """
        query = {
            "after": after,
            "type": list(types) or None,
            "task": task_id,
            "wait": wait_s,
            "limit": limit,
            "stored": None if delivered else "true",
        }
        answer = self._get("/events", query)
        return answer["events"], int(answer["cursor"])
