"""Named points at which a test may make a process die, fail or stop: one at every step that makes
something durable, starts something, renames something or brings something in.

Nothing happens at a point unless a test armed this process, which takes two things that no agent
has: ``arm`` is called by the house's own programs alone, and ``INTERLOCK_FAIL_POINTS`` has to be in
the environment that a person started them with. The variable is taken out of the environment
there, so nothing that is started later inherits it; who is to have a share of it (a sandbox's
launcher and toolhost) is given that share by name. It holds

- the path of a private directory: a file ``<point>`` in it says ``ACTION [TURN] [ROLE]`` and is
  renamed to ``<point>.reached`` when it takes effect, which it does once; or
- ``<point>=ACTION[:TURN]`` separated by commas, for a process that cannot see the directory.

``ACTION`` is ``kill`` (SIGKILL), ``pause`` (SIGSTOP), ``enospc`` or ``eio``; ``TURN`` counts how
often the point is passed, from 1. Only the standard library's ``os`` is needed: the launcher's
start is measured in milliseconds.
"""

from __future__ import annotations

import errno
import os

__all__ = ["POINTS", "REPLACING", "VARIABLE", "arm", "hand_down", "reach"]

VARIABLE = "INTERLOCK_FAIL_POINTS"

REPLACING = ("write", "sync", "rename", "renamed")
"""Steps of a file that is replaced: each of its families has one point per step."""

_REPLACED = {
    "audit.key": "the audit's key of the present epoch",
    "blob": "a blob",
    "environment": "the file that says that an environment is whole",
    "measured": "how the base's tests ran",
    "secret": "the value of a secret that tests are given",
}

POINTS = {
    "store.begin": "a transaction of the store has begun and holds nothing",
    "store.commit": "everything is in the transaction, and it is not committed",
    "store.committed": "it is committed and synced, and nobody has been told",
    "audit.write": "records are sealed, and none is written",
    "audit.sync": "they are written and not synced",
    "audit.synced": "they are synced, and nobody has been told",
    "audit.turn": "the last record of an epoch is durable, its key is still there",
    "audit.segment": "a new segment has a name that may not be durable yet",
    "audit.cut": "a torn end is about to be cut off",
    "git.spawn": "a git is about to be started",
    "tree.stored": "git has stored new contents, their names may not be durable yet",
    "tree.written": "git has written a tree, its name may not be durable yet",
    "tree.ref": "a ref that keeps a tree is set, and may not be durable yet",
    "base.fetched": "a base's objects are here, and nothing refers to them",
    "land.sent": "the person's repository has the commit, and no branch",
    "land.ref": "the branch is there, no event says so",
    "import.frozen": "a session is frozen, nothing is read yet",
    "import.walked": "its tree is listed, nothing is fetched yet",
    "import.received": "contents are here and not stored",
    "import.finished": "the new tree is stored, the session's is not put back",
    "import.reverted": "the session's tree is put back, nobody has been told",
    "house.scratch": "a session's scratch is made, the session is not started",
    "house.started": "the session runs, its door is not open",
    "house.opened": "its door is open, its agent is not started",
    "house.spawned": "its agent runs, nobody knows",
    "door.rename": "what a running server says about itself is written and has not its name",
    "secret.link": "the secret of tokens is written and has no name yet",
    "signing.write": "the key of attestations has a name, and is empty",
    "scratch.clone": "a scratch is about to be cloned",
    "scratch.rename": "it is cloned, its name still says that it is not",
    "scratch.renamed": "it has its name, nobody has been told",
    "scratch.bury": "a scratch is about to be taken away",
    "session.launch": "a session's sandbox is about to be started",
    "session.launched": "it runs, and is not on the list",
    "environment.build": "an environment is about to be built",
    "environment.built": "it is built, not sealed, and not whole for anybody",
    "judge.export": "the copy of a base that runs are made from is whole, and has no name",
    "judge.launch": "a sandbox of the judge is about to be started",
    "judge.run": "it runs, nothing is asked of it yet",
    "launcher.fork": "a launcher has its job, nothing is started",
    "launcher.prepared": "the sandbox is there and held, its program is not started",
    "launcher.started": "its program runs",
    "launcher.ended": "its program has ended, the rest has not been cleared away",
    "toolhost.write": "a file is about to be written beside its place",
    "toolhost.rename": "it is written, and still beside its place",
    "toolhost.renamed": "it is in its place, nobody has been told",
    "toolhost.spawn": "a program of the session is about to be started",
    "toolhost.spawned": "it runs, nobody has been told",
    "toolhost.freeze": "the session is about to be frozen",
    "toolhost.walk": "its tree is about to be listed",
    "toolhost.revert": "its tree is about to be put back",
    **{
        f"{family}.{step}": f"{what} is replaced: {text}"
        for family, what in _REPLACED.items()
        for step, text in zip(
            REPLACING,
            (
                "the new file is there and empty",
                "it is written and not synced",
                "it is synced and has not its name",
                "it has its name, which may not be durable yet",
            ),
            strict=True,
        )
    },
}
"""Every point there is, and how things stand when it is passed."""

