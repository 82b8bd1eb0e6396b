"""Faults for what changed: where, how many, and which a test could be asked to notice."""

from __future__ import annotations

import ast

import pytest

from interlock.ports.statics import Mutations, Versions
from interlock.statics.python import mutations

BASE = b"def old(a):\n    return a + 1\n"


def made(new: str, *planned: str, old: bytes | None = BASE, seed: str = "s") -> Mutations:
    return mutations({"pkg/text.py": (old, new.encode())}, planned, {}, seed)


def faults(new: str, *planned: str) -> set[str]:
    return {m.diff.partition("\n")[2].removeprefix("+ ") for m in made(new, *planned).mutations}


@pytest.mark.parametrize(
    "body, expected",
    [
        ("return a", {"return None"}),
        ("yield a", {"yield None"}),
        ("return a < 1", {"return None", "return a >= 1", "return a < 2"}),
        ("return a and b", {"return None", "return a or b"}),
        ("return a @ b", {"return None"}),
        ("a += 1", {"a -= 1", "a += 2"}),
        ("if a:\n        b()", {"if not a:", "None"}),
        ("while a:\n        a = b()", {"while not a:", "a = None"}),
        ("b = a if b else 1", {"b = a if not b else 1", "b = None", "b = a if b else 2"}),
        ("return [x for x in a if x]", {"return None", "return [x for x in a]"}),
        ("raise ValueError(f'no {a}')", {"raise ArithmeticError"}),
        ("try:\n        b()\n    except E:\n        raise", {"None"}),
        ("a.b(1)", {"None", "a.b(2)"}),
        ("return True", {"return None", "return False"}),
        ("return 'a'", {"return None", "return 'ax'"}),
        ("return b'a'", {"return None", "return b'ax'"}),
        ("return 1.5", {"return None", "return 2.5"}),
        ("assert a, 'why'", {"def f(a, b=3): raise RuntimeError"}),
        ("x: 'int' = b", {"def f(a, b=3): raise RuntimeError"}),
        ("log.info('x %s', a)", {"def f(a, b=3): raise RuntimeError"}),
        ("print('x')", {"def f(a, b=3): raise RuntimeError"}),
        ("self.logger.warning('x')\n    return a", {"return None"}),
        ("return None", {"def f(a, b=3): raise RuntimeError"}),
        ("'Only this.'", set()),
        ("...", set()),
        ("pass", set()),
        ("raise NotImplementedError('x')", set()),
        ("if TYPE_CHECKING:\n        b = 1", {"def f(a, b=3): raise RuntimeError"}),
    ],
)
def test_a_fault_is_one_small_change(body: str, expected: set[str]) -> None:
    assert faults(f"def f(a, b=3):\n    {body}\n") == expected


def test_every_fault_is_a_source_that_differs_by_its_statement() -> None:
    new = (
        "import os\n\n\ndef f(a):\n    b = a + 1\n    if b > 2:\n        return b\n    return -b\n"
    )
    found = made(new).mutations
    assert len(found) == 5
    whole = ast.dump(ast.parse(new))
    for mutation in found:
        assert ast.dump(ast.parse(mutation.source)) != whole
        assert mutation.source.startswith(b"import os")
        before, after = mutation.diff.splitlines()
        assert before.startswith("- ")
        assert after.startswith("+ ")
        assert before[2:] != after[2:]
        assert new.splitlines()[mutation.line - 1].strip() == before[2:]
        assert (mutation.symbol, mutation.starts) == ("pkg/text.py::f", 4)
    assert made(new).mutations == found
    assert {m.what for m in found} >= {"return None", "the opposite condition"}


