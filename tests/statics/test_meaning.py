"""Tests whose outcome the code under test decides, and those of which it is certain that it does
not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.statics.python import meaningless

HEAD = (
    "import unittest\nfrom unittest import mock\n\nimport pytest\nfrom hypothesis import given\n"
    "from hypothesis import strategies as st\nfrom pkg.text import slug\n\nWANTED = 'a-b'\n\n\n"
    "def check(got):\n    assert got == WANTED\n\n\n"
    "def run_all(got):\n    check(got)\n\n\n"
    "@pytest.fixture\ndef three():\n    return 3\n\n\n"
    "@pytest.fixture\ndef made():\n    return slug('A b')\n\n\n"
)
NOTHING, ALWAYS = "asserts nothing", "asserts only what is always true"
OWN = "asserts only about values of its own, whatever the code under test does"
SWALLOWED = "catches the failure of its own assertions"

HONEST = {
    "an assert": "def test_a():\n    assert slug('A b') == 'a-b'",
    "a variable": "def test_a():\n    got = slug('A b')\n    assert got == WANTED",
    "an error": "def test_a():\n    with pytest.raises(ValueError):\n        slug('')",
    "an error's text": (
        "def test_a():\n    with pytest.raises(ValueError) as info:\n        slug('')\n"
        "    assert 'empty' in str(info.value)"
    ),
    "an error by call": "def test_a():\n    pytest.raises(ValueError, slug, '')",
    "a failure by hand": (
        "def test_a():\n    try:\n        slug('')\n    except ValueError:\n        pass\n"
        "    else:\n        pytest.fail('none')"
    ),
    "a condition": "def test_a():\n    if slug('a') != 'a':\n        assert False",
    "a return before": "def test_a():\n    if slug('a') == 'a':\n        return\n    assert False",
    "a helper": "def test_a():\n    check(slug('A b'))",
    "a helper of a helper": "def test_a():\n    run_all(slug('A b'))",
    "a table": (
        "@pytest.mark.parametrize('a, b', [('A', 'a'), ('B', 'b')])\n"
        "def test_a(a, b):\n    assert slug(a) == b"
    ),
    "a fixture": "def test_a(made):\n    assert made == 'a-b'",
    "a fixture from elsewhere": "def test_a(document):\n    assert document == 'a-b'",
    "what was printed": "def test_a(capsys):\n    slug(1)\n    assert not capsys.readouterr()[0]",
    "what was changed": "def test_a():\n    rows = ['b']\n    slug(rows)\n    assert rows == ['a']",
    "a callback": (
        "def test_a():\n    seen = []\n    slug('a', lambda x: seen.append(x))\n"
        "    assert seen == ['a']"
    ),
    "a double": (
        "def test_a():\n    d = mock.Mock()\n    slug(1, d)\n    d.assert_called_once_with(1)"
    ),
    "a patch": (
        "def test_a():\n    with mock.patch('pkg.text.slug') as door:\n        slug('a')\n"
        "        door.assert_called()"
    ),
    "a property": "@given(st.text())\ndef test_a(text):\n    assert slug(slug(text)) == slug(text)",
    "unittest": (
        "class TestA(unittest.TestCase):\n    def test_a(self):\n"
        "        self.assertEqual(slug('A'), 'a')"
    ),
    "unittest with a set-up": (
        "class TestA(unittest.TestCase):\n    def setUp(self):\n        self.got = slug('A')\n\n"
        "    def test_a(self):\n        self.assertEqual(self.got, 'a')"
    ),
    "an own assertion": (
        "class TestA(unittest.TestCase):\n    def assertSame(self, a):\n"
        "        self.assertEqual(slug(a), a)\n\n    def test_a(self):\n        self.assertSame(1)"
    ),
    "another name for it": (
        "class TestA(unittest.TestCase):\n    def test_a(self):\n        eq = self.assertEqual\n"
        "        eq(slug('A'), 'a')"
    ),
    "a subtest": (
        "class TestA(unittest.TestCase):\n    def test_a(self):\n        for a in 'xy':\n"
        "            with self.subTest(a=a):\n                self.assertEqual(slug(a), a)"
    ),
    "a process": ("def test_a():\n    import subprocess\n    assert subprocess.call(['pkg']) == 0"),
    "a check from elsewhere": "def test_a():\n    from tests.support import probed\n    probed()",
    "a handler that asserts": (
        "def test_a():\n    try:\n        slug('')\n    except Exception as error:\n"
        "        assert 'empty' in str(error)"
    ),
    "another decorator": "from bdd import scenario\n\n\n@scenario('a')\ndef test_a():\n    pass",
    "async": "async def test_a():\n    assert await slug('a') == 'a'",
}
DISHONEST = {
    "true": ("def test_a():\n    slug('a')\n    assert True", ALWAYS),
    "a pair": ("def test_a():\n    assert (slug('a') == 'a', 'wrong')", ALWAYS),
    "or true": ("def test_a():\n    assert slug('a') == 'a' or True", ALWAYS),
    "false": ("def test_a():\n    assert False", OWN),
    "false after a call": ("def test_a():\n    slug('a')\n    assert False", OWN),
    "failing by hand": ("def test_a():\n    pytest.fail('later')", OWN),
    "raising": ("def test_a():\n    raise AssertionError", OWN),
    "numbers": ("def test_a():\n    slug('a')\n    assert 1 + 1 == 3", OWN),
    "its own constant": (
        "def test_a():\n    want = 'a-b'\n    slug('A b')\n    assert want == 'a-b'",
        OWN,
    ),
    "its own argument": (
        "def test_a():\n    text = 'a'\n    slug(text)\n    assert text == 'b'",
        OWN,
    ),
    "the file's constant": ("def test_a():\n    slug('a')\n    assert WANTED == 'x'", OWN),
    "a table alone": (
        "@pytest.mark.parametrize('a', [1, 2])\ndef test_a(a):\n    slug(1)\n    assert a == 3",
        OWN,
    ),
    "a fixture alone": ("def test_a(three):\n    slug('a')\n    assert three == 4", OWN),
    "a double of itself": (
        "def test_a():\n    d = mock.Mock()\n    d()\n    slug('a')\n    d.assert_called()",
        OWN,
    ),
    "unittest": (
        "class TestA(unittest.TestCase):\n    def test_a(self):\n        slug('a')\n"
        "        self.assertEqual(1, 2)",
        OWN,
    ),
    "a property alone": (
        "@given(st.integers())\ndef test_a(n):\n    slug('a')\n    assert n == n + 1",
        OWN,
    ),
    "swallowed": (
        "def test_a():\n    try:\n        assert slug(1)\n    except AssertionError:\n        pass",
        SWALLOWED,
    ),
    "suppressed": (
        "def test_a():\n    from contextlib import suppress\n    with suppress(Exception):\n"
        "        assert slug('a') == 'a'",
        SWALLOWED,
    ),
    "nothing": ("def test_a():\n    slug('a')", NOTHING),
    "a comparison that nobody looks at": ("def test_a():\n    slug('a') == 'a'", NOTHING),
    "what it prints": ("def test_a():\n    print(slug('a'))", NOTHING),
    "only passing": ("def test_a():\n    pass", NOTHING),
}
PATHS = ("pkg/__init__.py", "pkg/text.py", "tests/test_a.py", "tests/support.py")


def _why(text: str) -> str:
    name = "TestA::test_a" if "class TestA" in text else "test_a"
    files = dict.fromkeys(PATHS, b"") | {"tests/test_a.py": f"{HEAD}{text}\n".encode()}
    test = ("tests/test_a.py", name)
    found = meaningless([test], PATHS, files.__getitem__, lambda path: path.startswith("tests/"))
    return found.get(test, "")


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_test_is_not_named(name: str) -> None:
    assert _why(HONEST[name]) == ""


@pytest.mark.parametrize("name", DISHONEST)
def test_a_test_that_no_code_decides_is_named_with_what_is_the_matter(name: str) -> None:
    text, why = DISHONEST[name]
    assert _why(text) == why


def test_a_test_that_is_not_found_is_not_judged() -> None:
    assert meaningless([("tests/test_a.py", "test_b")], PATHS, lambda _: b"", bool) == {}


NAMES = st.sampled_from(["a", "b", "c", "WANTED"])
LINES = st.one_of(
    st.tuples(NAMES, st.integers()).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    st.tuples(NAMES, NAMES).map(lambda pair: f"{pair[0]} = slug({pair[1]!r})"),
    st.just("slug('a')"),
    st.just("assert True"),
)


@given(st.lists(LINES, max_size=6), st.integers(0, 6))
def test_a_test_with_an_assertion_about_a_result_is_never_named(lines: list[str], at: int) -> None:
    lines.insert(at, "assert slug('x') == 'x'")
    body = "\n".join(f"    {line}" for line in lines)
    assert _why(f"def test_a():\n{body}") == ""
