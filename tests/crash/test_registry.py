"""Fail points: one list of names that the code keeps to, and nothing where no test armed them."""

from __future__ import annotations

import ast
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import interlock
from interlock import failpoints
from interlock.failpoints import POINTS, REPLACING, VARIABLE, arm, hand_down, reach

PACKAGE = Path(interlock.__file__).parent


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("test", {})


@pytest.fixture
def armory(tmp_path: Path) -> Path:
    place = tmp_path / "armory"
    place.mkdir(mode=0o700)
    return place


def named_in(path: Path) -> Iterator[str]:
    """Points that a file's calls name: ``reach("…")``, and ``family="…"`` of a replaced file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="reach"), args=[ast.Constant(value=str(name))]):
                yield name
            case ast.Call(keywords=keywords):
                for word in keywords:
                    match word:
                        case ast.keyword(arg="family", value=ast.Constant(value=str(family))):
                            yield from (f"{family}.{step}" for step in REPLACING)


def test_the_code_passes_the_points_of_the_registry_and_no_others() -> None:
    passed = [
        name
        for path in PACKAGE.rglob("*.py")
        if path.name != "failpoints.py"
        for name in named_in(path)
    ]
    assert set(passed) == set(POINTS)


def test_no_point_is_passed_under_a_name_that_is_put_together_elsewhere() -> None:
    """Else the test above would not see it; only the replacing of files does so."""
    for path in PACKAGE.rglob("*.py"):
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "reach"
            and not isinstance(node.args[0], ast.Constant)
        ]
        assert len(calls) == (len(REPLACING) if path.name == "durable.py" else 0), path


def test_without_a_test_a_point_is_nothing(monkeypatch: pytest.MonkeyPatch, armory: Path) -> None:
    (armory / "store.commit").write_text("eio")
    monkeypatch.setenv(VARIABLE, str(armory))
    reach("store.commit")  # the variable alone does nothing: a program of ours has to take it
    assert hand_down("toolhost") == {}
    arm("server")
    assert VARIABLE not in os.environ
    with pytest.raises(OSError, match=r"store\.commit") as failed:
        reach("store.commit")
    assert failed.value.errno == errno.EIO


def test_a_point_takes_effect_once_in_its_turn_and_in_its_process(armory: Path) -> None:
    (armory / "store.commit").write_text("enospc 3 server")
    arm("supervisor", {VARIABLE: str(armory)})
    for _ in range(3):
        reach("store.commit")
    arm("server", {VARIABLE: str(armory)})
    for _ in range(2):
        reach("store.commit")
    reach("store.begin")
    with pytest.raises(OSError, match=r"store\.commit"):
        reach("store.commit")
    assert sorted(os.listdir(armory)) == ["store.commit.reached"]
    for _ in range(3):
        reach("store.commit")


def test_a_directory_that_is_not_ours_alone_is_refused(armory: Path) -> None:
    armory.chmod(0o755)
    with pytest.raises(PermissionError):
        arm("server", {VARIABLE: str(armory)})


def test_a_share_is_handed_down_by_name_once_and_works_without_the_directory(armory: Path) -> None:
    (armory / "toolhost.rename").write_text("eio 2")
    (armory / "launcher.fork").write_text("kill")
    arm("supervisor", {VARIABLE: str(armory)})
    share = hand_down("toolhost")
    assert share == {VARIABLE: "toolhost.rename=eio:2"}
    assert hand_down("toolhost") == {}
    arm("toolhost", share)
    assert share == {}
    reach("launcher.fork")
    reach("toolhost.rename")
    with pytest.raises(OSError, match=r"toolhost\.rename"):
        reach("toolhost.rename")
    reach("toolhost.rename")


@pytest.mark.parametrize("action", ["kill", "pause"])
def test_a_process_dies_or_stops_exactly_there(armory: Path, action: str) -> None:
    (armory / "store.commit").write_text(action)
    program = (
        "from interlock.failpoints import arm, reach\n"
        "arm('server'); print('before', flush=True); reach('store.commit'); print('after')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(PACKAGE.parent), VARIABLE: str(armory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "before\n"
        if action == "pause":
            status = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            assert status is not None
            assert status.si_status == signal.SIGSTOP
            process.send_signal(signal.SIGCONT)
            assert process.stdout.read() == "after\n"
        assert process.wait(30) == (0 if action == "pause" else -signal.SIGKILL)


def test_only_the_programs_of_the_house_can_be_armed() -> None:
    """A library that armed itself when imported would be armed by whoever starts a program."""
    arming = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.name != "failpoints.py" and "arm(" in path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name | ast.Attribute)
        and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) == "arm"
    }
    assert arming == {
        "server/__main__.py",
        "supervisor/__main__.py",
        "supervisor/toolhost/main.py",
        "adapters/confinement/launcher/session.py",
    }
    assert failpoints.VARIABLE.startswith("INTERLOCK_")
