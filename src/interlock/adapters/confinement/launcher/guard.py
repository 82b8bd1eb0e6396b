"""Somebody who outlives the launcher of an ordinary user.

Without namespaces and without a user of its own nothing of the kernel's ties what a program starts
to its launcher. So there are two: this one only waits for the other and is the next to whom its
orphans fall. Whichever is lost, the one that is left ends them; only who kills both at once leaves
something running.
"""

import os

from . import ending, forked, kernel


def watch(descriptors: list[int]) -> int:
    """Go on in a child; the caller's process stays behind and waits for it.

    Args:
        descriptors: those that are for the program.

    Returns:
        A descriptor that is readable when whoever waits is gone.
    """
    guardian = os.pidfd_open(os.getpid())
    child = os.fork()
    if child == 0:
        kernel.become_subreaper()  # which a child does not inherit
        return guardian
    try:
        forked.let_go(descriptors)
        while os.waitpid(-1, 0)[0] != child:
            pass
        ending.end_all(ending.kill_descendants)
    finally:
        os._exit(0)
