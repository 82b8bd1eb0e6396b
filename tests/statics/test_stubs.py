"""Stubs: what is planned exists, and raises when it is used."""

from __future__ import annotations

import ast
import inspect
import string
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.ports.statics import Stubs
from interlock.statics.python import stubs
from interlock.statics.python.modules import parse_symbol

MARKER = "il-marker"
TREE = {
    "pkg/__init__.py": "",
    "pkg/text.py": "import os\n\nclass Doc:\n    def __init__(self):\n        self.title = 1\n",
    "pkg/sub/__init__.py": "",
    "src/app/__init__.py": "",
    "src/app/core.py": "if True:\n    def there(): pass",
    "broken.py": "def (",
    "latin.py": "",
    "README.md": "",
}


def _stubs(*symbols: str, tree: Mapping[str, str] = TREE) -> Stubs:
    return stubs(symbols, tree.keys(), lambda path: tree[path].encode(), MARKER)


def _load(text: bytes) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "stubbed"}
    exec(compile(text, "stubbed", "exec"), space)
    return space


@pytest.mark.parametrize(
    "symbol, paths",
    [
        ("pkg.text:slug", {"pkg/text.py"}),
        ("pkg/text.py::slug", {"pkg/text.py"}),
        ("pkg.text.slug", {"pkg/text.py"}),
        ("pkg.text:Doc.words", {"pkg/text.py"}),
        ("pkg.text.Doc.words", {"pkg/text.py"}),
        ("pkg/text.py::Doc::words", {"pkg/text.py"}),
        ("pkg:slug", {"pkg/__init__.py"}),
        ("pkg.slug", {"pkg/__init__.py"}),
        ("pkg.fresh:f", {"pkg/fresh.py"}),
        ("pkg.fresh.f", {"pkg/fresh.py"}),
        ("pkg.fresh.Klass.f", {"pkg/fresh.py"}),
        ("pkg.fresh:", {"pkg/fresh.py"}),
        ("pkg/fresh.py", {"pkg/fresh.py"}),
        ("pkg.a.b:f", {"pkg/a/__init__.py", "pkg/a/b.py"}),
        ("app.core:f", {"src/app/core.py"}),
        ("app.more:f", {"src/app/more.py"}),
        ("pkg.sub.more:f", {"pkg/sub/more.py"}),
        ("brand.new:f", {"src/brand/__init__.py", "src/brand/new.py"}),
    ],
)
def test_a_stub_is_put_where_its_symbol_belongs(symbol: str, paths: set[str]) -> None:
    found = _stubs(symbol)
    assert found.stubbed == (symbol,)
    assert not found.impossible
    assert found.changes.keys() == paths


@pytest.mark.parametrize(
    "symbol, why",
    [
        ("pkg.text:os", "defines it already"),
        ("pkg.text:Doc", "defines it already"),
        ("pkg.text:Doc.title", "defines it already"),
        ("app.core:there", "defines it already"),
        ("pkg.text:", "exists already"),
        ("broken:f", "cannot be parsed"),
        ("name", "which module"),
        ("", "package.module:name"),
        ("a b:c", "package.module:name"),
        ("../x.py::f", "path/module.py::name"),
        ("README.md::f", "path/module.py::name"),
    ],
)
def test_what_cannot_be_stubbed_says_why(symbol: str, why: str) -> None:
    found = _stubs(symbol)
    assert found.stubbed == ()
    assert found.changes == {}
    assert why in found.impossible[symbol]


USES: dict[str, Callable[[dict[str, Any]], object]] = {
    "call": lambda m: m["slug"](1, a=2),
    "make": lambda m: m["Title"]("x"),
    "attribute": lambda m: m["Title"].DEFAULT + 1,
    "method of a new class": lambda m: m["Title"].parse("x"),
    "make an error": lambda m: m["TitleError"]("x"),
    "make an heir": lambda m: type("Heir", (m["Title"],), {})(),
    "compare": lambda m: m["WIDTH"] == 1,
    "truth": lambda m: bool(m["WIDTH"]),
    "iterate": lambda m: list(m["WIDTH"]),
    "index": lambda m: m["WIDTH"][0],
    "format": lambda m: f"{m['WIDTH']}",
    "add": lambda m: 1 + m["WIDTH"],
    "value's attribute": lambda m: m["WIDTH"].x,
    "method": lambda m: m["Doc"]().words(),
    "inside a new class of an old one": lambda m: m["Doc"].Inner.x(),
}


@pytest.fixture(scope="module")
def stubbed() -> dict[str, Any]:
    names = (
        "slug",
        "Title",
        "TitleError",
        "SlowWarning",
        "WIDTH",
        "Doc.words",
        "New.method",
        "Doc.Inner.x",
    )
    return _load(_stubs(*(f"pkg.text:{name}" for name in names)).changes["pkg/text.py"])


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_using_a_stub_raises(stubbed: dict[str, Any], use: Callable[[Any], object]) -> None:
    with pytest.raises(NotImplementedError, match=MARKER):
        use(stubbed)


