"""Rewritten tests: alike in all but constants, and red or green as what is done to them says."""

from __future__ import annotations

import ast
import re
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.ports.statics import Rewriting, Rewritten
from interlock.statics.python import control, rewritten_tests


class Made(NamedTuple):
    source: bytes
    done: set[str]


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
    "f-string": "f'{check(1)}'",
    "tabs and unicode": "assert 'äöü' == 'äöü', f()",
}
EMPTY = {
    "no assertion": "f()",
    "lambda": "(lambda: mock.Mock().assert_called())",
    "condition around fail": "if f() != 1:\n        pytest.fail('x')",
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


def rewritten(
    source: bytes, names: set[str], kind: Rewriting = Rewriting.INVERTED, seed: str = "s"
) -> Made:
    """Tests that are all in one file."""
    tests = [("t.py", name) for name in names]
    made = rewritten_tests(kind, tests, ["t.py"], lambda path: source, seed)
    return Made(made.changes.get("t.py", source), {name for _, name in made.tests})


def _run(source: bytes, name: str = "test_it") -> Callable[..., Any]:
    space: dict[str, Any] = {"__name__": "twin"}
    exec(compile(source, "twin", "exec"), space)  # what the judge does in a sandbox
    function: Callable[..., Any] = space[name]
    return function


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_holds_in_the_original_fails_in_the_twin(body: str) -> None:
    original = (HEAD + body + "\n").encode()
    _run(original)()
    made = rewritten(original, {"test_it"})
    assert made.done == {"test_it"}
    with pytest.raises(AssertionError):
        _run(made.source)()
    neutral = rewritten(original, {"test_it"}, Rewriting.NEUTRAL)
    assert neutral.done == {"test_it"}
    _run(neutral.source)()
    sunk = rewritten(original, {"test_it"}, Rewriting.SUNK)
    with pytest.raises(AssertionError):
        _run(sunk.source)()


EXPECTING = {
    "a literal": "assert f() == 1",
    "a literal on the left": "assert 1 == f()",
    "a text": "assert str(f()) == '1'",
    "a truth": "assert (f() == 1) is True",
    "nothing": "assert print() is None",
    "a float": "assert f() / 2 == 0.5",
    "about a float": "assert f() / 3 == pytest.approx(0.33, abs=0.1)",
    "bytes": "assert b'x' * f() == b'x'",
    "a list": "assert [*range(f())] == [0]",
    "no list": "assert [] == []",
    "a tuple": "assert (f(),) == (1,)",
    "a set": "assert {f()} == {1}",
    "a dictionary": "assert {'a': f()} == {'a': 1}",
    "both of two": "assert f() == 1 and f() + 1 == 2",
    "a name": "wanted = 1\n    assert f() == wanted",
    "an object": "wanted = f\n    assert f is wanted",
    "unittest": "case.assertEqual(f(), 1)",
    "unittest, the other way round": "case.assertEqual(1, f())",
    "mock": "m = mock.Mock()\n    m(f())\n    m.assert_called_once_with(1)",
    "mock by keyword": "m = mock.Mock()\n    m(a=f())\n    m.assert_called_with(a=1)",
}


@pytest.mark.parametrize("body", EXPECTING.values(), ids=EXPECTING)
def test_a_test_that_expects_another_value_fails(body: str) -> None:
    original = (HEAD + body + "\n").encode()
    _run(rewritten(original, {"test_it"}, Rewriting.NEUTRAL).source)()
    made = rewritten(original, {"test_it"}, Rewriting.PERTURBED)
    assert made.done == {"test_it"}
    with pytest.raises(AssertionError):
        _run(made.source)()
    _run(rewritten(original, {"test_it"}, Rewriting.UNEXPECTED).source)()


@pytest.mark.parametrize("body", ["assert f()", "assert f() > 0", "assert f() == 1 or f()"])
def test_a_test_without_an_expected_value_is_not_changed(body: str) -> None:
    original = (HEAD + body + "\n").encode()
    made = rewritten(original, {"test_it"}, Rewriting.PERTURBED)
    assert made.done == set()
    _run(made.source)()


def test_what_equals_everything_passes_with_other_values_and_is_not_to_be_expected() -> None:
    source = HEAD.replace("return 1\n", "return mock.ANY\n") + "assert f() == 1\n"
    _run(rewritten(source.encode(), {"test_it"}, Rewriting.PERTURBED).source)()
    with pytest.raises(AssertionError):
        _run(rewritten(source.encode(), {"test_it"}, Rewriting.UNEXPECTED).source)()


def test_the_kinds_differ_in_constants_only() -> None:
    source = (HEAD + "assert f() == 1\n    check(f())\n").encode()
    shapes: set[str] = set()
    lines: set[bytes] = set()
    sizes: set[int] = set()
    for kind in Rewriting:
        made = rewritten(source, {"test_it"}, kind).source
        tree = ast.parse(made)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in (0, 1):
                node.value = 0
        shapes.add(ast.dump(tree))
        lines |= set(made.splitlines())
        sizes.add(len(made))
        assert b"il_" not in made
        assert b"twin" not in made
    assert len(shapes) == len(sizes) == 1
    one = rewritten(source, {"test_it"}, Rewriting.NEUTRAL).source.splitlines()
    assert len(lines - set(one)) <= 4
    other = rewritten(source, {"test_it"}, Rewriting.NEUTRAL, "another seed").source
    assert other.splitlines()[-1] != one[-1]


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
    _run(rewritten((HEAD + body + "\n").encode(), {"test_it"}).source)()


def test_another_error_stays_what_it_is() -> None:
    body = "with pytest.raises(KeyError):\n        g()\n"
    with pytest.raises(LookupError):
        _run(rewritten((HEAD + body).encode(), {"test_it"}).source)()


@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY)
def test_what_cannot_be_inverted_is_not_said_to_be(body: str) -> None:
    source = (HEAD + body + "\n").encode()
    made = rewritten(source, {"test_it"})
    assert made.done == set()
    _run(made.source)()


