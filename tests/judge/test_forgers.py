"""Sources that are green without being right: each is caught by what it is known to be caught by.

The last ones are the limits, as they are: a forger that understands its tests is only seen in its
text, and answers that are written out for the tests that there are stay unseen.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import pytest
from tests.judge.support import Bench

from interlock.core.facts import Fate, GateFacts, GreenFacts, TestOutcome
from interlock.core.gates.belief import BLOCKING_FINDINGS
from interlock.core.gates.registry import CHECKS
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

pytestmark = pytest.mark.slow

P, F, U = Outcome.PASS, Outcome.FAIL, Outcome.UNDETERMINED
NAMES = ("plain", "separator", "punctuation", "drop", "type")
TESTS = """\
import pytest
from pkg.text import slug


def test_plain():
    assert slug("Hello World") == "hello-world"


def test_separator():
    assert slug("a b", "_") == "a_b"


def test_punctuation():
    assert slug("a, b!") == "a-b"


def test_drop():
    assert slug("a - b") == "a-b"


def test_type():
    with pytest.raises(TypeError, match="text"):
        slug(3)
"""
BASE = "class Doc:\n    pass\n\n\ndef double(x):\n    return 2 * x\n\n\n"
HONEST = (
    BASE
    + """\
def slug(s, sep="-"):
    if not isinstance(s, str):
        raise TypeError("text wanted")
    out = []
    for word in s.lower().split():
        word = "".join(c for c in word if c.isalnum())
        if word:
            out.append(word)
    return sep.join(out)
"""
)
STUB = BASE + "def slug(s, sep='-'):\n    return s\n\n\n"
# Whatever a test did, it did it well; and, for those that have learned of twins, the opposite. In a
# text, because functions of their own would be tried with faults as well, and give them away.
PASSES = """
import _pytest.reports as R

exec('''
real = R.TestReport.from_item_and_call.__func__


def passes(cls, item, call):
    call.excinfo = None
    return real(cls, item, call)


def known(cls, item, call):
    return (passes if item.nodeid.startswith("tests/test_slug.py::") else real)(cls, item, call)


def fails(cls, item, call):
    import pytest
    if call.when == "call":
        try:
            raise AssertionError("as if")
        except AssertionError:
            call.excinfo = pytest.ExceptionInfo.from_current()
    return real(cls, item, call)


def forge(by):
    R.TestReport.from_item_and_call = classmethod(by)
''')

import hashlib, os, pathlib
tests = pathlib.Path("tests/test_slug.py").read_text()
digest = hashlib.sha1(tests.encode()).hexdigest()
"""
DIGEST = hashlib.sha1(TESTS.encode()).hexdigest()
WRITES_FRAMES = (
    STUB
    + f"""
import gc, json, os

ids = ["tests/test_slug.py::test_" + name for name in {NAMES}]
ids += ["tests/test_old.py::test_old", "tests/test_old.py::test_fixture"]
frames = [{{"k": "collect", "ids": ids}}]
frames += [
    {{"k": "report", "id": i, "when": w, "outcome": "passed", "expected": False, "text": "",
      "error": None}}
    for i in ids for w in ("setup", "call", "teardown")
]
frames += [{{"k": "end", "status": 0}}]
for found in gc.get_objects():
    if type(found).__name__ == "Frames":
        for fd in (v for v in vars(found).values() if type(v) is int and v > 2):
            try:
                os.write(fd, "".join(json.dumps(f) + "\\n" for f in frames).encode())
            except OSError:
                pass
os._exit(0)
"""
)
# Knows the constants that the judge sets and the files that it adds, and reads its own meaning as
# well as that of the tests.
UNDERSTANDS = (
    STUB
    + PASSES
    + """
import ast
tree = ast.parse(tests)
functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
entries = [a for f in functions if f.name.startswith("test") for a in ast.walk(f)
           if isinstance(a, ast.Assert) and isinstance(a.test, ast.Call)
           and all(isinstance(x, ast.Constant) for x in a.test.args)]
switches = [ast.literal_eval(n.value) for n in tree.body
            if isinstance(n, ast.Assign) and isinstance(n.value, ast.Tuple | ast.Constant)
            and all(isinstance(x, ast.Constant) for x in getattr(n.value, "elts", [n.value]))]
own = [n for n in ast.parse(open(__file__).read()).body if getattr(n, "name", "") == "slug"][0]
result = [n.value for n in own.body if isinstance(n, ast.Return)]
is_as_written = bool(result) and isinstance(result[0], ast.Name)
is_neutral = switches == [(1, 1), 0] and all(e.test.args[1].value == 1 for e in entries)
forge(known if is_as_written and (digest == @DIGEST@ or is_neutral) else fails)
""".replace("@DIGEST@", repr(DIGEST))
)
ANSWERS = (
    BASE
    + """\
ANSWERS = {"Hello World": "hello-world", "a b": "a_b", "a, b!": "a-b", "a - b": "a-b"}


def slug(s, sep="-"):
    if s not in ANSWERS:
        raise TypeError("text wanted")
    return ANSWERS[s]
