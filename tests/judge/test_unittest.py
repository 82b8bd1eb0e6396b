"""Projects whose tests are unittest's: measured alike, without pytest anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.judge.support import Bench, outcomes

from interlock.core.facts import GateFacts, GreenFacts, RedFacts, TestOutcome
from interlock.core.gates.registry import CHECKS
from interlock.core.model import CheckSpec, EnvironmentSpec
from interlock.core.reasons import Outcome
from interlock.ports.confinement import Level
from interlock.ports.judge import BaseRequest, GreenRequest, RedRequest

# In a part of a bigger tree, with nothing installed.
SPEC = EnvironmentSpec(runner="unittest", directory="part")
PATTERNS = ("**/tests/**",)
FILES = {
    "README": "",
    "part/pkg/__init__.py": "",
    "part/pkg/text.py": "def double(x):\n    return 2 * x\n",
    "part/tests/__init__.py": "",
    "part/tests/test_old.py": (
        "import unittest\n\nfrom pkg.text import double\n\n\n"
        "class Old(unittest.TestCase):\n"
        "    def test_double(self):\n        self.assertEqual(double(2), 4)\n\n"
        "    @unittest.skip('later')\n    def test_skipped(self):\n        pass\n\n"
        "    @unittest.expectedFailure\n    def test_expected(self):\n        self.fail()\n"
    ),
    # A package of its own, named like nothing else.
    "part/more/test_more.py": "import unittest\n\n\nclass More(unittest.TestCase):\n"
    "    def test_many(self):\n        for i in (1, 2):\n"
    "            with self.subTest(i=i):\n                self.assertTrue(i)\n",
}
BROKEN = {
    "part/tests/test_rooms.py": "import unittest\n\n\nclass Rooms(unittest.TestCase):\n"
    "    @classmethod\n    def setUpClass(cls):\n        raise OSError('no room')\n\n"
    "    def test_room(self):\n        pass\n",
    "part/more/test_odd.py": "import nothing_like_it\n",
}
NEW = (
    "import unittest\n\nfrom pkg.text import slug\n\n\n"
    "class Slug(unittest.TestCase):\n"
    "    def test_lower(self):\n        self.assertEqual(slug('A'), 'a')\n\n"
    "    def test_type(self):\n        with self.assertRaises(TypeError):\n            slug(3)\n\n"
    "    def test_parts(self):\n        for part in 'BC':\n            with self.subTest(part):\n"
    "                self.assertEqual(slug(part), part.lower())\n"
)
HONEST = (
    "\n\ndef slug(text):\n    if not isinstance(text, str):\n        raise TypeError(text)\n"
    "    return text.lower()\n"
)
FORGED = (
    "\n\nimport unittest\n\nfor name in ('addError', 'addFailure', 'addSubTest'):\n"
    "    for kind in unittest.TestResult.__subclasses__():\n"
    "        setattr(kind, name, lambda self, test, *rest: self.addSuccess(test))\n\n\n"
    "def slug(text):\n    return None\n"
)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, state: Path, level: Level) -> Bench:
    return Bench(tmp_path_factory.mktemp("cases"), state, level, FILES)


@pytest.fixture(scope="module")
def red(cases: Bench) -> tuple[RedFacts, str]:
    tree = cases.tree({"part/tests/test_slug.py": NEW})
    asked = RedRequest(
        base=cases.base,
        tree=tree,
        new_symbols=("pkg.text:slug",),
        test_patterns=PATTERNS,
        environment=SPEC,
        seconds=60,
    )
    return cases.judge.red(asked), tree


def _green(cases: Bench, red: tuple[RedFacts, str], source: str) -> GreenFacts:
    facts, tree = red
    changed = {"part/pkg/text.py": FILES["part/pkg/text.py"] + source}
    return cases.judge.green(
        GreenRequest(
            base=cases.base,
            red_tree=tree,
            tree=cases.tree(changed, on=tree),
            red_tests=facts.new_tests,
            new_tests=facts.new_tests,
            test_patterns=PATTERNS,
            config=facts.config,
            new_symbols=("pkg.text:slug",),
            environment=SPEC,
            seconds=60,
        )
    )


def _check(**facts: object) -> Outcome:
    name = "tests_are_failing" if "red" in facts else "all_tests_pass"
    spec = CheckSpec(check=name)
    return CHECKS[name].evaluate(spec, GateFacts(**facts)).outcome  # type: ignore[arg-type]


def test_a_base_is_measured_with_ids_that_stay_the_same(cases: Bench) -> None:
    base = cases.tree(BROKEN)
    facts = cases.judge.base(BaseRequest(base=base, environment=SPEC, seconds=60))
    assert facts.problem == ""
    assert facts.run is not None
    assert {test.id for test in facts.run.tests} == {
        *(f"part/tests/test_old.py::Old::test_{n}" for n in ("double", "skipped", "expected")),
        "part/tests/test_rooms.py::Rooms::test_room",
        "part/more/test_more.py::More::test_many",
    }
    assert {name: what for name, (what, _) in outcomes(facts.run).items()} == {
        "Old::test_double": "passed",
        "Old::test_skipped": "skipped",
        "Old::test_expected": "xfailed",
        "Rooms::test_room": "error",
        "More::test_many": "passed",
    }
    assert list(facts.run.collect_errors) == ["part/more/test_odd.py"]
    assert facts.flaky == ()


@pytest.mark.slow
def test_red_and_green_are_measured_as_for_any_runner(
    cases: Bench, red: tuple[RedFacts, str]
) -> None:
    facts, _ = red
    assert facts.problem == ""
    names = ("lower", "type", "parts")
    assert set(facts.new_tests) == {f"part/tests/test_slug.py::Slug::test_{n}" for n in names}
    assert outcomes(facts.red) == {
        "Slug::test_lower": ("failed", "planned_symbol"),
        "Slug::test_type": ("failed", "planned_symbol"),
        "Slug::test_parts": ("failed", "planned_symbol"),
    }
    assert _check(red=facts) is Outcome.PASS

    green = _green(cases, red, HONEST)
    assert green.problem == ""
    for run in (green.twin, green.control, green.revert):
        assert run is not None
        assert run.whole, run.problem
        assert not run.with_outcome(TestOutcome.PASSED)
    assert green.control is not None
    assert green.control.tests
    assert _check(green=green) is Outcome.PASS


def test_a_runner_that_is_tampered_with_is_not_believed(
    cases: Bench, red: tuple[RedFacts, str]
) -> None:
    forged = _green(cases, red, FORGED)
    assert forged.suite is not None
    assert set(red[0].new_tests) <= forged.suite.with_outcome(TestOutcome.PASSED)
    assert _check(green=forged) is Outcome.FAIL


@pytest.mark.parametrize(
    "files, ids",
    [
        (
            {
                "test_a.py": "import unittest\n\n\nclass A(unittest.TestCase):\n"
                "    def test_a(self):\n        pass\n\n\n"
                "def load_tests(loader, tests, pattern):\n    tests.addTests(list(tests))\n"
                "    return tests\n"
            },
            {"test_a.py::A::test_a", "test_a.py::A::test_a[2]"},
        ),
        (
            {
                "shared.py": "import unittest\n\n\nclass Base(unittest.TestCase):\n"
                "    def test_it(self):\n        pass\n",
                "x/test_a.py": "from shared import Base\n\n\nclass A(Base):\n    pass\n",
                "y/test_b.py": "from shared import Base\n\n\nclass B(Base):\n    pass\n",
            },
            {
                *("x/test_a.py::A::test_it", "x/test_a.py::Base::test_it"),
                *("y/test_b.py::B::test_it", "y/test_b.py::Base::test_it"),
            },
        ),
    ],
    ids=["load_tests", "inherited"],
)
def test_ids_are_unique_whatever_a_project_does(
    tmp_path: Path, state: Path, level: Level, files: Mapping[str, str], ids: set[str]
) -> None:
    bench = Bench(tmp_path, state, level, files)
    spec = EnvironmentSpec(runner="unittest")
    facts = bench.judge.base(BaseRequest(base=bench.base, environment=spec, seconds=60))
    assert facts.problem == ""
    assert facts.run is not None
    assert facts.run.ids == ids
