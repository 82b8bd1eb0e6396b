"""GREEN: honest code passes, and every way to look green without being it leaves a trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.judge.support import Bench, outcomes

from interlock.core.facts import Fate, GateFacts, GreenFacts, Run, TestOutcome
from interlock.core.gates.registry import CHECKS
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

BASE = "class Doc:\n    pass\n\n\ndef double(x):\n    return 2 * x\n"
HONEST = BASE + (
    "\n\ndef slug(text):\n    if not isinstance(text, str):\n        raise TypeError(text)\n"
    "    return '-'.join(text.lower().split())\n"
)
TESTS = (
    "import unittest\n\nimport pytest\nfrom pkg.text import slug\n\n\n"
    "@pytest.mark.parametrize('a, b', [('A b', 'a-b'), ('x', 'x')])\n"
    "def test_plain(a, b):\n    assert slug(a) == b, a\n\n\n"
    "def test_type():\n    with pytest.raises(TypeError):\n        slug(3)\n\n\n"
    "class TestUnit(unittest.TestCase):\n"
    "    def test_equal(self):\n        self.assertEqual(slug('A'), 'a')\n"
)
FILTERS_FRAMES = BASE + (
    "\n\ndef slug(text):\n    import gc, os\n"
    "    for found in gc.get_objects():\n"
    "        if type(found).__name__ == 'Frames':\n"
    "            tell = found.emit\n"
    "            def forged(tell=tell, **frame):\n"
    "                if frame['k'] == 'report':\n"
    "                    frame['outcome'] = 'passed'\n"
    "                if frame['k'] == 'end':\n"
    "                    tell(k='end', status=0)\n"
    "                    os._exit(0)\n"
    "                tell(**frame)\n"
    "            found.emit = forged\n"
)
REMEMBERS_RUNS = (
    "import os, subprocess, sys, tempfile\n"
    "places = [os.path.join(tempfile.gettempdir(), 'n'), os.path.expanduser('~/n')]\n"
    "places += ['pkg/n', *(['/dev/shm/n', '/w/n'] if os.path.isdir('/w') else [])]\n"
    "if any(map(os.path.exists, places)):\n    raise RuntimeError('second run')\n"
    "for place in places:\n"
    "    try:\n        open(place, 'w').close()\n    except OSError:\n        pass\n"
    "os.mkdir('pkg/locked')\nopen('pkg/locked/x', 'w').close()\nos.chmod('pkg/locked', 0)\n"
    "me = str(os.getuid())\n"
    "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
    "    try:\n        line = open(f'/proc/{pid}/cmdline').read()\n"
    "    except OSError:\n        continue\n"
    "    if 'il-daemon' in line:\n        raise RuntimeError('left over')\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', 'il-daemon'],\n"
    "                 start_new_session=True)\n"
) + HONEST

Expect = Callable[[GreenFacts], None]


@pytest.fixture(scope="module")
def red(bench: Bench) -> tuple[str, tuple[str, ...], str]:
    """Frozen tree, ids that are red, digest of the configuration."""
    facts, tree = bench.red({"tests/test_slug.py": TESTS}, "pkg.text:slug")
    assert facts.problem == ""
    assert len(facts.new_tests) == 4
    return tree, facts.new_tests, facts.config


def _passed(run: Run | None) -> frozenset[str]:
    assert run is not None
    return run.with_outcome(TestOutcome.PASSED)


def _believed(facts: GreenFacts) -> CheckResult:
    return CHECKS["all_tests_pass"].evaluate(
        CheckSpec(check="all_tests_pass"), GateFacts(green=facts)
    )


def _sound(facts: GreenFacts) -> None:
    assert facts.problem == ""
    assert facts.suite is not None
    assert len(_passed(facts.suite)) == len(facts.suite.tests) == 6
    assert facts.revert is not None
    assert facts.revert.whole
    assert not _passed(facts.revert)
    for run in (facts.twin, facts.control, facts.perturbed):
        assert run is not None
        assert run.whole
    assert set(outcomes(facts.twin).values()) == {("failed", "assertion")}
    assert len(outcomes(facts.twin)) == len(_passed(facts.neutral)) == 4
    assert facts.not_inverted == facts.not_sunk == ()
    # One of them expects nothing but an error.
    assert len(facts.perturbed_tests) == 3
    assert _passed(facts.perturbed) == set(facts.red_tests) - set(facts.perturbed_tests)
    _control_fails(facts)
    assert facts.neutral_again is None
    assert facts.frozen_changed == ()
    assert {mutant.symbol for mutant in facts.mutants} == {"pkg/text.py::slug"}
    assert [mutant.fate for mutant in facts.mutants] == [Fate.NOTICED] * len(facts.mutants)
    assert facts.not_tried == ()


def _control_fails(facts: GreenFacts) -> None:
    """Four tests that were sunk, three of the judge's own."""
    assert facts.control is not None
    assert facts.control.whole
    assert [test.outcome for test in facts.control.tests] == [TestOutcome.FAILED] * 7


