"""Two releases as one piece of work."""

from __future__ import annotations

from dataclasses import replace

from tests.honest.planned import planned_symbols
from tests.honest.rebuild import Releases, Split, rebuilt
from tests.honest.texts import functions, without, without_imports

OLD = {
    "pkg/__init__.py": b"from .a import *\n",
    "pkg/a.py": b"def double(x):\n    return 2 * x\n",
    "tests/test_a.py": b"from pkg import double\n\n\ndef test_a():\n    assert double(1) == 2\n",
    "README.md": b"old",
}
NEW_TESTS = b"""from pkg import double, slug


def test_a():
    assert double(1.0) == 2


@mark
def test_slug():
    assert slug("A") == "a"


class TestMore:
    def test_guard(self):
        assert double(2) == 4

    def test_slug(self):
        assert slug("B") == "b"
"""
NEW = {
    **OLD,
    "pkg/a.py": OLD["pkg/a.py"]
    + b"\n\ndef slug(t):\n    return t.lower()\n\n\ndef other():\n    pass\n",
    "tests/test_a.py": NEW_TESTS,
    "README.md": b"new",
}


def _is_test(path: str) -> bool:
    return path.startswith("tests/")


RELEASES = Releases(old=OLD, new=NEW, is_test=_is_test, planned=("pkg:slug", "pkg.a:slug"))


def test_the_plan_names_what_is_new_and_what_the_tests_mention() -> None:
    assert planned_symbols(OLD, NEW, _is_test) == ("pkg:slug", "pkg.a:slug")


def test_at_first_all_tests_of_the_release_are_handed_in() -> None:
    trio = rebuilt(RELEASES, Split())
    assert trio.base == OLD
    assert trio.tests == {**OLD, "tests/test_a.py": NEW_TESTS}
    assert trio.work == NEW


def test_guards_belong_to_the_base() -> None:
    guards = {"tests/test_a.py": frozenset({"test_a", "TestMore::test_guard"})}
    trio = rebuilt(RELEASES, Split(guards=guards, is_known=True))
    base = trio.base["tests/test_a.py"]
    assert b"from pkg import double\n" in base
    assert functions(base).keys() == {"test_a", "TestMore::test_guard"}
    assert trio.tests["tests/test_a.py"] == NEW_TESTS
    assert trio.base["pkg/a.py"] == OLD["pkg/a.py"]


def test_what_tests_share_and_needs_what_is_new_is_not_of_the_base() -> None:
    shared = {"tests/base.py": b"import pkg\n\n\ndef made(t, by=pkg.slug):\n    return by(t)\n"}
    old = {**OLD, "tests/base.py": b"import pkg\n"}
    releases = replace(RELEASES, old=old, new={**NEW, **shared})
    trio = rebuilt(releases, Split(is_known=True))
    assert trio.base["tests/base.py"] == old["tests/base.py"]
    assert trio.tests["tests/base.py"] == shared["tests/base.py"]


def test_of_a_file_that_cannot_be_split_the_guards_stay_out() -> None:
    path = "tests/test_a.py"
    guards = {path: frozenset({"test_a", "TestMore::test_guard"})}
    trio = rebuilt(RELEASES, Split(guards=guards, whole=frozenset({path}), is_known=True))
    assert functions(trio.base[path]).keys() == set()
    assert functions(trio.tests[path]).keys() == {"test_slug", "TestMore::test_slug"}


def test_what_fails_with_the_release_itself_is_left_out() -> None:
    split = Split(broken={"tests/test_a.py": frozenset({"test_slug"})})
    trio = rebuilt(RELEASES, split)
    assert "test_slug" not in functions(trio.tests["tests/test_a.py"])
    assert trio.work["tests/test_a.py"] == trio.tests["tests/test_a.py"]


def test_a_function_is_taken_out_or_put_back_as_it_was() -> None:
    gone = without(NEW_TESTS, {"test_slug", "TestMore::test_slug"})
    assert functions(gone).keys() == {"test_a", "TestMore::test_guard"}
    assert b"@mark" not in gone
    assert b"double(1) == 2" in without(NEW_TESTS, {"test_a"}, OLD["tests/test_a.py"])


def test_an_older_function_that_needs_other_imports_is_not_put_back() -> None:
    older = b"import sys\n\n\n@sys.x\ndef test_a():\n    pass\n"
    assert "test_a" not in functions(without(NEW_TESTS, {"test_a"}, older))


def test_imports_of_what_is_not_there_are_taken_out() -> None:
    source = b"import os, pkg.new\nfrom pkg import a, b\nfrom pkg.new import c\n"
    left = without_imports(source, {"pkg:b", "pkg.new"})
    assert left == b"import os\nfrom pkg import a\npass\n"