def test_only_wanted_tests_are_inverted() -> None:
    source = (HEAD + "assert f()\n\n\ndef test_other():\n    assert f()\n").encode()
    made = rewritten(source, {"test_other"})
    _run(made.source)()
    with pytest.raises(AssertionError):
        _run(made.source, "test_other")()


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
    made = rewritten(source, names)
    assert made.done == names - {"TestA::test_gone"}
    assert re.search(rb"await [a-z]+\(0, self.assert_it\)", made.source)


def test_a_source_with_a_byte_order_mark_is_inverted_at_the_right_place() -> None:
    made = rewritten(b"\xef\xbb\xbfdef test_it():\r\n    assert 1\r\n", {"test_it"})
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
    made: Rewritten = rewritten_tests(
        Rewriting.INVERTED, wanted, tree.keys(), lambda path: tree[path].encode(), "s"
    )
    assert made.tests == set(wanted[:3])
    assert made.changes.keys() == {"tests/unit/base.py", "tests/unit/flat.py"}


@pytest.mark.parametrize("source", [b"def (", b"\xff", b"# coding: latin-1\nx = '\xe9'\n"])
def test_what_cannot_be_parsed_has_no_twin(source: bytes) -> None:
    assert rewritten(source, {"test_it"}) == (source, set())


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
    ast.parse(rewritten(source.encode(), {"test_it"}).source)


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[1].rglob("test_*.py")), ids=str)
def test_the_twins_of_our_own_tests_parse(path: Path) -> None:
    source = path.read_bytes()
    names = {n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)}
    ast.parse(rewritten(source, names).source)


def test_every_test_of_the_control_fails() -> None:
    source, names = control("xyz")
    assert names == ("Testxyz::test_xyz_equality", "Testxyz::test_xyz_exception", "test_xyz_truth")
    space: dict[str, Any] = {"__name__": "control"}
    exec(compile(source, "control", "exec"), space)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(space["Testxyz"]).run(result)
    assert (result.testsRun, len(result.failures), len(result.errors)) == (2, 1, 1)
    with pytest.raises(AssertionError):
        space["test_xyz_truth"](mock.Mock(iterdir=lambda: iter(())))
