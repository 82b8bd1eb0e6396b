"""How a base does by itself: measured once, in two orders, for whoever asks."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.judge.support import PATTERNS, SPEC, Bench

from interlock.adapters.judge.variants import Variant
from interlock.adapters.judge.workbench import Measured, Workbench
from interlock.core.facts import BaseFacts, RedFacts
from interlock.ports.confinement import Level
from interlock.ports.judge import BaseRequest, RedRequest

# Every one of them but the last depends on the one before it.
_ORDERED = "".join(
    f"\n\ndef test_{n}():\n    SEEN.append({n})\n    assert SEEN == list(range({n + 1}))\n"
    for n in range(6)
)
FILES = {
    "tests/test_order.py": f"SEEN = []\n{_ORDERED}",
    "tests/test_steady.py": "def test_good():\n    pass\n\n\ndef test_bad():\n    assert 1 == 2\n",
    "tests/test_broken.py": "import nothing_like_it\n",
}


@pytest.fixture(scope="module")
def shaky(tmp_path_factory: pytest.TempPathFactory, state: Path, level: Level) -> Bench:
    """A project whose tests need their order, one of which fails anyway, and a broken file."""
    return Bench(tmp_path_factory.mktemp("shaky"), state, level, FILES)


@pytest.mark.slow
def test_a_base_is_measured_once_in_two_orders_and_red_waits_for_the_run_that_is_going_on(
    shaky: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: Counter[tuple[str, bool]] = Counter()
    real = Workbench.measure

    def counted(self: Workbench, variant: Variant, **more: Any) -> Measured:
        ran[variant.name, variant.seed is None] += 1
        return real(self, variant, **more)

    monkeypatch.setattr(Workbench, "measure", counted)
    tree = shaky.tree({"tests/test_new.py": "def test_new():\n    assert 0\n"})
    asked = RedRequest(base=shaky.base, tree=tree, test_patterns=PATTERNS, environment=SPEC)
    base: list[BaseFacts] = []
    red: list[RedFacts] = []
    question = BaseRequest(base=shaky.base, environment=SPEC, seconds=60)
    askers = [
        threading.Thread(target=lambda: base.append(shaky.judge.base(question))),
        threading.Thread(target=lambda: red.append(shaky.judge.red(asked))),
        threading.Thread(target=lambda: base.append(shaky.judge.base(question))),
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()

    facts = base[0]
    assert facts.problem == ""
    assert facts == base[1]
    assert facts.failing == ("tests/test_broken.py", "tests/test_steady.py::test_bad")
    assert facts.flaky
    assert all(i.startswith("tests/test_order.py::") for i in facts.flaky), facts.flaky
    assert facts.run is not None
    assert facts.run == red[0].base
    assert ran == {
        ("base", True): 1,
        ("base", False): 1,
        ("discovery", True): 1,
        ("red", True): 1,
    }
    # Kept for those who ask later, gates among them.
    assert shaky.judge.red(asked).flaky == facts.flaky
    assert ran["base", True] == 1


def test_a_base_that_cannot_be_measured_is_a_fact(
    tmp_path: Path, state: Path, level: Level
) -> None:
    hanging = "import time\n\n\ndef test_a():\n    time.sleep(60)\n"
    bench = Bench(tmp_path, state, level, {"tests/test_hangs.py": hanging})
    facts = bench.judge.base(BaseRequest(base=bench.base, environment=SPEC, seconds=2))
    assert "in tests/test_hangs.py::test_a" in facts.problem
    assert facts.flaky == ()
