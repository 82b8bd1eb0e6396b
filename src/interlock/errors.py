"""One tree of errors, split by who must act.

::

    InterlockError
    ├── UsageError            the caller wrote something malformed      400  exit 2
    ├── AuthError             no or bad credential                      401  exit 4
    ├── DeniedError           policy or a gate says no                  403  exit 3
    ├── NotFoundError         no such thing                             404  exit 5
    ├── ConflictError         stale or conflicting                      409  exit 6
    ├── TooLargeError         over a limit                              413  exit 7
    ├── InvalidInputError     well-formed, but not what is asked for    422  exit 7
    │   └── DefinitionError   the workflow file is wrong (diagnostics)
    ├── UnavailableError      not ready, gone or timed out; retryable   503  exit 8
    ├── IntegrityError        records contradict themselves             500  exit 3
    └── InternalError         our bug                                   500  exit 1

Every error carries a stable ``code`` (never reused; wording is not API), a ``remedy`` that is a
command
the reader can run or an action they can take, and a ``context`` of plain JSON values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

__all__ = [
    "AuthError",
    "ConflictError",
    "DefinitionError",
    "DeniedError",
    "IntegrityError",
    "InterlockError",
    "InternalError",
    "InvalidInputError",
    "NotFoundError",
    "TooLargeError",
    "UnavailableError",
    "UsageError",
    "from_problem",
]


class InterlockError(Exception):
    """Root of the tree.

    Args:
        message: what happened, then what it was about; no trailing remedy.
        code: stable identifier such as ``IL-TOK-003``.
        remedy: the exact next command or action, or an empty string if there is none.
        context: plain JSON values for machines.
    """

    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    default_code: ClassVar[str] = "IL-INT-000"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.remedy = remedy
        self.context = dict(context or {})

    def _title(self) -> str:
        """The nearest class that every client knows: a room's own errors are of a known kind."""
        return next(c.__name__ for c in type(self).__mro__ if c.__name__ in (*_BY_NAME, _ROOT))

    def problem(self) -> dict[str, Any]:
        """The error as an RFC 9457 problem document."""
        return {
            "type": f"urn:interlock:error:{self.code}",
            "title": self._title(),
            "status": self.http_status,
            "detail": self.message,
            "code": self.code,
            "remedy": self.remedy,
            "retryable": self.retryable,
            "context": self.context,
        }


class UsageError(InterlockError):
    """The caller wrote something malformed."""

    http_status, exit_code, default_code = 400, 2, "IL-USE-000"


class AuthError(InterlockError):
    """No credential, or one that does not hold."""

    http_status, exit_code, default_code = 401, 4, "IL-AUT-000"


class DeniedError(InterlockError):
    """Policy or a gate says no."""

    http_status, exit_code, default_code = 403, 3, "IL-DEN-000"


class NotFoundError(InterlockError):
    """There is no such thing."""

    http_status, exit_code, default_code = 404, 5, "IL-NOT-000"


class ConflictError(InterlockError):
    """Somebody else was first, or the caller's view is stale."""

    http_status, exit_code, default_code = 409, 6, "IL-CON-000"


class TooLargeError(InterlockError):
    """Over a limit that is named in the message."""

    http_status, exit_code, default_code = 413, 7, "IL-BIG-000"


class InvalidInputError(InterlockError):
    """Well-formed, but not the shape that is asked for."""

    http_status, exit_code, default_code = 422, 7, "IL-INV-000"


class DefinitionError(InvalidInputError):
    """The workflow file is wrong; ``context["diagnostics"]`` lists every finding."""

    default_code = "IL-DEF-000"


class UnavailableError(InterlockError):
    """Not ready, gone, or out of time: the same call may go through later."""

    http_status, exit_code, retryable, default_code = 503, 8, True, "IL-UNA-000"


class IntegrityError(InterlockError):
    """Records contradict themselves; a person has to look."""

    http_status, exit_code, default_code = 500, 3, "IL-ITG-000"


class InternalError(InterlockError):
    """Our bug."""

    default_code = "IL-INT-001"


_ROOT = InterlockError.__name__
_BY_NAME: dict[str, type[InterlockError]] = {
    kind.__name__: kind
    for kind in (
        UsageError,
        AuthError,
        DeniedError,
        NotFoundError,
        ConflictError,
        TooLargeError,
        InvalidInputError,
        DefinitionError,
        UnavailableError,
        IntegrityError,
        InternalError,
    )
}


def from_problem(problem: Mapping[str, Any]) -> InterlockError:
    """The error that a problem document was made from, so that a client raises what the server
    raised."""
    kind = _BY_NAME.get(str(problem.get("title", "")), InternalError)
    return kind(
        str(problem.get("detail", "the server gave no reason")),
        code=str(problem.get("code", kind.default_code)),
        remedy=str(problem.get("remedy", "")),
        context=problem.get("context") if isinstance(problem.get("context"), Mapping) else None,
    )
