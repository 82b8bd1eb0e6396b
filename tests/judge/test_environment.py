"""Environments: built once from a recipe, reachable network only the index, sealed."""

from __future__ import annotations

import os
import platform
import threading
from pathlib import Path

import pytest
from tests.judge.support import SPEC, Bench

from interlock.adapters.judge import package_index
from interlock.adapters.judge.built import of_root
from interlock.adapters.judge.pythons import python_of
from interlock.core.model import EnvironmentSpec
from interlock.errors import InvalidInputError, NotFoundError
from interlock.ports.confinement import Level
from interlock.ports.judge import BaseRequest, GreenRequest

_SITE = '"$(python -c "import site; print(site.getsitepackages()[0])")"'


def test_an_environment_is_built_once_for_all_who_ask(bench: Bench) -> None:
    digests: list[str] = []
    askers = [
        threading.Thread(target=lambda: digests.append(bench.judge.environment(SPEC, bench.base)))
        for _ in range(3)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(set(digests)) == 1
    root = Path(bench.judge.environment_path(digests[0]))
    assert (root / "bin/python").exists()
    assert (root.parent / "build.log").read_text().startswith("$ pip install")
    assert not (root.parent / "tree").exists()


def test_nobody_may_write_to_an_environment(bench: Bench) -> None:
    root = Path(bench.judge.environment_path(bench.judge.environment(SPEC, bench.base)))
    places = [root, *(Path(d, n) for d, ds, fs in os.walk(root) for n in (*ds, *fs))]
    assert len(places) > 100
    for place in places:
        info = place.lstat()
        assert (info.st_uid, info.st_gid) == (os.getuid(), os.getgid())
        writable = 0o6022 if place.is_dir() else 0o6222
        assert place.is_symlink() or not info.st_mode & writable


def test_a_command_that_fails_is_shown_with_its_last_lines(bench: Bench) -> None:
    recipe = EnvironmentSpec(
        setup=(
            "echo some output",
            "pip download --no-deps --no-cache-dir --retries 0 -q --isolated "
            "--index-url https://elsewhere.example/simple x || true",
            "python -c 'raise SystemExit(3)'",
            "echo never",
        )
    )
    with pytest.raises(InvalidInputError) as caught:
        bench.judge.environment(recipe, bench.base)
    error = caught.value
    assert error.code == "IL-JUD-001"
    assert "failed (3)" in error.message
    assert "$ python -c 'raise SystemExit(3)'" in error.message
    assert "never" not in error.message
    assert "environment.setup" in error.remedy
    if bench.level is Level.FULL:
        assert "elsewhere.example refused" in error.message


def test_an_environment_that_points_out_of_itself_is_refused(bench: Bench) -> None:
    recipe = EnvironmentSpec(setup=(f"echo /opt/other > {_SITE}/x.pth",))
    with pytest.raises(InvalidInputError, match=r"x\.pth .* /opt/other") as caught:
        bench.judge.environment(recipe, bench.base)
    assert caught.value.code == "IL-JUD-006"


def test_a_missing_lock_file_is_named(bench: Bench) -> None:
    recipe = EnvironmentSpec(setup=SPEC.setup, lockfiles=("no.lock",))
    with pytest.raises(InvalidInputError, match=r"no\.lock") as caught:
        bench.judge.environment(recipe, bench.base)
    assert caught.value.code == "IL-JUD-004"


def test_a_copy_of_the_project_that_no_tree_stands_before_is_refused(
    tmp_path: Path, state: Path, level: Level
) -> None:
    packaging = (
        "from setuptools import setup\n"
        "setup(name='demo', version='1', packages=['demo'], package_dir={'': 'lib'})\n"
    )
    files = {"setup.py": packaging, "lib/demo/__init__.py": "WHO = 'base'\n"}
    bench = Bench(tmp_path, state, level, files)
    tools = "pip install --quiet setuptools wheel"
    copied = EnvironmentSpec(setup=(tools, "pip install --quiet --no-build-isolation ."))
    with pytest.raises(InvalidInputError, match="a copy of demo") as caught:
        bench.judge.environment(copied, bench.base)
    assert (caught.value.code, "pip install -e ." in caught.value.remedy) == ("IL-JUD-009", True)


@pytest.mark.slow
def test_what_the_recipe_makes_in_the_tree_is_there_in_every_judged_one(
    tmp_path: Path, state: Path, level: Level
) -> None:
    files = {
        "part/tests/test_a.py": "import made\n\n\ndef test_a():\n    assert made.X == 'base'\n",
        "part/own.py": "X = 'own'\n",
        "part/fast.c": "int x;\n",
    }
    bench = Bench(tmp_path, state, level, files)
    makes = (
        "pip install --quiet pytest",
        "pwd | grep -q '/part$' && echo \"X = 'base'\" | tee made.py > own.py",
        "touch fast.so; mkdir build __pycache__; touch build/x __pycache__/y.pyc",
    )
    spec = EnvironmentSpec(setup=makes, directory="part")
    facts = bench.judge.base(BaseRequest(base=bench.base, environment=spec, seconds=60))
    assert facts.problem == ""
    assert facts.failing == ()
    root = Path(bench.judge.environment_path(facts.environment))
    assert sorted(of_root(root).made) == ["part/fast.so", "part/made.py"]
    # What is compiled from the base says nothing of a change to its sources.
    changed = bench.tree({"part/fast.c": "int y;\n"})
    green = GreenRequest(
        base=bench.base,
        red_tree=bench.base,
        tree=changed,
        test_patterns=("**/tests/**",),
        environment=spec,
    )
    assert (
        "part/fast.c is changed, and part/fast.so is compiled" in bench.judge.green(green).problem
    )


def test_a_project_for_another_python_is_refused_before_anything_is_installed(
    tmp_path: Path, state: Path, level: Level
) -> None:
    files = {"api/pyproject.toml": '[project]\nname = "a"\nrequires-python = ">=3.14,<3.15"\n'}
    bench = Bench(tmp_path, state, level, files)
    with pytest.raises(InvalidInputError, match=r"requires Python >=3\.14,<3\.15") as caught:
        bench.judge.environment(EnvironmentSpec(directory="api"), bench.base)
    assert caught.value.code == "IL-JUD-007"
    assert 'python: "3.14"' in caught.value.remedy
    with pytest.raises(InvalidInputError, match="this machine has none") as caught:
        bench.judge.environment(EnvironmentSpec(python="3.99"), bench.base)
    assert caught.value.code == "IL-JUD-008"


@pytest.mark.slow
def test_the_recipe_chooses_among_the_machines_pythons(
    tmp_path: Path, state: Path, level: Level
) -> None:
    for other in ("3.12", "3.13", "3.14"):
        try:
            found = python_of(other)
        except InvalidInputError:
            continue
        if found.release != platform.python_version():
            break
    else:
        pytest.skip("NOT RUN: this machine has one Python only")
    text = (
        f"import sys\n\n\ndef test_a():\n    assert '%d.%d' % sys.version_info[:2] == '{other}'\n"
    )
    bench = Bench(tmp_path, state, level, {"tests/test_a.py": text})
    spec = EnvironmentSpec(setup=("pip install --quiet pytest",), python=other)
    facts = bench.judge.base(BaseRequest(base=bench.base, environment=spec, seconds=60))
    assert facts.problem == ""
    assert facts.failing == ()


def test_an_environment_that_was_never_built_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        bench.judge.environment_path("0" * 64)


@pytest.mark.parametrize(
    "settings, hosts",
    [
        ({}, {("pypi.org", 443), ("files.pythonhosted.org", 443)}),
        ({"no-index": "1"}, set()),
        ({"index-url": "https://u:p@mirror.example:8443/simple"}, {("mirror.example", 8443)}),
        (
            {
                "index-url": "https://a.example/s",
                "extra-index-url": "https://b.example/s\nhttps://c/",
            },
            {("a.example", 443), ("b.example", 443), ("c", 443)},
        ),
        (
            {"index-url": "https://a/", "find-links": "https://w.example/"},
            {("a", 443), ("w.example", 443)},
        ),
    ],
)
def test_only_the_configured_index_can_be_reached(
    settings: dict[str, str], hosts: set[tuple[str, int]]
) -> None:
    assert package_index.from_settings(settings, {}).hosts == hosts


def test_local_packages_and_certificates_are_seen_at_their_own_paths(tmp_path: Path) -> None:
    wheels, ca = tmp_path / "wheels", tmp_path / "ca.pem"
    wheels.mkdir()
    ca.touch()
    index = package_index.from_settings(
        {"find-links": f"{wheels} {tmp_path}/gone", "default-timeout": "9"},
        {"SSL_CERT_FILE": str(ca), "SECRET": "x"},
    )
    assert {mount.target for mount in index.mounts} == {str(wheels), str(ca)}
    assert index.variables == {
        "PIP_FIND_LINKS": f"{wheels} {tmp_path}/gone",
        "PIP_DEFAULT_TIMEOUT": "9",
        "SSL_CERT_FILE": str(ca),
    }