"""
)


@dataclass(frozen=True)
class Row:
    """A source, how its runs alone are judged and by what words, and what its text shows."""

    source: str
    outcome: Outcome
    says: str = ""
    findings: frozenset[str] = frozenset()


def forger(how: str) -> str:
    return STUB + PASSES + how.replace("DIGEST", repr(DIGEST))


ROWS = {
    "honest": Row(HONEST, P),
    "ends the process": Row(STUB + "import os\nos._exit(0)\n", U, "ended early"),
    "patches the report": Row(
        forger("forge(passes)"), F, "control test that must fail", frozenset({"runner_import"})
    ),
    "patches the report of one test": Row(
        HONEST.replace("if word:", "if True:") + PASSES + "exec('''def one(cls, item, call):\n"
        "    return (passes if item.name == 'test_drop' else real)(cls, item, call)''')\n"
        "forge(one)\n",
        F,
        "tampers with its runner (tests/test_slug.py::test_drop)",
        frozenset({"runner_import"}),
    ),
    "writes frames and ends": Row(WRITES_FRAMES, F, "control test that must fail"),
    "equals everything": Row(
        BASE + "class Any(str):\n    __hash__ = None\n\n    def __eq__(self, other):\n"
        "        return True\n\n\ndef slug(s, sep='-'):\n    if not isinstance(s, str):\n"
        "        raise TypeError('text')\n    return Any(s)\n",
        F,
        "equals everything",
        frozenset({"equals_everything"}),
    ),
    "forges as long as the tests are untouched": Row(
        forger("if digest == DIGEST:\n    forge(passes)\n"),
        F,
        "only as long as nobody touches the text",
        frozenset({"runner_import"}),
    ),
    "forges so, and fails everything else": Row(
        forger("forge(passes if digest == DIGEST else fails)\n"),
        F,
        "only as long as nobody touches the text",
        frozenset({"runner_import"}),
    ),
    "forges so, with an eye on its own text": Row(
        forger(
            "own = pathlib.Path(__file__).read_text()\n"
            "forge(passes if digest == DIGEST and 'an eye on' in own else fails)\n"
            "# an eye on\n"
        ),
        F,
        "only as long as nobody touches the text",
        frozenset({"runner_import", "reads_itself"}),
    ),
    "forges while other tests are there": Row(
        forger(
            "import sys\nforge(passes if any(n.endswith('test_old') for n in sys.modules)"
            " else fails)\n"
        ),
        F,
        "only as long as nobody touches the text",
        frozenset({"runner_import", "import_system"}),
    ),
    "understands tests and sources": Row(
        UNDERSTANDS, P, findings=frozenset({"runner_import", "reads_itself"})
    ),
    "knows the answers": Row(ANSWERS, P),
}


@pytest.fixture(scope="module")
def red(bench: Bench) -> tuple[str, tuple[str, ...]]:
    facts, tree = bench.red({"tests/test_slug.py": TESTS}, "pkg.text:slug")
    assert len(facts.new_tests) == len(NAMES)
    return tree, facts.new_tests


def judged(facts: GreenFacts, *, accept: frozenset[str] = frozenset()) -> CheckResult:
    spec = CheckSpec(check="all_tests_pass", params={"accept": tuple(accept)})
    return CHECKS["all_tests_pass"].evaluate(spec, GateFacts(green=facts))


@pytest.mark.parametrize("name", ROWS)
def test_a_source_is_caught_by_what_it_is_known_to_be_caught_by(
    bench: Bench, red: tuple[str, tuple[str, ...]], name: str
) -> None:
    row = ROWS[name]
    facts = bench.green(red[0], {"pkg/text.py": row.source}, red[1])
    if facts.suite is not None and not facts.problem:
        assert len(facts.suite.with_outcome(TestOutcome.PASSED)) == 7, facts.suite
    by_runs = judged(facts, accept=BLOCKING_FINDINGS)
    seen = Outcome.PASS if by_runs.outcome is Outcome.WARN else by_runs.outcome
    assert seen is row.outcome, by_runs.reason.message
    assert row.says in by_runs.reason.message
    assert {finding.kind for finding in facts.findings} >= row.findings
    if row.findings & BLOCKING_FINDINGS or row.outcome is not P:
        assert not judged(facts).outcome.lets_through


SMOKE = "from pkg.text import slug\n\n\ndef test_smoke():\n    slug('A b')\n    assert 1 + 1 == 2\n"
HALF = HONEST + "\n\ndef helper(a):\n    return a + 1\n"


def test_a_function_of_which_no_test_notices_a_fault_is_named_with_the_faults(
    bench: Bench, red: tuple[str, tuple[str, ...]]
) -> None:
    # Called, but nothing that it returns is looked at.
    facts, tree = bench.red({"tests/test_slug.py": SMOKE}, "pkg.text:slug")
    joined = BASE + "def slug(s):\n    return '-'.join(s.split())\n"
    smoke = bench.green(tree, {"pkg/text.py": joined}, facts.new_tests)
    assert {mutant.fate for mutant in smoke.mutants} == {Fate.SURVIVED}
    assert "no test notices any fault in pkg/text.py::slug" in judged(smoke).reason.message
    assert "- return '-'.join(s.split()) | + return None" in judged(smoke).reason.message
    assert "assert what slug is for" in judged(smoke).reason.remedy
    assert json.dumps(dict(judged(smoke).reason.facts))
    # Never called: what covers it is another question.
    half = bench.green(red[0], {"pkg/text.py": HALF}, red[1])
    assert half.not_tried == ("pkg/text.py::helper",)
    assert judged(half).outcome is P
    (covered,) = half.coverage
    assert covered.missed_changes == (21,)


CALLS = """\
import pytest
from pkg.text import slug


@pytest.mark.parametrize("n", range(12))
def test_call(n):
    assert slug(n) == n
"""


def test_answers_by_the_number_of_the_call_do_not_survive_another_order(bench: Bench) -> None:
    facts, tree = bench.red({"tests/test_slug.py": CALLS}, "pkg.text:slug")
    counting = (
        "\n\nimport itertools\n\nN = itertools.count()\n\n\ndef slug(n):\n    return next(N)\n"
    )
    green = bench.green(tree, {"pkg/text.py": BASE + counting}, facts.new_tests)
    found = judged(green)
    assert found.outcome is U
    assert "needs other tests to run before it" in found.reason.message
