"""One environment for all tests of this room; pytest is its only package."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.judge.support import Bench

from interlock.adapters.confinement import probe
from interlock.ports.confinement import Level

FILES = {
    "pkg/__init__.py": "",
    "pkg/text.py": "class Doc:\n    pass\n\n\ndef double(x):\n    return 2 * x\n",
    "lib/installed.py": "HERE = __file__\n",
    "pkg/book.py": "class Book:\n    pages = 1\n",
    "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef three():\n    return 3\n",
    "tests/test_old.py": (
        "from pkg.text import double\n\n\n"
        "def test_old():\n    assert double(2) == 4\n\n\n"
        "def test_fixture(three):\n    assert double(three) == 6\n"
    ),
}


@pytest.fixture(scope="session")
def level() -> Level:
    return probe().level


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state").resolve()


@pytest.fixture(scope="session")
def bench(
    tmp_path_factory: pytest.TempPathFactory, state: Path, level: Level, _isolated_session: None
) -> Bench:
    """A package with two tests and a fixture."""
    return Bench(tmp_path_factory.mktemp("bench"), state, level, FILES)
