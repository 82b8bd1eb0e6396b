"""Where things are: the checked, ordered list of mounts, and the path a program must use.

A read-only mount inside a writable one could be moved away by renaming its parent, so every
directory between the two is mounted onto itself: a mount point cannot be renamed.
"""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath

from interlock.errors import UsageError
from interlock.ports.confinement import Level, Mount, SandboxSpec

__all__ = ["HOME", "TEMPORARY", "plan", "translate"]

HOME, TEMPORARY = "/home/agent", "/tmp"  # noqa: S108 - a private tmpfs inside the sandbox
_KERNELS_OWN = ("/proc", "/dev", "/sys")


def plan(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """The mounts, outer before inner, with the parents that have to be pinned.

    Raises:
        UsageError: a path is not absolute and normal, a target is used twice or is the kernel's
            own (IL-CNF-001).
    """
    targets: dict[str, Mount] = {}
    for mount in mounts:
        for path in (mount.source, mount.target):
            _check_normal(path)
        if mount.target == "/" or any(_below(mount.target, own) for own in _KERNELS_OWN):
            raise _wrong(f"nothing can be mounted at {mount.target}")
        if mount.target in targets:
            raise _wrong(f"two mounts have the target {mount.target}")
        targets[mount.target] = mount
    for mount in mounts:
        if not mount.writable:
            for parent in _pinned(mount, targets):
                targets.setdefault(parent.target, parent)
    return tuple(sorted(targets.values(), key=lambda mount: PurePosixPath(mount.target).parts))


def translate(path: str, spec: SandboxSpec, level: Level) -> str:
    """The path a program must use for a path of the sandbox.

    With private mounts (``full``) that is the path itself; else it lies in the mount's source, and
    paths outside every mount are the host's.

    Raises:
        UsageError: relative, or below HOME or TMPDIR where those are not mounted and only the
            variables name them (IL-CNF-001).
    """
    if level is Level.FULL:
        return path
    if not path.startswith("/"):
        raise _wrong(f"{path!r} is not an absolute path", "join it with the directory it is in")
    path = _normal(path)
    mount = _innermost(path, {mount.target: mount for mount in spec.mounts})
    if mount is not None:
        return mount.source + path[len(mount.target) :]
    if any(_below(path, private) for private in (HOME, TEMPORARY)):
        raise _wrong(f"{path} has no fixed path at level {level}", "use $HOME and $TMPDIR")
    return path


def _pinned(inner: Mount, targets: dict[str, Mount]) -> list[Mount]:
    """Directories between ``inner`` and the mount around it, if that one is writable."""
    outer = _innermost(posixpath.dirname(inner.target), targets)
    if outer is None or not outer.writable:
        return []
    pinned, target = [], posixpath.dirname(inner.target)
    while target != outer.target:
        source = outer.source + target[len(outer.target) :]
        pinned.append(Mount(source=source, target=target, writable=True))
        target = posixpath.dirname(target)
    return pinned


def _innermost(path: str, targets: dict[str, Mount]) -> Mount | None:
    while path not in targets:
        if path == "/":
            return None
        path = posixpath.dirname(path)
    return targets[path]


def _normal(path: str) -> str:
    """Without ``.``, ``..`` and doubled slashes; POSIX would let two leading ones stand."""
    return posixpath.normpath("/" + path.lstrip("/"))


def _below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")


def _check_normal(path: str) -> None:
    if not path.startswith("/") or "\0" in path or _normal(path) != path:
        raise _wrong(f"{path!r} is not an absolute normal path")


def _wrong(message: str, remedy: str = "correct the mounts of the sandbox") -> UsageError:
    return UsageError(message, code="IL-CNF-001", remedy=remedy)
