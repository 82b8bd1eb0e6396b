"""Something done in a process of its own, because what it changes cannot be changed back."""

import os
from collections.abc import Callable


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
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
