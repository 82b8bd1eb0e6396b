"""Signs of a forged result in a text, as far as the base does not have them."""

from __future__ import annotations

import pytest

from interlock.statics.python import affected_symbols, changed_symbols, findings


@pytest.mark.parametrize(
    "source, kind",
    [
        ("import _pytest.reports", "runner_import"),
        ("from unittest import mock", "testing_import"),
        ("import gc", "insight_import"),
        ("from os import _exit", "process_exit"),
        ("import os\nos._exit(0)", "process_exit"),
        ("import sys\nsys._getframe()", "frames"),
        ("import sys\nsys.modules['x']", "import_system"),
        ("exec('x')", "dynamic_code"),
        ("open(__file__)", "reads_itself"),
        ("x = '/proc/self/fd'", "names_tests"),
        ("x = 'tests/test_a.py'", "names_tests"),
        ("x = 'PYTEST_CURRENT_TEST'", "runner_name"),
        ("x = '_pytest.reports'", "runner_name"),
        ("import sys\n'pytest' in sys.modules", "runner_name"),
        ("x = 'run pytest'", "names_tests"),
        ("class A:\n    def __eq__(self, o): return True", "equals_everything"),
        ("class A:\n    def __bool__(self): return True", "constant_answer"),
        ("def (", "unparsable"),
    ],
)
def test_a_sign_is_found_where_it_is_new(source: str, kind: str) -> None:
    found = findings("pkg/a.py", b"", source.encode())
    assert kind in [finding.kind for finding in found]
    assert findings("pkg/a.py", source.encode(), b"# moved\n" + source.encode()) == ()
    assert len(findings("pkg/a.py", source.encode(), source.encode() * 1)) == 0


@pytest.mark.parametrize(
    "path, kind",
    [
        ("sitecustomize.py", "startup_file"),
        ("src/x.pth", "startup_file"),
        ("a.pyc", "bytecode"),
        ("x.egg-info/entry_points.txt", "plugin"),
        ("pytest.py", "runner_import"),
        ("src/json/__init__.py", "shadows"),
    ],
)
def test_a_file_can_be_a_sign_by_its_name(path: str, kind: str) -> None:
    assert [finding.kind for finding in findings(path, None, b"")] == [kind]
    assert findings(path, b"", b"") == ()


@pytest.mark.parametrize(
    "source",
    [
        "import json\n\n\ndef f(latest, contest):\n    return json.dumps('the latest contest')\n",
        "class A:\n    def __eq__(self, o):\n        return self.x == o.x\n",
        "'''How tests/ and pytest are run.'''\n\n\ndef f():\n    'As conftest says.'\n",
    ],
)
def test_ordinary_code_has_no_signs(source: str) -> None:
    assert findings("pkg/a.py", None, source.encode()) == ()


def test_one_more_of_the_same_is_new() -> None:
    one = b"import sys\nsys.modules\n"
    assert len(findings("a.py", one, one + b"sys.modules\n")) == 1


@pytest.mark.parametrize(
    "old, new, changed",
    [
        ("def f(): return 1", "def f():\n    # why\n    return (1)", set()),
        ("def f(): return 1", "def f(): return 2", {"f"}),
        ("def f(): pass", "@d\ndef f(): pass", {"f"}),
        ("class A:\n def f(self): pass", "class A:\n def f(self): return 1", {"A", "A.f"}),
        ("x = 1", "x = 1\ny = 2", {"y"}),
        ("def (", "def f(): pass", {"f"}),
        ("def f(): pass", "def (", set()),
    ],
)
def test_a_symbol_changes_with_its_meaning(old: str, new: str, changed: set[str]) -> None:
    assert changed_symbols(old.encode(), new.encode()) == changed


@pytest.mark.parametrize(
    "old, new, affected",
    [
        ("X = 1\ndef f(): return X", "X = 2\ndef f(): return X", {"f"}),
        ("X = 1\nY = X\ndef f(): return Y", "X = 2\nY = X\ndef f(): return Y", {"Y", "f"}),
        ("X = 1\nclass A:\n def f(self): X", "X = 2\nclass A:\n def f(self): X", {"A", "A.f"}),
        ("X = 1\ndef f(): return g", "X = 2\ndef f(): return g", set()),
        ("from a import b\ndef f(): b", "from a import b, c\ndef f(): b", set()),
        ("X = 1", "def (", set()),
    ],
)
def test_a_symbol_is_affected_by_what_it_reads(old: str, new: str, affected: set[str]) -> None:
    assert affected_symbols(old.encode(), new.encode()) == affected
