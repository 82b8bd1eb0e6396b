"""A test that must fail: if it is reported green, the runner is not to be believed."""

from __future__ import annotations

__all__ = ["control"]

_TEMPLATE = """\
import unittest


class Test{name}(unittest.TestCase):
    value = 0

    def test_{name}_equality(self):
        self.value += 1
        self.assertEqual(self.value, 2)

    def test_{name}_exception(self):
        raise LookupError(self.value)


def test_{name}_truth(tmp_path):
    assert list(tmp_path.iterdir())
"""


_TESTS = ("Test{0}::test_{0}_equality", "Test{0}::test_{0}_exception", "test_{0}_truth")


def control(name: str) -> tuple[bytes, tuple[str, ...]]:
    """A file of three tests that fail in different ways: comparison, exception, truth.

    Those of the ``TestCase`` are collected whatever names a project has for its tests.
    """
    names = tuple(test.format(name) for test in _TESTS)
    return _TEMPLATE.format(name=name).encode(), names
