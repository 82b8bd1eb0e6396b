"""The client's methods as an agent has to know them: call, the tool behind it, what comes back."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["METHODS", "table"]

METHODS: tuple[tuple[str, str, str], ...] = (
    ("claim_task()", "", "the task: `task_id`, `title`, `description`, `phase`, `role`, `tree`"),
    (
        'request_transition("PHASE", {type: document})',
        "",
        "`allowed`, `status` (allowed, blocked, pending), `blockers` with `message` and `remedy`",
    ),
    ("submit_artifact(type, document)", "submit_artifact", "`accepted`; raises if it does not fit"),
    ("artifact(type)", "read_artifact", "the document that was handed in, by any phase"),
    ("get_state_snapshot()", "", "`task`, `current_phase`, `blockers`, `task_dependencies`"),
    ("check_tool(name, **args)", "", "`allowed` and `reasons`, without doing it"),
    ("read_file(path)", "read_files", "the whole text"),
    ("glob(pattern)", "glob", "`paths`"),
    ("grep(pattern, glob=None)", "grep", "`hits`: lists of path, line, text"),
    ("write_file(path, content)", "write_files", "`path`; parents are made"),
    ("edit_file(path, old, new)", "edit_files", "`path`; `old` must stand there exactly once"),
    ("run_tests(command=None, seconds=600)", "run_tests", "`exit_code`, `output`"),
    ("run_command(command, seconds=120)", "bash", "`exit_code`, `output`"),
    (
        "use_tool(name, **args)",
        "",
        "the result of any tool by name; raises ToolDeniedError (a PermissionError)",
    ),
)
"""Call, canonical tool ("" for what every session has), what it returns."""


def table(tools: Collection[str]) -> str:
    """The methods that these tools make useful, as a table."""
    rows = [f"| `client.{call}` | {gives} |" for call, tool, gives in METHODS if _fits(tool, tools)]
    return "\n".join(("| call | returns |", "|---|---|", *rows))


def _fits(tool: str, tools: Collection[str]) -> bool:
    return not tool or tool in tools
