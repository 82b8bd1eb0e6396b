"""The same meaning in another text."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.statics.python import rendered

_TEXT = """\
# -- locals
def f(a):
    b = a + 1
    c, (d, *e) = b, (b, b)
    return c + d + sum(e)
# -- loops
def f(a):
    t = 0
    for i in range(a):
        t += i
    else:
        t += 1
    return t
# -- closure
def f(a):
    n = 0
    def g():
        nonlocal n
        n += a
        return n
    g()
    return g()
# -- comprehension
def f(a):
    k = 2
    x = [x * k for x in range(a)]
    return x + [y for y in x if (z := y) and z]
# -- lambda
def f(a):
    n = 3
    return (lambda m: m * n)(a)
# -- class inside
def f(a):
    n = a
    class B:
        m = n
        def g(self):
            n = 7
            return self.m + n
    return B().g()
# -- global
N = 1
def f(a):
    global N
    N = a
    m = N
    return m
# -- locals()
def f(a):
    b = a
    return sorted(locals())
# -- format
def f(a):
    b = a
    return f'{b=} {b!r:>5}'
# -- except
def f(a):
    try:
        r = 1 // (a - a)
    except ZeroDivisionError as e:
        r = str(e)
    return r
# -- match
def f(a):
    match [a, {'k': a}]:
        case [x, {'k': y, **z}]:
            w = x + y
            return w, z
# -- import
def f(a):
    import math as m
    p = m.floor(a)
    return p
# -- generator
def f(a):
    def g():
        n = yield 1
        yield n
    it = g()
    next(it)
    return it.send(a)
# -- docstring
def f(a):
    'Says so.'
    b = f.__doc__
    return b, a
# -- only a docstring
def f(a):
    'Says so.'
# -- decorated
import functools
def d(g):
    @functools.wraps(g)
    def h(*args):
        r = g(*args)
        return r
    return h
@d
def f(a):
    q = a
    return q
# -- delete
def f(a):
    b = a
    del b
    try:
        return b
    except UnboundLocalError:
        return 'gone'
# -- mangled
class A:
    def __init__(self):
        __x = 4
        self.y = __x
def f(a):
    return A().y + a
# -- frames
import sys
def names():
    return sorted(sys._getframe(1).f_locals)
def f(a):
    b = names()
    return b and a
"""
SOURCES = {part.partition("\n")[0]: part.partition("\n")[2] for part in _TEXT.split("# -- ")[1:]}


def _result(source: bytes) -> Any:
    space: dict[str, Any] = {"__name__": "rendered"}
    exec(compile(source, "rendered", "exec"), space)
    return space["f"](5)


@pytest.mark.parametrize("name", SOURCES)
def test_another_text_means_the_same(name: str) -> None:
    source = SOURCES[name].encode()
    made = rendered(source, "seed")
    assert made != source
    assert _result(made) == _result(source)
    assert made == rendered(source, "seed")
    assert made != rendered(source, "another seed")


def test_local_names_and_layout_are_others() -> None:
    source = b"def f(given):\n    # why\n    local = given\n    return local\n"
    made = rendered(source, "seed")
    assert b"given" in made
    assert b"local" not in made
    assert b"why" not in made
    # A comment more is a text that is never the one that was handed in.
    assert made.splitlines()[-1].startswith(b"# ")


@pytest.mark.parametrize("source", [b"def (", b"\xff", b"x = " + b"(" * 500 + b")" * 500])
def test_what_cannot_be_rendered_stays_as_it_is(source: bytes) -> None:
    assert rendered(source, "seed") == source


@pytest.mark.parametrize("path", sorted(Path(ast.__file__).parent.glob("[a-d]*.py")), ids=str)
def test_modules_of_the_standard_library_can_be_rendered(path: Path) -> None:
    source = path.read_bytes()
    made = rendered(source, "seed")
    assert made != source
    compile(made, path.name, "exec")


@given(st.lists(st.sampled_from(sorted(SOURCES)), min_size=1, max_size=3), st.text(max_size=3))
def test_several_functions_do_not_get_in_each_others_way(names: list[str], seed: str) -> None:
    source = "\n".join(SOURCES[name] for name in names).encode()
    assert _result(rendered(source, seed)) == _result(source)
