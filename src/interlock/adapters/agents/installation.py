"""What a program needs to run elsewhere: its installation, its ``#!`` interpreter and that one's.

Known layouts (virtual environments, pyenv, conda, uv, node prefixes) are taken whole; of anything
else only the file itself, never the directory it lies in: that may be a home.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from interlock.errors import InvalidInputError

__all__ = ["Installed", "find"]

# Every sandbox has these as they are on the host.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64")
_PYTHON = re.compile(r"(python|pypy)[\d.]*")
_ASK = "import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.base_prefix]))"
_MARKS = ("pyvenv.cfg", "conda-meta", "lib/node_modules")
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Installed:
    """How to start a program inside, and the host paths that have to be visible for it."""

    argv: tuple[str, ...]
    visible: tuple[str, ...]


def find(program: str, cwd: Path) -> Installed:
    """What starting ``program`` (an absolute path) takes.

    Raises:
        InvalidInputError: its interpreter is not there or does not run.
    """
    if _PYTHON.fullmatch(os.path.basename(program)):
        return _python(program, cwd)
    program = _behind_shim(program, cwd)
    visible = _shown(program)
    shebang = _shebang(program)
    if not shebang:
        return Installed((program,), visible)
    by_name = os.path.basename(shebang[0]) == "env"
    words = [word for word in shebang[1:] if word not in ("-S", "--")] if by_name else shebang
    path = shutil.which(words[0]) if words else None
    if path is None:
        raise InvalidInputError(
            f"{program} is run by {' '.join(shebang)}, which is not there",
            code="IL-AGT-003",
            remedy=f"head -1 {program}",
        )
    if _is_system(path):
        return Installed((program,), visible)
    runs = find(os.path.abspath(path), cwd)
    # Named outright: the PATH inside is not the person's, so env would not find it.
    return Installed((*runs.argv, *words[1:], program), (*runs.visible, *visible))


def _python(program: str, cwd: Path) -> Installed:
    """Asked, because a shim, a link or a copied launcher does not show where its library is."""
    try:
        done = subprocess.run(
            [program, "-I", "-c", _ASK],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
        executable, prefix, base = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InvalidInputError(
            f"{program} does not run: {error}", code="IL-AGT-003", remedy=f"{program} --version"
        ) from error
    seen = (executable, os.path.realpath(executable), prefix, base, os.path.realpath(base))
    return Installed((executable,), tuple(path for path in seen if not _is_system(path)))


def _behind_shim(program: str, cwd: Path) -> str:
    """pyenv's shims are shell scripts that look for the real program through the whole of pyenv."""
    directory = Path(program).parent
    if directory.name != "shims" or not (directory.parent / "versions").is_dir():
        return program
    pyenv = shutil.which("pyenv") or str(directory.parent / "bin" / "pyenv")
    try:
        done = subprocess.run(
            [pyenv, "which", os.path.basename(program)],
            cwd=cwd,
            env={**os.environ, "PYENV_ROOT": str(directory.parent)},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InvalidInputError(
            f"pyenv does not say what {program} stands for",
            code="IL-AGT-003",
            remedy=f"pyenv which {os.path.basename(program)}",
        ) from error
    return done.stdout.strip()


def _shown(program: str) -> tuple[str, ...]:
    places: list[str] = []
    for path in dict.fromkeys((program, os.path.realpath(program))):
        if not _is_system(path):
            prefix = Path(path).parent.parent
            whole = Path(path).parent.name == "bin" and _is_installation(prefix)
            places += [str(prefix) if whole else path]
    return tuple(dict.fromkeys(places))


def _is_installation(prefix: Path) -> bool:
    return any((prefix / mark).exists() for mark in _MARKS) or any(
        prefix.glob("lib/python3.*/os.py")
    )


def _shebang(program: str) -> list[str]:
    with open(program, "rb") as file:
        first = file.readline(512)
    if not first.startswith(b"#!"):
        return []
    return first[2:].decode("utf-8", "replace").split()


def _is_system(path: str) -> bool:
    return any(path == root or path.startswith(root + "/") for root in _SYSTEM)
