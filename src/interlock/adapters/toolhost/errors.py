"""What a toolhost refused, as an error of the tree."""

from __future__ import annotations

from interlock.errors import ConflictError, InvalidInputError, NotFoundError

__all__ = ["NoSuchPathError", "ReusedCallError", "ToolError", "tool_error"]

# Never reuse a number. 001 is every errno without a number of its own.
_CODES = {
    "ENOENT": "IL-TOO-002",
    "EXDEV": "IL-TOO-003",
    "ELOOP": "IL-TOO-004",
    "EACCES": "IL-TOO-005",
    "EISDIR": "IL-TOO-006",
    "ENOTDIR": "IL-TOO-007",
    "EROFS": "IL-TOO-008",
    "ENOSPC": "IL-TOO-009",
    "invalid": "IL-TOO-020",
    "mismatch": "IL-TOO-021",
    "not_regular": "IL-TOO-022",
    "timed_out": "IL-TOO-023",
    "too_large": "IL-TOO-024",
    "unknown_op": "IL-TOO-025",
    "unknown_handle": "IL-TOO-026",
    "conflict": "IL-TOO-027",
    "frozen": "IL-TOO-028",
    "busy": "IL-TOO-029",
    "unstable": "IL-TOO-030",
    "not_reverted": "IL-TOO-031",
    "internal": "IL-TOO-032",
}
_REMEDIES = {
    "ENOENT": "list the directory or glob for the file's name",
    "EXDEV": "use a path inside the session's tree",
    "ELOOP": "use the path that the link points to",
    "mismatch": "read the file again and give more of the text around it",
    "timed_out": "narrow the search, or give it more seconds",
    "too_large": "ask for a smaller part",
    "frozen": "wait until the transition is decided, then call again",
    "busy": "wait until a running command has ended, then call again",
}


class ToolError(InvalidInputError):
    """The toolhost understood a call and did not do it.

    Attributes:
        kind: an ``errno`` name such as ``ENOENT``, or a word of the toolhost's such as
            ``mismatch``.
    """

    default_code = "IL-TOO-001"

    def __init__(self, kind: str, message: str, *, op: str) -> None:
        super().__init__(
            f"{op}: {message}",
            code=_CODES.get(kind),
            remedy=_REMEDIES.get(kind, ""),
            context={"kind": kind, "op": op},
        )
        self.kind = kind


class NoSuchPathError(NotFoundError, ToolError):
    """What the call named is not there."""

    default_code = "IL-TOO-002"


class ReusedCallError(ConflictError, ToolError):
    """The call's id was used for another call."""

    default_code = "IL-TOO-027"


_KINDS: dict[str, type[ToolError]] = {"ENOENT": NoSuchPathError, "conflict": ReusedCallError}


def tool_error(kind: str, message: str, *, op: str) -> ToolError:
    """The error that a toolhost's refusal stands for."""
    return _KINDS.get(kind, ToolError)(kind, message, op=op)
