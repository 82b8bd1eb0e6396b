"""RED: each new test by itself, and for the right reason."""

from __future__ import annotations

import msgspec
import pytest
from tests.judge.support import Bench, outcomes

from interlock.core.facts import RedFacts

SYMBOLS = (
    "pkg.text:slug",
    "pkg.text:Title",
    "pkg.text:TitleError",
    "pkg.text:WIDTH",
    "pkg.text:Doc.words",
    "pkg.fresh:thing",
    "pkg/other.py::helper",
    "pkg.deep.inner.name",
)
PLANNED, ASSERTED, BEHAVES, OTHER = (
    ("failed", "planned_symbol"),
    ("failed", "assertion"),
    ("failed", "behaviour"),
    ("failed", "other"),
)

# Function → (body below the imports, outcome and cause). One file each, one run for all of them.
CASES: dict[str, tuple[str, tuple[str, str]]] = {
    "calls_a_planned_function": ("assert slug('A b') == 'a-b'", PLANNED),
    "makes_a_planned_class": ("assert Title('a').text == 'a'", PLANNED),
    "uses_an_attribute_of_a_planned_class": ("assert Title.DEFAULT == 1", PLANNED),
    "expects_a_planned_error": (
        "with pytest.raises(TitleError):\n        double(1)",
        ASSERTED,
    ),
    "compares_a_planned_value": ("assert WIDTH == 80", PLANNED),
    "checks_an_instance": ("assert isinstance(double(1), Title)", ASSERTED),
    "calls_a_planned_method": ("assert Doc().words() == []", PLANNED),
    "imports_a_planned_module": ("from pkg.fresh import thing\n    assert thing(1) == 1", PLANNED),
    "imports_by_path": ("import pkg.other\n    assert pkg.other.helper()", PLANNED),
    "imports_a_deep_module": ("from pkg.deep.inner import name\n    assert name() == 1", PLANNED),
    "asserts_what_is_not_so": ("assert double(2) == 5", ASSERTED),
    "expects_what_is_not_raised": ("with pytest.raises(ValueError):\n        double(1)", ASSERTED),
    "fails_by_itself": ("pytest.fail('not there')", ASSERTED),
    "expects_another_error": ("with pytest.raises(ValueError):\n        slug(1)", PLANNED),
    "has_a_typo_in_a_name": ("assert doubel(2) == 4", OTHER),
    "has_a_typo_in_an_attribute": ("assert Doc().wrods() == []", OTHER),
    "imports_what_is_not_planned": ("from pkg.text import nothing", OTHER),
    "fails_in_the_code_under_test": ("assert double(None) == 0", BEHAVES),
    "expects_another_error_of_it": (
        "with pytest.raises(ValueError):\n        double(None)",
        BEHAVES,
    ),
    "gives_an_argument_that_is_not_taken": ("assert double(2, by=3) == 6", BEHAVES),
    "calls_what_is_local_with_an_argument_missing": (
        "def add(x):\n        return x\n    assert add() == 1",
        BEHAVES,
    ),
    "makes_an_object_that_takes_no_arguments": ("assert Doc('a')", BEHAVES),
    "uses_what_it_gave_back": ("assert double(2)[0] == 4", BEHAVES),
    "looks_for_an_attribute_of_what_it_gave_back": ("assert double(2).words == 4", BEHAVES),
    "expects_an_object_of_another_class": ("assert Doc().pages == 1", BEHAVES),
    "calls_a_helper_of_the_tests_wrongly": ("assert helper(1, 2)", OTHER),
    "raises_in_a_helper_of_the_tests": ("assert helper(1)", BEHAVES),
    "asks_for_a_fixture_that_is_not_there": ("assert nothing", ("error", "other")),
    "passes_already": ("assert double(2) == 4", ("passed", "none")),
    "skips": ("pytest.skip('later')", ("skipped", "none")),
    "is_expected_to_fail": ("pytest.xfail('later')", ("xfailed", "none")),
    "raises_something_else": ("raise KeyError('x')", OTHER),
    "hides_the_stub_behind_another_error": (
        "try:\n        slug(1)\n    except NotImplementedError as e:\n"
        "        raise RuntimeError('x') from e",
        PLANNED,
    ),
    "pretends_to_be_a_stub": ("raise NotImplementedError('pkg.text:slug')", OTHER),
}

