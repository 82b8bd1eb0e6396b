"""The twin: red where the test is green, and the same file otherwise."""

from __future__ import annotations

import ast
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.ports.statics import Twin
from interlock.statics.python import control
from interlock.statics.python import twin as twin_of


class Made(NamedTuple):
    source: bytes
    inverted: set[str]


BODIES = {
    "assert": "assert f() == 1",
    "assert with message": "assert f(), g()[0][0]",
    "assert in parentheses": "assert (f() ==\n        1)",
    "assert without space": "assert(f())",
    "assert of a text": "assert'a'in'abc'",
    "assert not": "assert not 0",
    "walrus": "assert (x := f()) and x",
    "in a loop": "for i in range(2):\n        assert i >= 0",
    "raises": "with pytest.raises(KeyError):\n        {}[1]",
    "raises with match": "with pytest.raises(KeyError, match='1') as e:\n        {}[1]",
    "raises called": "pytest.raises(KeyError, {}.__getitem__, 1)",
    "several contexts": "with open('/dev/null') as n, pytest.raises(KeyError):\n        {}[1]",
    "warns": "with pytest.warns(UserWarning):\n        warnings.warn('x')",
    "mock": "m = mock.Mock()\n    m(1)\n    m.assert_called_once_with(1)",
    "mock without arguments": "m = mock.Mock()\n    m()\n    m.assert_called ()",
    "generator": "case.assertTrue(x for x in (1,))",
    "unittest": "case.assertEqual(f(), 1)",
    "unittest context": "with case.assertRaises(KeyError):\n        {}[1]",
    "unittest called": "case.assertRaises(KeyError, {}.__getitem__, 1)",
    "callback": "def inner():\n        assert f()\n    [*map(lambda c: c(), [inner])]",
    "helper": "check(f())",
    "helper of a helper": "check_more(f())",
    "returned": "return'x'.count('x') and check(1)",
    "comment behind": "assert f()  # why: \\",
    "form feed": "pass\n\x0c    assert f()",
    "tabs and unicode": "assert 'äöü' == 'äöü', f()",
}
EMPTY = {
    "no assertion": "f()",
    "lambda": "(lambda: mock.Mock().assert_called())",
    "condition around fail": "if f() != 1:\n        pytest.fail('x')",
    "f-string": "f'{check(1)}'",
}
HEAD = """\
'''A docstring.'''
from __future__ import annotations
import warnings
from unittest import mock
import unittest
import pytest

case = unittest.TestCase()


def f():
    return 1


def g():
    raise LookupError


def check(x):
    assert x


def check_more(x):
    check(x)


def test_it():
    """


def twin(source: bytes, names: set[str]) -> Made:
    """The twin of tests that are all in one file."""
    made = twin_of([("t.py", name) for name in names], ["t.py"], lambda path: source)
    return Made(made.changes.get("t.py", source), {name for _, name in made.inverted})


def _run(source: bytes, name: str = "test_it") -> Callable[..., Any]:
    space: dict[str, Any] = {"__name__": "twin"}
    exec(compile(source, "twin", "exec"), space)  # what the judge does in a sandbox
    function: Callable[..., Any] = space[name]
    return function


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_holds_in_the_original_fails_in_the_twin(body: str) -> None:
    original = (HEAD + body + "\n").encode()
    _run(original)()
    made = twin(original, {"test_it"})
    assert made.inverted == {"test_it"}
    with pytest.raises(AssertionError):
        _run(made.source)()


@pytest.mark.parametrize(
    "body",
    [
        "assert f() == 2",
        "with pytest.raises(KeyError):\n        f()",
        "with pytest.raises(KeyError, match='no'):\n        {}[1]",
        "case.assertEqual(f(), 2)",
        "mock.Mock().assert_called()",
        "check(0)",
    ],
)
def test_what_fails_in_the_original_holds_in_the_twin(body: str) -> None:
    _run(twin((HEAD + body + "\n").encode(), {"test_it"}).source)()


def test_another_error_stays_what_it_is() -> None:
    body = "with pytest.raises(KeyError):\n        g()\n"
    with pytest.raises(LookupError):
        _run(twin((HEAD + body).encode(), {"test_it"}).source)()


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
def test_what_cannot_be_inverted_is_not_said_to_be(body: str) -> None:
    source = (HEAD + body + "\n").encode()
    made = twin(source, {"test_it"})
    assert made.inverted == set()
    assert made.source == source