def test_only_what_changed_is_tried() -> None:
    new = (
        "# moved\ndef old(b, /):\n    return b\n\n\nclass A:\n    x = 1\n\n"
        "    @property\n    def g(self):\n        return self.x\n\n"
        "    @g.setter\n    def g(self, v):\n        self.x = v\n\n\nN = 80\nf = lambda a: a + 1\n"
    )
    assert {m.symbol for m in made(new, old=new.encode()).mutations} == set()
    assert {m.symbol for m in made(new).mutations} == {
        "pkg/text.py::old",
        "pkg/text.py::A.g",
        "pkg/text.py::f",
    }
    planned = made(new, "pkg.text:N", "pkg/text.py::A", "pkg.text.A.g", "nonsense here").mutations
    assert {m.symbol for m in planned} == {
        f"pkg/text.py::{n}" for n in ("old", "f", "A", "A.g", "N")
    }
    assert {m.starts for m in planned if m.symbol.endswith(("N", "::f"))} == {0, 19}
    # What is in the plan has its turn first.
    assert [m.symbol.endswith(("old", "f")) for m in planned[:6]] == [False] * 4 + [True] * 2


def test_what_moved_to_another_file_did_not_change() -> None:
    versions: Versions = {"a.py": (BASE, None), "b.py": (None, b"x = 1\n" + BASE)}
    assert mutations(versions, (), {}, "s") == Mutations(mutations=())


def test_each_symbol_has_its_turn_before_any_has_a_second_one() -> None:
    many = "".join(f"def f{n}(a):\n    return a + {n}\n\n\n" for n in range(30))
    found = made(many)
    assert len(found.mutations) == 20
    assert len({m.symbol for m in found.mutations}) == 20
    assert len(found.left_out) == 10
    few = made(many[: many.index("def f7")])
    assert [m.symbol for m in few.mutations[:7]] == [m.symbol for m in few.mutations[7:14]]
    assert few.left_out == ()


@pytest.mark.parametrize("source", ["def (", "x = '\udcff'"])
def test_what_cannot_be_parsed_has_no_faults(source: str) -> None:
    versions: Versions = {"a.py": (b"def (", source.encode(errors="surrogateescape"))}
    assert mutations(versions, (), {}, "s").mutations == ()


TWO = "def called(a):\n    return a\n\n\n@x\ndef other(a):\n    return a\n"


@pytest.mark.parametrize(
    "planned, called, symbols, left_out",
    [
        ((), {"pkg/text.py": {1}}, {"called"}, {"other"}),
        ((), {"pkg/text.py": {5}}, {"other"}, {"called"}),
        (("pkg.text:other",), {"pkg/text.py": {1}}, {"called", "other"}, set()),
        ((), {"pkg/text.py": {9}}, {"called", "other"}, set()),
        (("pkg.text:other",), {}, {"called", "other"}, set()),
    ],
)
def test_what_no_new_test_calls_is_left_alone_unless_it_is_planned_or_there_is_nothing_else(
    planned: tuple[str, ...],
    called: dict[str, set[int]],
    symbols: set[str],
    left_out: set[str],
) -> None:
    found = mutations({"pkg/text.py": (None, TWO.encode())}, planned, called, "s")
    assert {m.symbol.partition("::")[2] for m in found.mutations} == symbols
    assert {symbol.partition("::")[2] for symbol in found.left_out} == left_out
    assert {m.symbol for m in found.mutations if m.planned} == {
        f"pkg/text.py::{name.partition(':')[2]}" for name in planned
    }


def test_annotations_and_docstrings_are_no_change() -> None:
    old = b"class K:\n    def f(self, a):\n        return a\n"
    new = 'class K:\n    def f(self, a: int) -> int:\n        """Say."""\n        return a\n'
    assert made(new, old=old) == Mutations(mutations=())


def test_statements_that_changed_are_broken_first() -> None:
    old = b"def f(a):\n    b = g(a)\n    if b:\n        h(b)\n    c = g(b)\n    return b\n"
    new = old.decode().replace("if b:", "if b > 2:")
    assert made(new, old=old).mutations[0].diff.startswith("- if b > 2:")
    assert {m.diff.partition("\n")[0] for m in made(new, old=old).mutations[:3]} == {"- if b > 2:"}
