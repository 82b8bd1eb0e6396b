"""Environments that are there: what makes another one, who keeps one, what goes when."""

from __future__ import annotations

import dataclasses
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.judge.support import Bench

from interlock.adapters.confinement import UidRange
from interlock.adapters.judge import environment, pythons
from interlock.adapters.judge.built import Held
from interlock.adapters.judge.environment import Environments
from interlock.adapters.judge.place import Place
from interlock.core.model import EnvironmentSpec, ServiceSpec
from interlock.errors import NotFoundError
from interlock.failpoints import VARIABLE
from interlock.ports.confinement import Level, Limits

LOCKED = EnvironmentSpec(setup=("echo one > /env/made",), lockfiles=("a.lock",))
FILES = {"a.lock": "one\n", "b.lock": "one\n", "src.py": "X = 1\n"}
_TOUCH = 'touch "$VIRTUAL_ENV/touched"'


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, state: Path, level: Level) -> Bench:
    return Bench(tmp_path_factory.mktemp("locked"), state, level, FILES)


@pytest.fixture
def shelf(tmp_path: Path, locked: Bench) -> Environments:
    """Environments of their own."""
    place = Place(level=locked.level, uids=UidRange(), scratch=tmp_path / "work", limits=Limits())
    return Environments(locked.repository, tmp_path / "env", place)


@pytest.mark.parametrize(
    "spec, files, is_same",
    [
        (LOCKED, {}, True),
        (dataclasses.replace(LOCKED, setup=("echo two > /env/made",)), {}, False),
        (dataclasses.replace(LOCKED, setup=(*LOCKED.setup, "true")), {}, False),
        (dataclasses.replace(LOCKED, lockfiles=("a.lock", "b.lock")), {}, False),
        (dataclasses.replace(LOCKED, lockfiles=("b.lock",)), {}, False),
        (dataclasses.replace(LOCKED, directory="src"), {}, False),
        (LOCKED, {"a.lock": "two\n"}, False),
        (LOCKED, {"b.lock": "two\n"}, True),
        (LOCKED, {"src.py": "X = 2\n"}, True),
        # What runs in it, and beside it, does not make it another one.
        (dataclasses.replace(LOCKED, runner="unittest"), {}, True),
        (dataclasses.replace(LOCKED, secrets=("TOKEN",)), {}, True),
        (
            dataclasses.replace(LOCKED, services=(ServiceSpec(name="a", command="x", port=1),)),
            {},
            True,
        ),
    ],
)
def test_recipe_and_lock_files_decide_which_environment_it_is(
    locked: Bench,
    shelf: Environments,
    spec: EnvironmentSpec,
    files: dict[str, str | None],
    is_same: bool,
) -> None:
    tree = locked.tree(files) if files else locked.base
    assert (shelf.digest(spec, tree) == shelf.digest(LOCKED, locked.base)) is is_same