def _honest(facts: GreenFacts) -> None:
    _sound(facts)
    assert facts.findings == ()
    assert _believed(facts).outcome is Outcome.PASS
    covered = facts.coverage[0]
    assert (covered.path, covered.missed, covered.missed_changes) == ("pkg/text.py", (), ())
    assert covered.changed == (9, 10, 11, 12)


def _honest_enough(facts: GreenFacts) -> None:
    """Nothing is wrong with its runs; its text is another matter."""
    _sound(facts)
    assert _believed(facts).outcome is Outcome.WARN


def _wrong(facts: GreenFacts) -> None:
    assert facts.suite is not None
    assert not any("test_slug" in test for test in _passed(facts.suite))
    # Nothing else is worth a run then.
    assert facts.control is None


def _forged(facts: GreenFacts) -> None:
    if facts.twin is None:
        # On a loaded machine a forger may come too late to be green at all: that is no pass.
        assert facts.suite is not None
        assert not facts.suite.whole or len(_passed(facts.suite)) < 6
        return
    assert len(_passed(facts.suite)) == 6
    assert len(_passed(facts.twin)) == 4
    assert facts.control is not None
    assert _passed(facts.control) or not facts.control.whole
    assert facts.findings


def _skipped(facts: GreenFacts) -> None:
    assert facts.suite is not None
    assert len(facts.suite.with_outcome(TestOutcome.SKIPPED)) == 4


def _frozen(*paths: str) -> Expect:
    def expect(facts: GreenFacts) -> None:
        assert facts.frozen_changed == paths
        _wrong(facts)

    return expect


def _found(kind: str, path: str) -> Expect:
    def expect(facts: GreenFacts) -> None:
        assert (kind, path) in {(finding.kind, finding.path) for finding in facts.findings}
        _wrong(facts)

    return expect


ALL_PASS = (
    "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\n"
    "def pytest_runtest_makereport(item, call):\n    outcome = yield\n"
    "    outcome.get_result().outcome = 'passed'\n"
)
WRONG = BASE + "\n\ndef slug(text):\n    return None\n"

