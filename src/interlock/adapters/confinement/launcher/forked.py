"""Something done in a process of its own, because what it changes cannot be changed back."""

import contextlib
import os
from collections.abc import Callable

from . import kernel


def run(action: Callable[[], object], uid: int | None = None) -> None:
    """Do ``action`` in a forked process, as user ``uid`` if given.

    Raises:
        OSError: what the action raised, as text.
    """
    result, report = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if uid is not None:
                drop(uid)
            action()
        except BaseException as error:
            os.write(report, (str(error) or type(error).__name__).encode(errors="replace"))
        finally:
            os._exit(0)
    os.close(report)
    with os.fdopen(result, "rb") as pipe:
        message = pipe.read()
    os.waitpid(child, 0)
    if message:
        raise OSError(message.decode(errors="replace"))


def drop(uid: int) -> None:
    """Become an ordinary user for good."""
    # Root of a container may not have the right to; setuid bits are ineffective all the same.
    with contextlib.suppress(PermissionError):
        kernel.drop_capabilities()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def let_go(descriptors: list[int]) -> None:
    """Whoever reads the other end must see it close when the sandbox ends, not when we do."""
    for descriptor in descriptors:
        os.close(descriptor)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)