@pytest.mark.parametrize("what", ["python", "program", "machine", "libc"])
def test_interpreter_and_platform_decide_it_too(
    locked: Bench, shelf: Environments, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    before = shelf.digest(LOCKED, locked.base)
    ours = pythons.python_of("")
    environment._machine.cache_clear()
    match what:
        case "machine":
            monkeypatch.setattr(platform, "machine", lambda: "m68k")
        case "libc":
            monkeypatch.setattr(platform, "libc_ver", lambda *_: ("musl", "1.2"))
        case "python":
            other = dataclasses.replace(ours, build="3.11.99 (another build)")
            monkeypatch.setattr(environment, "python_of", lambda _: other)
        case "program":
            other = dataclasses.replace(ours, program="/opt/python")
            monkeypatch.setattr(environment, "python_of", lambda _: other)
    assert shelf.digest(LOCKED, locked.base) != before
    environment._machine.cache_clear()


@pytest.mark.slow
def test_one_that_is_built_again_replaces_the_old_one_under_nobodys_feet(
    locked: Bench, shelf: Environments
) -> None:
    spec = EnvironmentSpec(setup=(_TOUCH,))
    old = shelf.built(spec, locked.base)
    assert shelf.built(spec, locked.base) == old
    held = Held(old.root)
    new = shelf.built(spec, locked.base, newer_than=time.time())
    assert shelf.built(spec, locked.base, newer_than=old.about["built_at"]) == new
    assert (new.digest, new.root.parent) == (old.digest, old.root.parent)
    assert new.root != old.root
    assert shelf.at(new.digest) == new
    assert (old.root / "touched").exists()
    held.close()
    # What nobody uses any more goes with the next look, the present one stays.
    assert [item["digest"] for item in shelf.pruned([(spec, locked.base)])] == [new.digest]
    assert not old.root.exists()
    assert (new.root / "touched").exists()
    # One that was lost is no environment, whatever its record says.
    new.root.rename(new.root.with_name("elsewhere"))
    with pytest.raises(NotFoundError):
        shelf.at(new.digest)
    assert shelf.built(spec, locked.base).root != new.root


@pytest.mark.slow
def test_what_nobody_uses_and_nobody_asked_to_keep_is_pruned(
    locked: Bench, shelf: Environments
) -> None:
    specs = [EnvironmentSpec(setup=(f"{_TOUCH} # {n}",)) for n in range(3)]
    used, kept, unused = (shelf.built(spec, locked.base) for spec in specs)
    # A build that failed leaves its log.
    (used.root.parent.with_name("f" * 64)).mkdir()
    listed = {item["digest"]: item for item in shelf.listed()}
    assert len(listed) == 4
    assert all(item["bytes"] > 1 << 20 for item in listed.values() if item["ready"])
    assert [item["ready"] for item in listed.values()].count(False) == 1
    held = Held(used.root)
    assert {i["digest"] for i in shelf.listed() if i.get("used")} == {used.digest}
    gone = {item["digest"] for item in shelf.pruned([(specs[1], locked.base)])}
    assert unused.digest in gone
    assert {item["digest"] for item in shelf.listed()} == {used.digest, kept.digest}
    with pytest.raises(NotFoundError):
        shelf.at(unused.digest)
    with pytest.raises(NotFoundError, match="is not built"):
        Held(unused.root)
    assert all((built.root / "touched").exists() for built in (used, kept))
    held.close()


BUILDS = """
import sys
from pathlib import Path
from interlock import failpoints
from interlock.adapters.confinement import UidRange
from interlock.adapters.judge.environment import Environments
from interlock.adapters.judge.place import Place
from interlock.adapters.trees import Repository
from interlock.core.model import EnvironmentSpec
from interlock.ports.confinement import Level, Limits

failpoints.arm("supervisor")
repository, directory, level, base, command = sys.argv[1:]
place = Place(level=Level(level), uids=UidRange(), scratch=Path(directory), limits=Limits())
shelf = Environments(Repository.open(Path(repository)), Path(directory), place)
print(shelf.built(EnvironmentSpec(setup=(command,)), base).root)
"""


def _builder(locked: Bench, tmp_path: Path, point: str = "") -> subprocess.Popen[str]:
    words = [
        str(locked.repository.path),
        str(tmp_path / "env"),
        locked.level.value,
        locked.base,
        _TOUCH,
    ]
    env = {**os.environ, VARIABLE: f"{point}=kill"} if point else dict(os.environ)
    return subprocess.Popen(
        [sys.executable, "-c", BUILDS, *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        "environment.built",
        pytest.param("environment.build", marks=pytest.mark.long),
        pytest.param("environment.rename", marks=pytest.mark.long),
    ],
)
def test_one_whose_builder_was_killed_is_never_used(
    locked: Bench, shelf: Environments, tmp_path: Path, point: str
) -> None:
    killed = _builder(locked, tmp_path, point)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    spec = EnvironmentSpec(setup=(_TOUCH,))
    digest = shelf.digest(spec, locked.base)
    assert list((tmp_path / "env" / digest).glob("root-*"))
    with pytest.raises(NotFoundError):
        shelf.at(digest)
    built = shelf.built(spec, locked.base)
    assert (built.root / "touched").exists()
    # Nothing of the first attempt is left.
    left = {path.name for path in built.root.parent.iterdir()}
    assert left == {"build.log", "ready.json", built.root.name}


@pytest.mark.slow
def test_builders_in_several_processes_build_it_once(
    locked: Bench, shelf: Environments, tmp_path: Path
) -> None:
    others = [_builder(locked, tmp_path) for _ in range(2)]
    roots: list[Path] = []
    spec = EnvironmentSpec(setup=(_TOUCH,))
    ours = threading.Thread(target=lambda: roots.append(shelf.built(spec, locked.base).root))
    ours.start()
    said = [other.communicate(timeout=60) for other in others]
    ours.join()
    assert {out.strip() for out, _ in said} == {str(roots[0])}, said
    assert len(list(roots[0].parent.glob("root-*"))) == 1