_ERRORS = {"enospc": errno.ENOSPC, "eio": errno.EIO}
_SIGNALS = {"kill": 9, "pause": 19}  # the module `signal` takes a millisecond to import

# ``None``: not armed, which is all that is looked at where no test is.
_directory: str | None = None
_given: dict[str, tuple[str, int]] = {}
_role = ""
_passed: dict[str, int] = {}
_is_armed = False


def reach(point: str) -> None:
    """Pass a point; whatever a test wants to happen there happens.

    Raises:
        OSError: a test wants the step to fail.
    """
    if _is_armed:
        _act(point)


def arm(role: str, environment: dict[str, str] | None = None) -> None:
    """Take the variable out of the environment; without it, and anywhere else, points are nothing.

    Args:
        role: ``server``, ``supervisor``, ``launcher`` or ``toolhost``.
        environment: the process's own if it is not given.

    Raises:
        PermissionError: the directory is not ours alone.
    """
    global _directory, _given, _role, _is_armed  # noqa: PLW0603 - a property of the process
    wanted = (os.environ if environment is None else environment).pop(VARIABLE, "")
    _directory, _given, _role, _is_armed = None, {}, role, bool(wanted)
    _passed.clear()
    if wanted.startswith("/"):
        status = os.stat(wanted)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise PermissionError(f"{wanted} is not a directory of ours alone")
        _directory = wanted
    else:
        _given = _parsed(wanted)
    if wanted:
        os.write(2, f"interlock: a test may stop this {role} at any point\n".encode())


def hand_down(role: str) -> dict[str, str]:
    """What the environment of a process that we start has to hold for its share; mostly nothing.

    Args:
        role: of that process; it gets the points that are named after it, once.
    """
    if not _is_armed:
        return {}
    armed = os.listdir(_directory) if _directory is not None else list(_given)
    share = []
    for point in armed:
        if point in POINTS and point.startswith(f"{role}."):
            found = _given.pop(point, None) if _directory is None else _take(point)
            share += [f"{point}={found[0]}:{found[1]}"] if found else []
    return {VARIABLE: ",".join(share)} if share else {}


def _act(point: str) -> None:
    found = _given.get(point) if _directory is None else _look(point)
    if found is None:
        return
    action, turn = found
    _passed[point] = _passed.get(point, 0) + 1
    if _passed[point] < turn:
        return
    if _directory is None:
        del _given[point]
    elif _take(point) is None:
        return  # another thread or process was quicker
    del _passed[point]
    if action in _ERRORS:
        number = _ERRORS[action]
        raise OSError(number, f"{os.strerror(number)} (a test, at {point})")
    os.kill(os.getpid(), _SIGNALS[action])


def _look(point: str) -> tuple[str, int] | None:
    """What is to happen in this process at a point of the directory."""
    try:
        action, turn, role = _read(f"{_directory}/{point}")
    except FileNotFoundError:
        return None
    return (action, turn) if role in ("", _role) else None


def _take(point: str) -> tuple[str, int] | None:
    """Take a point out of the directory, once among all processes."""
    path = f"{_directory}/{point}"
    try:
        os.rename(path, f"{path}.reached")
    except FileNotFoundError:
        return None
    action, turn, _ = _read(f"{path}.reached")
    return action, turn


def _read(path: str) -> tuple[str, int, str]:
    with open(path, encoding="ascii") as file:
        words = file.read().split()
    return words[0], int(words[1]) if len(words) > 1 else 1, words[2] if len(words) > 2 else ""


def _parsed(text: str) -> dict[str, tuple[str, int]]:
    found = {}
    for part in filter(None, text.split(",")):
        point, _, what = part.partition("=")
        action, _, turn = what.partition(":")
        found[point] = (action, int(turn or 1))
    return found
