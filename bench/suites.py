"""Two sample projects whose suites take a known time, the same tests on every machine.

A test computes for a fixed time and then sleeps for one, as suites do that wait for files, locks
and processes. A candidate adds a function; its tests are the new ones that GREEN inverts.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SUITES", "Suite"]

_WORK = """\
import time


def compute(seconds):
    total, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        total += sum(range(2000))
    return total


def double(x):
    return 2 * x
"""
_SLUG = """

def slug(text):
    return "-".join(text.lower().split())
"""
_NEW_TESTS = """\
import pytest

from sample.work import slug


@pytest.mark.parametrize("text, wanted", [("A b", "a-b"), ("x", "x"), (" a  b ", "a-b")])
def test_slug(text, wanted):
    assert slug(text) == wanted


def test_slug_of_nothing():
    assert slug("") == ""
"""


@dataclass(frozen=True, slots=True)
class Suite:
    """A project.

    Args:
        name: about how long it takes.
        files: test modules, ten tests in each.
        seconds: of one test, half of it computing.
    """

    name: str
    files: int
    seconds: float

    def base(self) -> dict[str, str]:
        """Path → text of the base."""
        tests = {f"tests/test_{n:02d}.py": self._module(n) for n in range(self.files)}
        return {"sample/__init__.py": "", "sample/work.py": _WORK, **tests}

    def tests(self) -> dict[str, str]:
        """What the phase of tests adds."""
        return {"tests/test_slug.py": _NEW_TESTS}

    def source(self) -> dict[str, str]:
        """What the phase of code changes."""
        return {"sample/work.py": _WORK + _SLUG}

    def _module(self, number: int) -> str:
        half = self.seconds / 2
        return (
            "import time\n\nimport pytest\nfrom sample.work import compute, double\n\n\n"
            "@pytest.mark.parametrize('n', range(10))\n"
            f"def test_{number:02d}(n):\n"
            f"    assert compute({half}) >= 0\n"
            f"    time.sleep({half})\n"
            "    assert double(n) == 2 * n\n"
        )


SUITES = (Suite("3 s", 6, 0.05), Suite("60 s", 60, 0.1))