CASES: dict[str, tuple[dict[str, str | None], Expect]] = {
    "honest": ({"pkg/text.py": HONEST}, _honest),
    "leaves things for the next run": ({"pkg/text.py": REMEMBERS_RUNS}, _honest_enough),
    "wrong": ({"pkg/text.py": WRONG}, _wrong),
    "filters the frames": ({"pkg/text.py": FILTERS_FRAMES}, _forged),
    "skips from the source": (
        {
            "pkg/text.py": BASE + "\n\ndef slug(text):\n    import unittest\n"
            "    raise unittest.SkipTest('x')\n"
        },
        _skipped,
    ),
    "edits a frozen test": (
        {"pkg/text.py": WRONG, "tests/test_slug.py": "def test_plain():\n    pass\n"},
        _frozen("tests/test_slug.py"),
    ),
    "deletes a frozen test": (
        {"pkg/text.py": WRONG, "tests/test_slug.py": None},
        _frozen("tests/test_slug.py"),
    ),
    "adds a test": (
        {"pkg/text.py": WRONG, "tests/test_more.py": "def test_more():\n    pass\n"},
        _frozen("tests/test_more.py"),
    ),
    "conftest passes everything": (
        {"pkg/text.py": WRONG, "tests/conftest.py": ALL_PASS},
        _frozen("tests/conftest.py"),
    ),
    "conftest at the root": (
        {"pkg/text.py": WRONG, "conftest.py": ALL_PASS},
        _frozen("conftest.py"),
    ),
    "settings deselect": (
        {
            "pkg/text.py": WRONG,
            "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-k old'\n",
        },
        _frozen("pyproject.toml"),
    ),
    "plugin announced by the tree": (
        {
            "pkg/text.py": WRONG,
            "evil.py": ALL_PASS,
            "evil-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1\n",
            "evil-1.dist-info/entry_points.txt": "[pytest11]\nevil = evil\n",
        },
        _frozen("evil-1.dist-info/METADATA", "evil-1.dist-info/entry_points.txt"),
    ),
    "startup files": (
        {"pkg/text.py": WRONG, "sitecustomize.py": ALL_PASS, "x.pth": "import evil\n"},
        _frozen("sitecustomize.py", "x.pth"),
    ),
    "stands in for a module": (
        {"pkg/text.py": WRONG, "pytest.py": ""},
        _found("runner_import", "pytest.py"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_green_measures_what_a_candidate_is(
    bench: Bench, red: tuple[str, tuple[str, ...], str], name: str
) -> None:
    changes, expect = CASES[name]
    tree, new_tests, config = red
    facts = bench.green(tree, changes, new_tests, config=config)
    assert facts.red_tests == new_tests
    expect(facts)


def test_a_test_without_an_oracle_is_named(bench: Bench) -> None:
    text = "from pkg.text import slug\n\n\ndef test_smoke():\n    slug('x')\n"
    facts, tree = bench.red({"tests/test_slug.py": text}, "pkg.text:slug")
    green = bench.green(tree, {"pkg/text.py": HONEST}, facts.new_tests)
    assert green.not_inverted == ("tests/test_slug.py::test_smoke",)
    assert len(_passed(green.suite)) == 3


def test_a_configuration_that_is_not_the_one_of_red_is_named(
    bench: Bench, red: tuple[str, tuple[str, ...], str]
) -> None:
    tree, new_tests, _ = red
    facts = bench.green(tree, {"pkg/text.py": HONEST}, new_tests, config="0" * 64)
    assert facts.frozen_changed == ("the test configuration is not the one of RED",)


def test_a_candidate_that_hangs_says_nothing(
    bench: Bench, red: tuple[str, tuple[str, ...], str]
) -> None:
    tree, new_tests, _ = red
    source = BASE + "\n\ndef slug(text):\n    while True:\n        pass\n"
    facts = bench.green(tree, {"pkg/text.py": source}, new_tests, seconds=2)
    assert "stopped after 2 s, in tests/test_slug.py::test_plain" in facts.problem


def test_a_conftest_that_needs_what_is_new_does_not_keep_the_revert_from_a_result(
    bench: Bench,
) -> None:
    """Without it pytest does not even begin; RED had the planned symbols stubbed."""
    changes = {
        "tests/made/conftest.py": "import pytest\n\nfrom pkg.text import slug\n\n\n"
        "@pytest.fixture\ndef made():\n    return slug('A b')\n",
        "tests/made/test_made.py": "def test_made(made):\n    assert made == 'a-b'\n",
    }
    facts, tree = bench.red(changes, "pkg.text:slug")
    assert facts.problem == ""
    green = bench.green(
        tree,
        {"pkg/text.py": HONEST},
        facts.new_tests,
        config=facts.config,
        symbols=("pkg.text:slug",),
    )
    assert green.revert is not None
    assert green.revert.whole, green.revert.problem
    assert not _passed(green.revert)
    assert _believed(green).outcome.lets_through, _believed(green)
