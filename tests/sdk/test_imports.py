"""The client is light: it runs in sandboxes that have a standard library and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import interlock

LIBRARY = str(Path(interlock.__file__).parent.parent)
HEAVY = {"asyncio", "click", "concurrent", "logging", "msgspec", "multiprocessing", "yaml"}


def loaded(statement: str) -> set[str]:
    """Modules after a statement, in an isolated interpreter without site-packages."""
    code = f"import sys; sys.path.insert(0, {LIBRARY!r}); {statement}; import json"
    code += "; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_the_package_alone_loads_no_client() -> None:
    assert {name for name in loaded("import interlock") if name.startswith("interlock")} == {
        "interlock"
    }


def test_the_client_needs_the_standard_library_and_its_own_parts_only() -> None:
    modules = loaded("from interlock import AgentClient")
    ours = {name for name in modules if name.startswith("interlock")}
    assert ours == {
        "interlock",
        "interlock.errors",
        "interlock.sdk",
        "interlock.sdk.client",
        "interlock.sdk.contract",
        "interlock.sdk.exchange",
        "interlock.sdk.transport",
        "interlock.unixpath",
    }
    assert not modules & HEAVY


def test_the_client_is_there_in_a_tenth_of_a_second_of_processor_time() -> None:
    code = f"import sys, time; sys.path.insert(0, {LIBRARY!r}); began = time.process_time(); "
    code += "from interlock import AgentClient; print(time.process_time() - began)"
    best = min(
        float(subprocess.check_output([sys.executable, "-I", "-S", "-c", code])) for _ in range(3)
    )
    assert best < 0.1