def test_naming_a_stub_does_not_raise(stubbed: dict[str, Any]) -> None:
    assert not isinstance(1, stubbed["Title"])
    assert issubclass(stubbed["TitleError"], Exception)
    assert issubclass(stubbed["SlowWarning"], Warning)
    assert isinstance(stubbed["New"], type)
    assert callable(stubbed["Doc"].words)
    assert repr(stubbed["WIDTH"]) == "<planned>"
    assert len({stubbed["WIDTH"], stubbed["slug"]}) == 2
    assert not hasattr(stubbed["WIDTH"], "_pytestfixturefunction")


def test_while_tests_are_collected_nothing_raises(
    stubbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    for use in USES.values():
        use(stubbed)
    assert [repr(one) for one in stubbed["WIDTH"]] == ["<planned>"]

    @stubbed["slug"]("an argument")
    def test_decorated(three: int) -> None:
        """Is collected by its own name and with its fixtures."""

    assert list(inspect.signature(test_decorated).parameters) == ["three"]
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_decorated")
    with pytest.raises(NotImplementedError, match=MARKER):
        test_decorated(3)


def test_what_a_class_inherits_is_not_replaced() -> None:
    tree = {"m.py": "class A:\n    def words(self): return 1\n\nclass B(A):\n    pass\n"}
    space = _load(_stubs("m:B.words", "m:B.other", tree=tree).changes["m.py"])
    assert space["B"]().words() == 1
    with pytest.raises(NotImplementedError):
        space["B"]().other()


def test_names_say_what_an_error_may_name() -> None:
    found = _stubs("pkg.a.b:Klass.f", "pkg.text:Doc.words")
    assert found.names == {
        "pkg.a",
        "pkg.a.b",
        "pkg.a.b.Klass",
        "pkg.a.b.Klass.f",
        "pkg.text.Doc.words",
    }


def test_symbols_that_build_on_each_other_are_all_stubbed() -> None:
    found = _stubs("pkg.new:Klass", "pkg.new:Klass.f", "pkg.new:other", "pkg.new:Klass")
    assert found.stubbed == ("pkg.new:Klass", "pkg.new:Klass.f", "pkg.new:other")
    assert not found.impossible
    _load(found.changes["pkg/new.py"])


_names = st.text(string.ascii_letters + "_", min_size=1, max_size=6).filter(
    lambda name: not __import__("keyword").iskeyword(name)
)
_symbols = st.builds(
    lambda module, names: f"{module}:{'.'.join(names)}",
    st.sampled_from(["pkg.text", "pkg", "pkg.new", "app.core", "top.mod"]),
    st.lists(_names | st.sampled_from(["Doc", "A", "b"]), min_size=1, max_size=3),
)


@given(st.lists(_symbols, max_size=5))
def test_stubs_parse_keep_what_is_there_and_need_no_second_round(symbols: list[str]) -> None:
    first = _stubs(*symbols)
    after = {**TREE, **{path: text.decode() for path, text in first.changes.items()}}
    for path, text in first.changes.items():
        ast.parse(text)
        assert text.decode().startswith(TREE.get(path, "").rstrip())
    assert _stubs(*symbols, tree=after).changes == {}


@pytest.mark.parametrize(
    "text", ["/etc/evil.py::f", "./evil.py::f", "a/../../evil.py::f", "a//evil.py::f"]
)
def test_a_planned_symbol_cannot_name_a_place_outside_the_tree(text: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        parse_symbol(text)


STARS = {
    "pkg/__init__.py": "from .more import *\nfrom pkg.recipes import *\n",
    "pkg/more.py": "__all__ = ['seekable']\nclass seekable: pass\ndef own(): pass\n",
    "pkg/recipes.py": "from .again import *\ndef take(): pass\ndef _hidden(): pass\n",
    "pkg/again.py": "def deep(): pass\n",
}


@pytest.mark.parametrize("name", ["seekable", "take", "deep"])
def test_what_a_star_import_brings_is_there_already(name: str) -> None:
    made = _stubs(f"pkg:{name}", tree=STARS)
    assert made.impossible == {f"pkg:{name}": "pkg/__init__.py defines it already"}


@pytest.mark.parametrize("name", ["own", "_hidden"])
def test_what_a_star_import_leaves_out_is_not_there(name: str) -> None:
    assert _stubs(f"pkg:{name}", tree=STARS).stubbed == (f"pkg:{name}",)


def test_a_method_of_a_class_from_a_star_import_leaves_the_class_as_it_is() -> None:
    made = _stubs("pkg:seekable.relative_seek", tree=STARS)
    text = made.changes["pkg/__init__.py"].decode()
    assert "seekable.relative_seek = " in text
    assert "class seekable" not in text


def test_a_module_that_is_there_is_not_hidden_by_a_stub() -> None:
    made = _stubs("pkg:text", tree=TREE)
    assert "pkg/text.py exists already" in made.impossible["pkg:text"]
    assert not made.changes
