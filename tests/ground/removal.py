"""A copy of the checkout in which a property can be taken away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
from tests.ground.properties import ROOT, Change, Property

__all__ = ["Copy", "Verdict", "applied"]

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".hypothesis")
_PASSED_ON = ("PIP_", "SSL_", "UV_", "REQUESTS_", "http", "HTTP", "no_proxy", "NO_PROXY")
_SECONDS = 600

RED, GREEN = 1, 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the tests of a property ended without it: ``noticed``, ``missed`` or ``not run``."""

    word: str
    output: str


def applied(text: str, change: Change) -> str:
    """``text`` with the change made.

    Raises:
        ValueError: what is to be replaced does not stand there exactly once.
    """
    count = text.count(change.find)
    if count != 1:
        raise ValueError(f"{change.file}: found {count} times, wanted once: {change.find!r}")
    return text.replace(change.find, change.put)


class Copy:
    """The checkout's files at another place, with an interpreter that imports from there.

    Args:
        place: an empty or missing directory.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        shutil.copytree(ROOT, place, symlinks=True, ignore=_LEFT_OUT, dirs_exist_ok=True)
        self._python = self._environment()

    def without(self, lost: Property) -> Verdict:
        """Run the property's tests with the property taken away; the copy is whole again after."""
        before: dict[Path, str] = {}
        try:
            for change in lost.without:
                path = self._place / change.file
                text = path.read_text(encoding="utf-8")
                before.setdefault(path, text)
                changed = applied(text, change)
                if path.suffix == ".py":
                    compile(changed, str(path), "exec")
                path.write_text(changed, encoding="utf-8")
            return self._tested(lost.tests)
        finally:
            for path, text in before.items():
                path.write_text(text, encoding="utf-8")

    def _tested(self, tests: tuple[str, ...]) -> Verdict:
        done = subprocess.run(
            [self._python, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=self._place,
            env=self._variables(),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        output = done.stdout[-3000:] + done.stderr[-1000:]
        if done.returncode == RED:
            return Verdict("noticed", output)
        if done.returncode == GREEN and not re.search(r"\d+ passed", done.stdout):
            return Verdict("not run", output)
        return Verdict("missed", output)

    def _environment(self) -> Path:
        """A virtual environment whose imports come from the copy, then from the one in use."""
        home = self._place / ".venv"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = home / "lib" / version / "site-packages"
        packages.mkdir(parents=True)
        (home / "bin").mkdir()
        base = Path(os.path.realpath(sys.executable))
        (home / "bin" / "python").symlink_to(base)
        (home / "bin" / "python3").symlink_to("python")
        (home / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
        installed = Path(msgspec.__file__).parent.parent  # the packages that are not ours
        # Order decides: the copy's sources stand before the installation of the checkout.
        (packages / "copy.pth").write_text(
            f"{self._place / 'src'}\nimport site; site.addsitedir({str(installed)!r})\n"
        )
        return home / "bin" / "python"

    def _variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
        for name in ("TMPDIR", "CI"):
            if name in os.environ:
                kept[name] = os.environ[name]
        return {
            "PATH": f"{self._python.parent}:{os.environ['PATH']}",
            "HOME": str(self._place),
            "LANG": "C.UTF-8",
            **kept,
        }