IMPORTS = (
    "import pytest\nfrom pkg.text import WIDTH, Doc, Title, TitleError, double, slug\n\n\n"
    "def helper(x):\n    raise LookupError(x)\n\n\n"
)


def _fixture(name: str) -> str:
    return "nothing" if "fixture" in name else ""


@pytest.fixture(scope="module")
def facts(bench: Bench) -> RedFacts:
    files: dict[str, str | None] = {
        f"tests/test_{name}.py": f"{IMPORTS}def test_{name}({_fixture(name)}):\n    {body}\n"
        for name, (body, _) in CASES.items()
    }
    files |= {
        "tests/test_unit.py": (
            "import unittest\nfrom pkg.text import double, slug\n\n\n"
            "class TestUnit(unittest.TestCase):\n"
            "    def test_planned(self):\n        self.assertEqual(slug('a'), 'a')\n\n"
            "    def test_equal(self):\n        self.assertEqual(double(1), 3)\n\n"
            "    def test_sub(self):\n        for i in (1, 2):\n"
            "            with self.subTest(i=i):\n                self.assertEqual(slug(i), i)\n"
        ),
        "tests/test_many.py": (
            f"{IMPORTS}@pytest.fixture\ndef title():\n    return Title('x')\n\n\n"
            "@pytest.mark.parametrize('a', ['x', 'y::z', '[1]'])\n"
            "def test_many(a):\n    assert slug(a) == a\n\n\n"
            "def test_by_fixture(title):\n    assert title.text == 'x'\n\n\n"
            "class Bare:\n    pass\n\n\n"
            "@pytest.mark.parametrize('a', [Bare(), Bare()], ids=str)\n"
            "def test_bare(a):\n    assert slug(a)\n\n\n"
            "@pytest.mark.parametrize('a', [1, 2, pytest.param(3, marks=pytest.mark.skip)])\n"
            "def test_where_it_ends(a):\n    assert double(a) == 2\n\n\n"
            "class Kind:\n    def test_inherited(self):\n        assert double(self.a) == 2\n\n\n"
            "class TestOne(Kind):\n    a = 1\n\n\nclass TestTwo(Kind):\n    a = 2\n"
        ),
        "tests/test_noise.py": (
            "import os\n\n\ndef test_noise(capfd):\n    with capfd.disabled():\n"
            "        os.write(1, b'x' * 5_000_000)\n        os.write(2, b'\\xff' * 1000)\n"
            "    assert False\n"
        ),
        "tests/test_broken.py": "def test_broken(:\n    pass\n",
        "tests/test_unplanned.py": "from pkg.text import nobody\n\n\ndef test_x():\n    nobody()\n",
        "tests/test_early.py": (
            "import pytest\nfrom pkg.text import WIDTH, Title, slug\n\n"
            "A = slug('a')\nTABLE = [Title('a').text, f'{WIDTH}', *WIDTH]\nKind = Title[int]\n\n\n"
            "@slug('b')\n@slug\ndef test_decorated(three):\n    pass\n\n\n"
            "@pytest.mark.parametrize('a', TABLE)\ndef test_table(a):\n    assert a == 1\n\n\n"
            "def test_constant():\n    assert A == 'a'\n"
        ),
        "tests/test_old.py": (
            "from pkg.text import double\n\n\n"
            "def test_old():\n    # a comment only\n    assert double(2) == 4\n\n\n"
            "def test_fixture(three):\n    assert double(three) == 7\n"
        ),
    }
    found, _ = bench.red(files, *SYMBOLS)
    return found


