"""The reference pages, made out of the code: `python tools/docs.py` writes, a test compares."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from interlock.cli.main import cli
from interlock.core.condition_facts import FACTS
from interlock.core.conditions import FUNCTIONS, MACROS, MOST_TEXT
from interlock.core.events import EVENT_KINDS, EventType
from interlock.core.gates.registry import CHECKS
from interlock.core.model import WorkflowSpec
from interlock.core.states import GATE, HOLDER, STATUS_KEPT, TABLE, TaskStatus
from interlock.definition.explanations import explanations, page
from interlock.definition.packs import load_pack
from interlock.errors import InterlockError
from interlock.server.doors import requests
from interlock.server.doors.agent import AGENT_ROUTES, AgentDoor
from interlock.server.doors.check import CHECK
from interlock.server.doors.people import PEOPLE_ROUTES, PeopleDoor
from interlock.server.settings import SETTINGS

DOCS = Path(__file__).parent.parent / "docs"
BODIES: dict[str, Any] = {
    "claim": requests.ClaimBody,
    "transition": requests.TransitionBody,
    "execute": requests.ToolBody,
    "check": requests.ToolBody,
    "refresh": requests.TokenBody,
    "create": requests.TaskBody,
    "login": requests.SessionBody,
    "approve": requests.ApprovalBody,
    "reject": requests.DecisionBody,
    "abort": requests.ReasonBody,
    "trust": requests.TrustBody,
    "build": requests.BuildBody,
}
A_TASK = "the task"
ANSWERS: dict[str, str] = {
    "check": "`allowed`, `tool`, `reasons`, `would_have_been_denied`?",
    "execute": "`result`, `would_have_been_denied`?",
    "claim": "`task`, `phase`, `phase_token`",
    "transition": "`allowed`, `status`, `transition_id`, `phase`, `blockers`, `gate`?, "
    "`would_have_been_blocked`?",
    "transition_status": "`allowed`, `status`, `transition_id`, `phase`, `blockers`, `gate`?, "
    "`would_have_been_blocked`?",
    "snapshot": "`task`, `role`, `is_author`, `confinement`, `current_phase`, `task_dependencies`, "
    "`completed_tasks`, `blockers`: of the last four those that the workflow lists",
    "refresh": "`phase_token`",
    "health": "`status`",
    "login": "`session`, and the same as a cookie",
    "logout": "`session`",
    "tasks": "`tasks`",
    "create": A_TASK,
    "task": A_TASK,
    "why": "`task`, `gate`, `request`?",
    "evidence": "the bundle",
    "abort": A_TASK,
    "resume": A_TASK,
    "approve": A_TASK,
    "reject": A_TASK,
    "inbox": "`waiting`",
    "events": "`events`, `cursor`",
    "trusted": "`digest`, `environment`, `trusted`, `proposed`, `why`, `notes`, "
    "`commands`, `secrets`",
    "environments": "`environments`, `present`",
    "build": "`building`, `digest`?",
    "prune": "`removed`",
    "trust": "`digest`, `environment`",
    "about": "`repository`, `state`, `level`, `reasons`, `notices`, `settings`",
}
"""Handler → what is in its answer; `tests/server/test_answers.py` compares."""
QUERIES = {"transition_status": "?wait=", "events": "?after=&type=&task=&limit=&wait=&stored="}
STATUSES = {
    "claim": "200, 403",
    "health": "200",
    "login": "201, 401",
    "logout": "200",
    "create": "201, 404",
    "check": "200, 401, 403, 409",
    "execute": "200, 401, 403, 404, 409",
    "transition_status": "200, 401, 403, 404",
    "abort": "200, 401, 404, 409",
    "approve": "200, 401, 404, 409",
    "reject": "200, 401, 404, 409",
    "resume": "200, 404, 409",
    "trust": "200, 401, 409, 422",
    "build": "200, 403, 422",
    **dict.fromkeys(("transition", "snapshot", "refresh"), "200, 401, 403, 409"),
    **dict.fromkeys(("task", "why", "evidence"), "200, 404"),
    **dict.fromkeys(
        ("tasks", "inbox", "events", "trusted", "environments", "prune", "about"), "200"
    ),
}
Routes = Iterable[tuple[str, str, str]]


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")


def _fields(body: Any) -> str:
    if body is None:
        return "-"
    shown = []
    for field in msgspec.structs.fields(body):
        shown.append(f"`{field.name}`" if field.required else f"`{field.name}`?")
    return ", ".join(shown)


def _routes(table: Routes, door: type[Any]) -> list[str]:
    rows = ["| call | what it is | body | answer | statuses |", "|---|---|---|---|---|"]
    for method, path, name in table:
        what = "The decision on a tool call." if name == "check" else getattr(door, name).__doc__
        call = f"`{method} {path}{QUERIES.get(name, '')}`"
        cells = (call, _first(what), _fields(BODIES.get(name)), ANSWERS[name], STATUSES[name])
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _errors(kind: type[InterlockError]) -> list[type[InterlockError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in _errors(child))]


def api() -> str:
    """Both doors, their bodies and the one shape of errors."""
    ours = [kind for kind in _errors(InterlockError) if kind.__module__ == "interlock.errors"]
    statuses = [
        f"| {kind.http_status} | {kind.exit_code} | `{kind.__name__}` | {_first(kind.__doc__)} |"
        for kind in sorted(ours[1:], key=lambda kind: kind.http_status)
    ]
    lines = [
        "# API",
        "",
        "Two doors. A session's agent door is a loopback port of its own; the phase token travels",
        "as `Authorization: Bearer` (a `phase_token` in a body must agree). The people's door is a",
        "Unix socket for its owner (`run/people.sock` in the state directory) and a loopback port",
        "that wants a session from `POST /api/v1/session`. Fields with `?` may be left out. Every",
        "POST takes an `Idempotency-Key`: repeated under it, it is the same command; another",
        "request under it is refused with 409.",
        "",
        "Every route may also answer 400 (not JSON: equal keys, NaN, nesting over 64 levels, a",
        "key over 200 characters), 403 (a Host or Origin that is not the door's own), 413 (a body",
        "over 1 MiB; over 8 MiB where artifacts or files travel; over 64 KiB where the head does",
        "not say who sends it), 422 (JSON of another shape), 500 and 503; the people's port 401",
        "without a login. Who sends is known before a body is read. After five wrong passphrases",
        "from one side the next is looked at after 30 s, then 60 s, up to 15 minutes. GET changes",
        "nothing.",
        "",
        "## Agent door",
        "",
        *_routes((("POST", CHECK, "check"), *AGENT_ROUTES), AgentDoor),
        "",
        "A gate or document that is not accepted is an answer with `blockers`, not an error. A",
        "slow gate answers `pending`; `GET …/transition/{id}?wait=20` waits for its end.",
        "",
        "## People's door",
        "",
        *_routes(PEOPLE_ROUTES, PeopleDoor),
        "",
        "## Errors",
        "",
        "One shape, RFC 9457: `type`, `title`, `status`, `detail`, `code` (stable), `remedy` (the",
        "command that helps), `retryable`, `context`.",
        "",
        "| status | exit code of the command | title | when |",
        "|---|---|---|---|",
        *statuses,
        "",
    ]
    return "\n".join(lines)


def configuration() -> str:
    """Every setting with its variable."""
    rows = [
        f"| `{key}` | `ORCHESTRATOR_{key.replace('.', '_').upper()}` | `{known.default}` | "
        f"{known.meaning} |"
        for key, known in SETTINGS.items()
    ]
    lines = [
        "# Configuration",
        "",
        "`.orchestrator/config.yaml` in the repository; environment variables win over it. The",
        "stricter of two modes counts; this release acts on `strict` only and treats the others",
        "as strict (`interlock up` and the load of a workflow say so). What does not fit keeps the",
        "server from starting: exit 7, with the file or variable.",
        "",
        "| setting | variable | default | meaning |",
        "|---|---|---|---|",
        *rows,
        "",
        "`ORCHESTRATOR_JWT_SECRET` (at least 32 bytes) replaces the generated secret of phase",
        "tokens; `XDG_STATE_HOME` says where state lies. Sessions get `INTERLOCK_URL`,",
        "`INTERLOCK_AGENT_ID`, `INTERLOCK_PROMPT_FILE` and `INTERLOCK_LIB`; none is a secret.",
        "",
    ]
    return "\n".join(lines)


def _commands(group: click.Group, before: str) -> Iterable[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before} {name}")
        elif command is not None:
            yield f"{before} {name}", command


def command_line() -> str:
    """Every command with what its own help says."""
    lines = ["# Command line", "", _first(inspect.getdoc(cli.callback)), ""]
    for name, command in _commands(cli, "interlock"):
        lines += [f"## `{name}`", "", _first(command.help), ""]
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                flags = " ".join(f"`{flag}`" for flag in parameter.opts + parameter.secondary_opts)
                lines.append(f"- {flags}: {_first(parameter.help)}")
            elif isinstance(parameter, click.Argument):
                lines.append(f"- `{parameter.human_readable_name}`")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


Edges = Mapping[tuple[str, str, str], None]
"""From, to, event; ``[*]`` is where a machine begins or ends."""


def of_tasks() -> Edges:
    """The table of tasks; a task begins before its first event."""
    names = {TaskStatus.NEW: "[*]"}
    return {
        (names.get(source, source.value), target.value, event.value): None
        for (source, event), target in TABLE.items()
    }


def of_part(place: Mapping[TaskStatus, str]) -> Edges:
    """The same table as one part of a task in one phase sees it.

    Args:
        place: status → place of the part; in a status that is not here there is no part.
    """
    found: dict[tuple[str, str, str], None] = {}
    for (source, event), target in TABLE.items():
        before, after = place.get(source, "[*]"), place.get(target, "[*]")
        if event is EventType.PHASE_CHANGED:
            after = "[*]"  # another phase has another gate and another attempt
        if before != after:
            found[before, after, event.value] = None
    return found


def _diagram(edges: Edges, outer: str = "") -> list[str]:
    """A Mermaid state diagram; edges that every place has are drawn once, around all of them."""
    inside = {place for before, after, _ in edges for place in (before, after)} - {"[*]"}
    leaving = {
        (after, event)
        for _, after, event in edges
        if outer and all((place, after, event) in edges for place in inside - FINAL)
    }
    shown = [edge for edge in edges if edge[1:] not in leaving]
    lines = [f"    {before} --> {after}: {event}" for before, after, event in shown]
    if leaving:
        # What ends there stands outside; the rest is one composite state.
        within = [line for line in lines if not any(f"--> {end}:" in line for end in FINAL)]
        begin = [line for line in within if "[*] -->" in line]
        within = [line for line in within if line not in begin]
        out = [line for line in lines if line not in (*begin, *within)]
        lines = [
            *begin,
            f"    state {outer} {{",
            *(f"    {line}" for line in within),
            "    }",
            *out,
        ]
        lines += [f"    {outer} --> {after}: {event}" for after, event in sorted(leaving)]
    ends = [f"    {place} --> [*]" for place in sorted(inside & FINAL)]
    return ["```mermaid", "stateDiagram-v2", *lines, *ends, "```", ""]


FINAL = {status.value for status in TaskStatus if status.is_final}


def _phases(workflow: WorkflowSpec) -> list[str]:
    ways = [
        f"    {t.source} --> {t.target}" + (f": {t.gate}" if t.gate else "")
        for t in workflow.transitions
    ]
    begin, end = (
        workflow.start.id,
        next(p.id for p in workflow.phases if workflow.is_terminal(p.id)),
    )
    lines = [f"    [*] --> {begin}", *ways, f"    {end} --> [*]: commit"]
    return ["```mermaid", "stateDiagram-v2", *lines, "```", ""]


def _moves() -> list[str]:
    rows = ["| event | what it says | from | to |", "|---|---|---|---|"]
    for event, kind in EVENT_KINDS.items():
        ways: dict[str, list[str]] = {}
        for (source, moved), target in TABLE.items():
            if moved is event:
                ways.setdefault(target.value, []).append(source.value)
        kept = sorted(status.value for status in STATUS_KEPT.get(event, ()))
        cells = [(", ".join(sources), target) for target, sources in ways.items()]
        what = _first(kind.__doc__).replace("``", "`")
        for source, target in cells or [(", ".join(kept), "stays")]:
            rows.append(f"| `{event.value}` | {what} | {source} | {target} |")
    return rows


def state_machine() -> str:
    """Tasks, attempts and gates as their tables have them, and the phases of the built-in pack."""
    lines = [
        "# State machine",
        "",
        "Made out of the tables in `core/states.py`. A status changes only by an event that stands",
        "there; everything else is refused, also while stored events are folded.",
        "",
        "## Task",
        "",
        *_diagram(of_tasks(), "open"),
        "## Attempt",
        "",
        "One session holds the phase. It is suspended while what it asked for is decided: no tool",
        "works, its tree is taken over once. Each attempt has an epoch of its own.",
        "",
        *_diagram(of_part({status: held.value for status, held in HOLDER.items()})),
        "## Gate",
        "",
        "The way out of the present phase. Only what was measured, or a person, opens it.",
        "",
        *_diagram(of_part({status: place.value for status, place in GATE.items()})),
        "## Phases",
        "",
        "Those of the built-in workflow `tdd`; on the way forward the gate that guards it. A task",
        "runs through the machine above once for each phase.",
        "",
        *_phases(load_pack("tdd").workflow),
        "## Every event",
        "",
        *_moves(),
        "",
    ]
    return "\n".join(lines)


def conditions() -> str:
    """What ``when`` may say, and the kinds of work that it is mostly asked about."""
    rows = ["| fact | is | what it says |", "|---|---|---|"]
    for name, fact in FACTS.items():
        values = ", ".join(f"`{value}`" for value in fact.values if value)
        rows.append(
            f"| `{name}` | {fact.type.value} | {fact.about}{f': {values}' if values else ''} |"
        )
    lines = [
        "# Conditions and kinds of work",
        "",
        "`when` stands on a phase, a gate or a check: an expression of CEL, true or false, over",
        "the facts below. It is checked when the file is read: names, types, values, no",
        f"comprehensions (`{'`, `'.join(MACROS)}`), at most {MOST_TEXT} characters. It may call",
        f"`{'`, `'.join(FUNCTIONS)}`.",
        "",
        *rows,
        "",
        "- A check whose condition is false is not applicable; a gate is passed, and its phase's",
        "  artifacts are still asked for; the way leads past a phase, to where its first edge",
        "  forward goes. All three are on record (`interlock show`, `interlock why`).",
        "- What was left out stays left out only as long as its condition stays false: at every",
        "  later way forward it is asked again, and if it holds by then, the way is shut until the",
        "  task has gone back there.",
        "- A condition that cannot be evaluated leaves nothing out: a check is undetermined, a",
        "  gate shut, a phase entered.",
        "",
        "## Kinds of work",
        "",
        "A plan may state its `kind`. The server reads from the diff what it is, and the stronger",
        "of the two counts: it goes up when the diff says more, and stays there until there is a",
        "new plan. Without a statement everything is a feature.",
        "",
        "| kind | the diff | shown by |",
        "|---|---|---|",
        "| `docs` | documentation alone: by name and ending, never a file that something runs | the"
        " base's tests, where there are any |",
        "| `dependencies` | manifests and lock files alone, and in them dependencies alone | the"
        " base's tests |",
        "| `refactor` | adds no public name and no parameter of one; no other value, default, base"
        " or test | the base's"
        " tests; new statements are run by them, faults in what changed or moved are noticed |",
        "| `fix`, `feature` | anything else | a test that fails first |",
        "",
        "`work_types` in the workflow: `allowed` (the kinds that there may be), `names` (words of",
        "the team's own → kind), `documentation` and `manifests` (further paths).",
        "",
    ]
    return "\n".join(lines)


def checks() -> str:
    """Every kind of check with what it passes for and its parameters."""
    lines = [
        "# Checks",
        "",
        "What stands under `check:` of a gate's `blockers`, with the parameters beside it. The",
        "outcome is `pass`, `fail`, `warn`, `not_yet`, `not_applicable` or `undetermined`; `fail`,",
        "`not_yet` and `undetermined` do not let through, and what was not measured is no pass.",
        "`interlock doctor` tries each kind on one input that it passes and one that it fails.",
        "",
        "A *reference* leads into a document: an artifact, or `file:` and a path in the tree (JSON",
        "or YAML), then `#` and a JSON Pointer in which `*` is every item, as in",
        "`plan_document#/acceptance_criteria/*/id`. A list that is referred to counts as its",
        "items. Path patterns are as in `.gitignore`, from the tree's root.",
        "",
    ]
    for name, kind in sorted(CHECKS.items()):
        lines += [f"## `{name}`", "", f"Passes when {kind.passes_when}.", ""]
        required = kind.schema.get("required", ())
        for key, schema in kind.parameters.items():
            what = f"{schema['title']}: {schema['description']}"
            lines.append(f"- `{key}`, {what}{_else(key, schema, required)}")
        lines += [""] if kind.parameters else []
    return "\n".join([*lines, *_OF_OTHERS, ""])


def _else(key: str, schema: Mapping[str, Any], required: Iterable[str]) -> str:
    if key in required:
        return " (has to be there)"
    default = schema.get("default")
    shown = ", ".join(map(str, default)) if isinstance(default, list) else default
    if shown in (None, ""):
        return ""
    return f" (default: {str(shown).lower() if isinstance(shown, bool) else shown})"


_OF_OTHERS = (
    "## Kinds of your own",
    "",
    "A distribution brings further kinds by entry points of the group `interlock.checks`, each a",
    "`CheckKind` (`interlock.core.gates.kind`) or a list of them: name, `passes_when`, JSON Schema",
    "of the parameters, `plan(parameters)` (what the judge has to run and the server to read),",
    "`evaluate(check, facts)`, and the two examples. All of it is pure. They are tried when a",
    "server starts and when a workflow is read; one that is broken is an error that names the",
    "distribution (exit 7). One that raises over the facts of a task leaves its check",
    "`undetermined`.",
)


def codes() -> str:
    """The list of the pages of codes."""
    lines = [
        "# Codes",
        "",
        "What `interlock validate` can say of a workflow file; each code has a page with an",
        "example that ends in it and what to do.",
        "`interlock validate --explain CODE` prints the page.",
        "",
        "| code | what it says |",
        "|---|---|",
        *(f"| [{code}]({code}.md) | {row.title} |" for code, row in explanations().items()),
        "",
    ]
    return "\n".join(lines)


PAGES: Mapping[str, Any] = {
    "checks.md": checks,
    "api.md": api,
    "configuration.md": configuration,
    "cli.md": command_line,
    "state-machine.md": state_machine,
    "conditions.md": conditions,
    "codes/README.md": codes,
    **{f"codes/{code}.md": partial(page, code) for code in explanations()},
}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(make(), encoding="utf-8")
