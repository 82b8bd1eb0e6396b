"""Where in the tree an exception comes from, and how."""

from __future__ import annotations

import os
import re
import sys
from opcode import opmap
from operator import attrgetter
from types import ModuleType, TracebackType

__all__ = ["is_of_a_value", "place_of"]

# A call that does not fit the function's parameters fails in the caller's line. What is local to a
# function may be a wrapper that took its name: nobody can tell whose parameters those are.
_REFUSED = re.compile(
    r"^([\w.]+)\(\) "
    r"(?:got |takes |missing \d+ required |accepts |argument after )"
)


def place_of(error: BaseException, root: str) -> str:
    """The innermost file of the tree that was running, from the tree's root; empty for none.

    For a call whose arguments the function does not take, the file of that function.
    """
    inside = os.path.join(root, "")
    files = [_file(trace) for trace in _inside(error, inside)]
    return (_refusing(error, inside) or (files[-1] if files else "")).removeprefix(inside)


def is_of_a_value(error: BaseException, root: str) -> bool:
    """Whether a value did not allow what was done with it, or a helper raised because of one.

    Not: a name that is missing of a module or of a class of the tree, arguments that a function of
    the tree does not take, a ``raise`` in the test itself.
    """
    inside = os.path.join(root, "")
    traces = _inside(error, inside)
    if not traces or _refusing(error, inside) or not isinstance(error, Exception):
        return False
    match error:
        case NameError() | ImportError():
            return False
        case AttributeError(obj=owner):
            kind = owner if isinstance(owner, type) else type(owner)
            home = sys.modules.get(kind.__module__)
            return not isinstance(owner, ModuleType) and not _is_inside(home, inside)
    code, at = traces[-1].tb_frame.f_code, traces[-1].tb_lasti
    return len(traces) > 1 or code.co_code[at] != opmap["RAISE_VARARGS"]


def _inside(error: BaseException, inside: str) -> list[TracebackType]:
    """Where it passed through files of the tree, outermost first."""
    found: list[TracebackType] = []
    trace = error.__traceback__
    while trace is not None:
        if _file(trace).startswith(inside):
            found.append(trace)
        trace = trace.tb_next
    return found


def _file(trace: TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename


def _is_inside(module: ModuleType | None, inside: str) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and file.startswith(inside)


def _refusing(error: BaseException, inside: str) -> str:
    match = _REFUSED.match(str(error)) if type(error) is TypeError else None
    if match is None:
        return ""
    for module in list(sys.modules.values()):
        if _is_inside(module, inside):
            try:
                owner = attrgetter(match[1].partition(".")[0])(module)
                attrgetter(match[1])(module)
            except AttributeError:
                continue
            # Not where it was only imported to.
            if getattr(owner, "__module__", None) == module.__name__:
                return str(module.__file__)
    return ""
