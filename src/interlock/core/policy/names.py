"""What tools are called: one table from the names agent programs use to the names workflows use.

A name outside the table (and outside the workflow's own ``tools``) has no canonical form: whoever
asks gets ``None`` and denies. Lookup is exact; a program that spells a tool in another way gets an
entry of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

__all__ = [
    "CANONICAL",
    "COMMANDS",
    "KIN",
    "PROTOCOL",
    "READING",
    "WRITING",
    "canonical",
    "names_for",
]

WRITING: Final = frozenset({"write_files", "edit_files", "multi_edit"})
"""Tools whose targets must be writable in the phase."""

READING: Final = frozenset({"read_files", "search_codebase", "grep", "glob"})
"""Tools that only look at files of the tree."""

COMMANDS: Final = frozenset({"bash", "run", "run_tests"})
"""Tools that start programs."""

PROTOCOL: Final = frozenset(
    {"submit_artifact", "read_artifact", "request_approval", "ask_user_question", "status"}
)
"""The server's own tools: allowed in every phase that does not forbid them."""

KIN: Final = {
    "multi_edit": "edit_files",
    "edit_files": "write_files",
    "bash_output": "bash",
    "bash_kill": "bash",
}
"""Tool → the tool whose permission it takes over in a phase that does not mention it."""

_SPELLINGS: Final = {
    "read_files": (
        "Read read read_file readFile read_many_files ReadFile NotebookRead view View view_image "
        "view_file list_directory list LS ls list_dir ReadMcpResource"
    ),
    # Patches and editors of many trades add and delete files too: they need the strongest right.
    "write_files": (
        "Write write write_file writeFile WriteFile create create_file Create apply_patch "
        "ApplyPatch patch delete_file move_file str_replace_editor str_replace_based_edit_tool"
    ),
    "edit_files": (
        "Edit edit edit_file editFile replace str_replace StrReplace NotebookEdit edit_notebook "
        "search_replace"
    ),
    "multi_edit": "MultiEdit multiedit multiEdit edit_multiple_files",
    "search_codebase": "codebase_search search_code SearchCodebase semantic_search",
    "grep": "Grep grep_search search_file_content rg ripgrep",
    "glob": "Glob file_search find_files glob_file_search",
    "bash": (
        "Bash shell Shell local_shell exec_command write_stdin run_shell_command run_command "
        "execute_command run_terminal_cmd run_in_terminal container.exec terminal write_bash"
    ),
    "bash_output": "BashOutput TaskOutput read_bash get_terminal_output",
    "bash_kill": "KillBash KillShell TaskStop stop_bash kill_terminal",
    "run_tests": "runTests RunTests",
    "run": "Run",
    "git_status": "",
    "git_diff": "",
    "git_log": "",
    "git_commit": "",
    "web_fetch": "WebFetch webfetch fetch WebSearch web_search google_web_search websearch",
    "ask_user_question": "AskUserQuestion ask_user question request_user_input",
    "todo_write": "TodoWrite todowrite write_todos update_plan TodoRead todoread",
    "spawn_agent": "Task task Agent agent",
    "read_skill": "Skill skill activate_skill",
    "submit_artifact": "SubmitArtifact",
    "read_artifact": "",
    "request_approval": "RequestApproval",
    "status": "get_status",
}

CANONICAL: Final = frozenset(_SPELLINGS)
"""Every name a workflow may use without declaring it under ``tools``."""

_TABLE: Final[dict[str, str]] = {name: name for name in _SPELLINGS} | {
    spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()
}

# How agent programs spell a tool that Interlock's own MCP server offers.
_OWN_SERVER: Final = "mcp__interlock__"


def canonical(name: str, extra: Collection[str] = ()) -> str | None:
    """The name workflows use for a tool, or ``None`` if nobody knows it.

    Args:
        name: the name as a program or an agent sent it.
        extra: further names that the workflow declares (``WorkflowSpec.extra_tools``); they cannot
            change the meaning of a name in the table.
    """
    known = _TABLE.get(name)
    if known is not None:
        return known
    if name in extra:
        return name
    if name.startswith(_OWN_SERVER):
        bare = name[len(_OWN_SERVER) :]
        return bare if bare in CANONICAL else None
    return None


def names_for(tool: str) -> tuple[str, ...]:
    """Every spelling of a canonical tool, itself first (documentation and hook matchers)."""
    return (tool, *_SPELLINGS.get(tool, "").split())
