"""``interlock why``: the way out of a phase as a tree, and the least that opens it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from interlock.cli.bases import told
from interlock.cli.levels import at_levels
from interlock.cli.modes import mode_lines
from interlock.cli.output import clean, emit, json_option, readable
from interlock.cli.place import client, task_named
from interlock.cli.tasks import work
from interlock.core.gates.catalog import CHECKS

__all__ = ["why"]

_GLYPHS = {
    "pass": "✓ pass",
    "fail": "✗ fail",
    "warn": "! warn",
    "not_yet": "… not yet",
    "not_applicable": "- not applicable",
    "undetermined": "? undetermined",
}
_STATUS = {"passed": "✓ passed", "blocked": "✗ blocked", "awaiting_approval": "… awaiting approval"}
_KINDS = {"artifact": "document", "rule": "rule", "check": "check", "approval": "approval"}
_PLACES = (("at", "position"), ("since", "since"))
_FACTS_SHOWN = 8


@click.command()
@click.argument("task_id")
@json_option
def why(task_id: str, as_json: bool) -> None:
    """Why a task is where it is, and the command that helps."""
    connection = client()
    found = connection.why(task_named(connection, task_id))
    emit(found, as_json=as_json, text=_tree(found))


def _tree(found: dict[str, Any]) -> str:
    task, gate = found["task"], found["gate"]
    lines = [f"{task['task_id']}  {task['status']} in {task['phase']}: {clean(task['title'])}"]
    lines += mode_lines(task)
    levels = at_levels(task["confinement"], task["judged"])
    lines.append(f"{levels[0].upper()}{levels[1:]}")
    lines += [f"work: {line}" for line in work(task)]
    if request := found.get("request"):
        lines.append(
            f"As judged at the last request: attempt {request['attempt']}, tree {request['tree']}"
        )
        if not request["is_kept"]:
            lines.append(
                f"The work of attempt {request['attempt']} was not kept: "
                f"the next one starts from tree {task['tree']}."
            )
    said: set[str] = set()
    if gate:
        lines += _gate(gate, task["task_id"], said)
    for blocker in (*task["blockers"], *task["notices"]):
        if blocker["message"] not in said:
            said.add(blocker["message"])
            lines += [f"✗ {clean(blocker['message'])}", *_remedy("  ", blocker["remedy"])]
    lines += [f"base: {line}" for line in told(task["base"])]
    if task["waiting_for"]["command"]:
        lines.append(f"next: {clean(task['waiting_for']['command'])}")
    return "\n".join(lines)


def _gate(gate: dict[str, Any], task_id: str, said: set[str]) -> list[str]:
    """The gate with everything below it, then what is missing at least."""
    name = f"gate {gate['gate']}" if gate["gate"] else "the documents (no gate)"
    where = f", {clean(gate['position'])}" if gate["position"] else ""
    since = f" since {clean(gate['since'])}" if gate["since"] else ""
    lines = [f"└─ {name} → {gate['target']}: {_STATUS[gate['status']]}{since}{where}"]
    unbuilt = [check["check"] for check in gate["checks"] if _is_unbuilt(check)]
    approval = [gate["approval"]] if gate["approval"] else []
    shown = [*gate["artifacts"], *(c for c in gate["checks"] if not _is_unbuilt(c)), *approval]
    for node in shown:
        lines += _node(node, "   ", task_id)
        for rule in node.get("rules", ()):
            lines += _node(rule, "   │    ", task_id)
            said.add(rule["message"])
        said.add(node["message"])
    if unbuilt:
        text = f"   └─ not measured in this version: {', '.join(map(clean, unbuilt))}"
        lines.append(click.style(text, dim=True))
    lines += _missing(gate["missing"], said)
    return lines


def _is_unbuilt(check: dict[str, Any]) -> bool:
    """Known, not built yet, and keeping nothing shut: not worth more than its name."""
    known = CHECKS.get(check["check"])
    return known is not None and not known.built and check["severity"] != "blocking"


def _node(node: dict[str, Any], indent: str, task_id: str) -> list[str]:
    """One line that says how it stands; below it, unless it just holds, why and where."""
    glyph, kind = _GLYPHS[node["outcome"]], _KINDS[node["kind"]]
    head = f"{indent}├─ {glyph}  {kind} {clean(node['check'])}{_weight(node)}"
    if node["outcome"] in ("pass", "not_applicable") and node["kind"] in ("artifact", "rule"):
        return [head]
    below = f"{indent}│    "
    lines = [head, f"{below}{clean(node['message'])}"]
    lines += [f"{below}{line}" for line in _facts(node["facts"], task_id)]
    if node["outcome"] in ("pass", "not_applicable"):
        return lines
    if node["because"]:
        lines.append(f"{below}follows from: {clean(node['because'])}")
    there = (f"{word} {clean(node[key])}" for word, key in _PLACES if node[key])
    if places := ", ".join(there):
        lines.append(f"{below}{places}")
    if not node["would_block"] and not node["because"]:
        lines += _remedy(below, node["remedy"])
    return lines


def _weight(node: dict[str, Any]) -> str:
    """What a result that is not a pass does to its gate."""
    if node["outcome"] in ("pass", "not_applicable") or node["kind"] == "approval":
        return ""
    if node["would_block"]:
        return " (blocks)" if node["blocks"] else " (would block, let through)"
    if node["kind"] == "check" and node["severity"] != "blocking":
        return f" ({node['severity']}: does not block)"
    return " (does not block)" if node["outcome"] == "warn" else ""


def _facts(facts: dict[str, Any], task_id: str) -> Iterable[str]:
    """What was looked at, as far as there is something to see."""
    there = {key: value for key, value in facts.items() if value not in ({}, [], "", None)}
    lines = readable(there, "  ") if there else []
    if len(lines) > _FACTS_SHOWN:
        rest = len(lines) - _FACTS_SHOWN
        lines = [*lines[:_FACTS_SHOWN], f"  … {rest} more → interlock why {task_id} --json"]
    return lines


def _missing(missing: list[dict[str, Any]], said: set[str]) -> list[str]:
    """The least that opens the way, who can do it and how; messages stand in the tree."""
    if not missing:
        return []
    lines = ["To get through, this is enough:" if len(missing) == 1 else "To get through, all of:"]
    for number, leaf in enumerate(missing, start=1):
        what = leaf["what"]
        if leaf["message"] not in said:
            said.add(leaf["message"])
            what = leaf["message"]
        lines.append(f"  {number}. {clean(what)} (by {clean(leaf['who'])})")
        lines += _remedy("     ", leaf["remedy"])
    return lines


def _remedy(indent: str, remedy: str) -> list[str]:
    return [f"{indent}→ {clean(remedy)}"] if remedy else []