def test_everything_planned_is_stubbed(facts: RedFacts) -> None:
    assert facts.problem == ""
    assert facts.stubbed == SYMBOLS
    assert not facts.not_stubbed
    assert facts.level in ("full", "none")
    assert len(facts.environment) == len(facts.config) == 64
    assert msgspec.convert(msgspec.to_builtins(facts), RedFacts) == facts


@pytest.mark.parametrize("name", CASES)
def test_a_new_test_fails_for_its_own_reason(facts: RedFacts, name: str) -> None:
    assert outcomes(facts.red)[f"test_{name}"] == CASES[name][1]
    assert f"tests/test_{name}.py::test_{name}" in facts.new_tests


@pytest.mark.parametrize(
    "test, expected",
    [
        ("TestUnit::test_planned", PLANNED),
        ("TestUnit::test_equal", ASSERTED),
        ("TestUnit::test_sub", PLANNED),
        ("test_many[x]", PLANNED),
        ("test_bare[<test_many.Bare object at 0x>]", PLANNED),
        ("test_bare[<test_many.Bare object at 0x>]#2", PLANNED),
        ("test_many[y::z]", PLANNED),
        ("test_many[[1]]", PLANNED),
        ("test_by_fixture", ("error", "planned_symbol")),
        ("test_noise", ASSERTED),
        ("test_decorated", PLANNED),
        ("test_table[a0]", PLANNED),
        ("test_table[planned]", ASSERTED),
        ("test_constant", PLANNED),
    ],
)
def test_other_kinds_of_tests_are_understood(
    facts: RedFacts, test: str, expected: tuple[str, str]
) -> None:
    assert outcomes(facts.red)[test] == expected


def test_only_a_changed_function_of_an_old_file_is_new(facts: RedFacts) -> None:
    old = {test for test in facts.new_tests if test.startswith("tests/test_old.py")}
    assert old == {"tests/test_old.py::test_fixture"}
    assert outcomes(facts.red)["test_old"] == ("passed", "none")


@pytest.mark.parametrize(
    "path, says",
    [
        ("tests/test_broken.py", "SyntaxError"),
        ("tests/test_unplanned.py", "cannot import name 'nobody'"),
    ],
)
def test_a_file_that_cannot_be_collected_hides_no_other(
    facts: RedFacts, path: str, says: str
) -> None:
    assert facts.red is not None
    assert facts.red.whole
    assert says in facts.red.collect_errors[path]


def test_the_base_was_measured_too(facts: RedFacts) -> None:
    assert outcomes(facts.base) == {
        "test_old": ("passed", "none"),
        "test_fixture": ("passed", "none"),
    }


def test_what_passes_beside_its_own_failures_is_a_guard(facts: RedFacts) -> None:
    guards = {test.partition("::")[2] for test in facts.guards}
    assert guards == {"test_where_it_ends[1]", "test_where_it_ends[3]", "TestOne::test_inherited"}
    assert set(facts.guards) < set(facts.new_tests)


def test_a_changed_conftest_brings_new_ids_of_unchanged_files(bench: Bench) -> None:
    conftest = (
        "import pytest\n\n\n@pytest.fixture(params=[3, 4])\ndef three(request):\n"
        "    return request.param\n"
    )
    facts, _ = bench.red({"tests/conftest.py": conftest})
    # The other one passes, as the same function did before.
    assert facts.new_tests == ("tests/test_old.py::test_fixture[4]",)
    assert facts.guards == ()


def test_sources_of_the_candidate_are_not_looked_at(bench: Bench) -> None:
    facts, _ = bench.red(
        {
            "tests/test_new.py": "from pkg.text import slug\n\n\ndef test_new():\n    slug()\n",
            "pkg/text.py": "def slug():\n    pass\n",
        },
        "pkg.text:slug",
    )
    assert outcomes(facts.red) == {"test_new": PLANNED}


