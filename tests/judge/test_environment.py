"""Environments: built once from a recipe, reachable network only the index, sealed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from tests.judge.support import SPEC, Bench

from interlock.adapters.judge import package_index
from interlock.core.model import EnvironmentSpec
from interlock.errors import InvalidInputError, NotFoundError
from interlock.ports.confinement import Level

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