def test_only_wanted_tests_are_touched_and_no_line_moves() -> None:
    source = (HEAD + "assert f()\n\n\ndef test_other():\n    assert f()\n").encode()
    made = twin(source, {"test_other"})
    old, new = source.decode().splitlines(), made.source.decode().splitlines()
    assert [n for n, line in enumerate(old) if new[n] != line] == [len(old) - 1]


def test_methods_nested_classes_and_inherited_tests_are_found() -> None:
    source = b"""\
class Base:
    def test_base(self):
        assert 1

class TestA(Base):
    class TestInner:
        def test_x(self):
            assert 1
    if True:
        async def test_b(self):
            await self.assert_it()
"""
    names = {"TestA::test_base", "TestA::TestInner::test_x", "TestA::test_b", "TestA::test_gone"}
    made = twin(source, names)
    assert made.inverted == names - {"TestA::test_gone"}
    assert b"await (_il_acall)(self.assert_it, )" in made.source


def test_a_source_with_a_byte_order_mark_is_inverted_at_the_right_place() -> None:
    made = twin(b"\xef\xbb\xbfdef test_it():\r\n    assert 1\r\n", {"test_it"})
    with pytest.raises(AssertionError):
        _run(made.source)()


def test_inherited_tests_are_inverted_in_the_file_they_are_written_in() -> None:
    tree = {
        "tests/unit/__init__.py": "",
        "tests/unit/base.py": "class Base:\n    def test_a(self):\n        assert 1\n",
        "tests/unit/more.py": "from .base import Base as B\n\nclass More(B):\n    pass\n",
        "tests/unit/test_x.py": (
            "from unit.more import More\nfrom .more import B as TestB\n"
            "from . import base\nimport flat\n\n"
            "class TestX(More):\n    pass\n\nclass TestY(base.Base):\n    pass\n\n"
            "class TestZ(flat.Flat):\n    pass\n\nclass TestLoop(TestLoop):\n    pass\n"
        ),
        "tests/unit/flat.py": "class Flat:\n    def test_a(self):\n        x = 1\n",
        "tests/unit/broken.py": "def (",
    }
    names = [f"{name}::test_a" for name in ("TestX", "TestY", "TestB", "TestZ", "TestLoop", "Gone")]
    wanted = [("tests/unit/test_x.py", name) for name in names]
    made: Twin = twin_of(wanted, tree.keys(), lambda path: tree[path].encode())
    assert made.inverted == set(wanted[:3])
    assert made.changes.keys() == {"tests/unit/base.py"}


@pytest.mark.parametrize("source", [b"def (", b"\xff", b"# coding: latin-1\nx = '\xe9'\n"])
def test_what_cannot_be_parsed_has_no_twin(source: bytes) -> None:
    assert twin(source, {"test_it"}) == (source, set())


_statements = st.recursive(
    st.sampled_from([*BODIES.values(), *EMPTY.values()]),
    lambda inner: st.tuples(
        st.sampled_from(["if f():", "while f():", "with g():", "for i in f():", "try:"]),
        st.lists(inner, min_size=1, max_size=3),
    ).map(
        lambda made: (
            made[0]
            + "".join("\n" + _indented(text) for text in made[1])
            + ("\n    except E:\n        assert f(), 'x'" if made[0] == "try:" else "")
        )
    ),
    max_leaves=6,
)


def _indented(text: str) -> str:
    return "\n".join("        " + line.removeprefix("    ") for line in text.splitlines())


@given(st.lists(_statements, min_size=1, max_size=4))
def test_the_twin_of_anything_that_parses_parses(statements: list[str]) -> None:
    source = HEAD + "".join(text.replace("return", "") + "\n    " for text in statements) + "pass\n"
    try:
        ast.parse(source)
    except SyntaxError:
        return
    ast.parse(twin(source.encode(), {"test_it"}).source)


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[1].rglob("test_*.py")), ids=str)
def test_the_twins_of_our_own_tests_parse(path: Path) -> None:
    source = path.read_bytes()
    names = {n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)}
    ast.parse(twin(source, names).source)


def test_every_test_of_the_control_fails() -> None:
    source = control("xyz")
    space: dict[str, Any] = {"__name__": "control"}
    exec(compile(source, "control", "exec"), space)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(space["Testxyz"]).run(result)
    assert (result.testsRun, len(result.failures), len(result.errors)) == (2, 1, 1)
    with pytest.raises(AssertionError):
        space["test_xyz_truth"](mock.Mock(iterdir=lambda: iter(())))