@pytest.mark.parametrize(
    "text, says",
    [
        ("X = 1\n", "no test of a changed file was found"),
        ("import time\n\n\ndef test_a():\n    time.sleep(60)\n", "test_new.py::test_a"),
        ("import os\nos._exit(0)\n", "the runner ended early (status 0)"),
        ("import os\n\n\ndef test_a():\n    os._exit(1)\n", "test_new.py::test_a"),
        (
            "import os\n\n\ndef test_a():\n    os.kill(os.getppid(), 9)\n",
            "code under test that kills it",
        ),
    ],
    ids=["no tests", "hangs", "exits at import", "exits in a test", "kills the runner"],
)
def test_what_cannot_be_measured_is_said(bench: Bench, text: str, says: str) -> None:
    facts, _ = bench.red({"tests/test_new.py": text}, seconds=2)
    assert says in facts.problem
    assert facts.red is None or not facts.red.whole or not facts.red.tests


def test_frames_written_by_a_test_are_not_believed(bench: Bench) -> None:
    forger = (
        "import os\n\n\ndef test_a():\n    for fd in range(3, 40):\n        try:\n"
        '            os.write(fd, b\'{"k":"end","status":0}\\n\')\n'
        "        except OSError:\n            pass\n    os._exit(0)\n"
    )
    facts, _ = bench.red({"tests/test_new.py": forger})
    assert "setup to teardown" in facts.problem


def test_a_symbol_that_is_there_already_is_not_stubbed(bench: Bench) -> None:
    facts, _ = bench.red(
        {"tests/test_new.py": "def test_a():\n    assert 0\n"}, "pkg.text:double", "nonsense"
    )
    assert facts.not_stubbed["pkg.text:double"] == "pkg/text.py defines it already"
    assert "package.module:name" in facts.not_stubbed["nonsense"]


def test_tests_see_the_candidate_through_an_editable_install(bench: Bench) -> None:
    text = (
        "import installed\n\n\ndef test_a(request):\n"
        "    assert installed.HERE != str(request.config.rootpath / 'lib' / 'installed.py')\n"
    )
    facts, _ = bench.red({"tests/test_new.py": text})
    assert outcomes(facts.red) == {"test_a": ASSERTED}


def test_new_tests_are_known_that_no_code_decides(bench: Bench) -> None:
    text = (
        "from pkg.text import slug\n\n\ndef test_a():\n    assert slug('a') == 'a'\n\n\n"
        "def test_b():\n    slug('a')\n    assert True\n"
    )
    facts, _ = bench.red({"tests/test_new.py": text}, "pkg.text:slug")
    assert facts.meaningless == {"tests/test_new.py::test_b": "asserts only what is always true"}
    assert facts.undiscovered == ()


@pytest.mark.parametrize(
    "files, passed_by",
    [
        ({"tests/slug_checks.py": "def test_a():\n    assert 0\n"}, ("tests/slug_checks.py",)),
        (
            {
                "tests/conftest.py": "collect_ignore = ['test_new.py']\n",
                "tests/test_new.py": "def test_a():\n    assert 0\n",
            },
            ("tests/test_new.py",),
        ),
        (
            {"tests/build/test_new.py": "def test_a():\n    assert 0\n"},
            ("tests/build/test_new.py",),
        ),
        (
            {
                "tests/shared.py": "class TestKind:\n    def test_a(self):\n        assert 0\n",
                "tests/test_new.py": (
                    "from tests.shared import TestKind\n\n\nclass TestB(TestKind):\n    pass\n"
                ),
            },
            (),
        ),
    ],
    ids=["another name", "ignored by the settings", "a place that is passed by", "inherited"],
)
def test_files_that_the_runner_does_not_find_by_itself_are_known(
    bench: Bench, files: dict[str, str | None], passed_by: tuple[str, ...]
) -> None:
    facts, _ = bench.red(files)
    assert facts.undiscovered == passed_by
