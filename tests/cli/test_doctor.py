"""``interlock doctor``: true about this machine, honest about each level, and never without a
command where something could be had."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Done, Shell
from tests.server.process import git

from interlock.adapters.confinement import probe
from interlock.adapters.confinement.inside import properties
from interlock.cli.doctor import house, kernel, level, machine, verb
from interlock.cli.doctor.findings import Standing, install
from interlock.cli.doctor.words import Outcome, outcomes
from interlock.ports.confinement import Capability, Held, Level, Property, Rung

NAMES = {name.replace("_", "-") for name in properties.names()}


def capability(at: Level, *others: Property, **more: Any) -> Capability:
    """What a machine may have found at a level."""
    held = Property(
        id="read-shadow",
        level=at,
        says="The system's password hashes cannot be read.",
        prevents="guessing passwords of the machine",
        levels=tuple(Level),
        held=Held.YES,
    )
    given = {"reasons": ("full: bubblewrap is not installed",), "uid_drop": False, **more}
    return Capability(level=at, properties=(held, *others), **given)


def lost(at: Level) -> Property:
    """Tried for a stronger level, in vain."""
    return Property(
        id="open-vsock",
        level=at,
        says="Sockets to the hypervisor are closed.",
        prevents="talking to the machine below this one",
        levels=(Level.FULL, Level.PARTIAL),
        held=Held.NO,
        why="was not refused",
    )


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Capability]:
    """What the doctor finds instead of trying, once something is put in."""
    put: list[Capability] = []
    monkeypatch.setattr(verb, "capability", lambda: put[-1])
    return put


def checks(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in document["checks"]}


# -- this machine ------------------------------------------------------------------------------


def test_it_says_of_this_machine_what_the_probe_found(shell: Shell, tmp_path: Path) -> None:
    """Anywhere, as whoever runs it, by trying."""
    done = shell.interlock("doctor", "--json", cwd=tmp_path)
    here = probe()
    said = done.json
    assert done.err == ""
    assert said["level"] == here.level.value
    assert said["uid_drop"] == here.uid_drop
    assert {one["id"] for one in said["properties"]} >= NAMES
    at_level = {o["id"]: o["held"] for o in said["properties"] if o["level"] == said["level"]}
    assert set(at_level) == NAMES
    for one in here.properties:
        if one.level is here.level:
            wanted = {Held.YES: True, Held.NO: False, Held.NOT_APPLICABLE: None}[one.held]
            assert at_level[one.id] is wanted, one.id
    assert set(said["outcomes"]) == {"prevented", "not imported", "detected", "out of scope"}
    assert all(said["outcomes"].values())
    assert {"python", "git", "venv", "disk", "server"} <= set(checks(said))
    findings = [c for c in said["checks"] if c["standing"] == "finding"]
    assert said["ok"] is (here.level is Level.FULL and not findings)
    assert done.code == (0 if said["ok"] else 3)
    assert said["house"] is None
    told = shell.interlock("doctor", cwd=tmp_path)
    assert told.code == done.code
    for one in said["properties"]:
        assert one["says"] in told.out


def test_it_works_where_only_the_command_is_installed(shell: Shell, tmp_path: Path) -> None:
    """And says what a server would need."""
    missing = (*machine.SERVER, "google", "tree_sitter")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"
        "from interlock.cli.main import main\n"
        "sys.exit(main(['doctor', '--json']))"
    )
    shell.init("--trust")
    for place in (tmp_path, shell.repository):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=place,
            env=shell.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        said = Done(done.returncode, done.stdout, done.stderr)
        assert said.code == 3, said
        assert checks(said.json)["server"]["remedy"] == "pip install 'interlock[server]'"


def test_the_network_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of ours connects but to a Unix socket; the probe's sandboxes are on their own."""
    reached: list[Any] = []

    def refuse(_self: Any, address: Any) -> None:
        reached.append(address)
        raise OSError("no network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.chdir(tmp_path)
    probe()
    assert list(machine.machine(tmp_path))
    assert house.look(tmp_path, Level.FULL) is None
    assert [address for address in reached if not isinstance(address, str)] == []


# -- each level, honestly ------------------------------------------------------------------------


@pytest.mark.parametrize("at", Level)
def test_each_level_says_what_it_cannot_prevent(
    shell: Shell, found: list[Capability], at: Level
) -> None:
    tried = () if at is Level.FULL else (lost(Level.FULL),)
    found.append(capability(at, *tried))
    said = shell.json("doctor").json
    prevented, out_of_scope = (
        said["outcomes"][word] for word in (Outcome.PREVENTED, Outcome.OUT_OF_SCOPE)
    )
    assert "guessing passwords of the machine" in prevented
    assert not set(prevented) & set(out_of_scope)
    # Every promise is in one of the two.
    promises = {one.prevents for one in properties.PROPERTIES.values() if one.prevents}
    assert promises <= set(prevented) | set(out_of_scope)
    assert any("forged test results" in text for text in said["outcomes"][Outcome.DETECTED])
    is_cost = any("is cost for that agent, not prevention" in text for text in out_of_scope)
    assert is_cost is (at is not Level.FULL)
    assert any("read homes and keys" in text for text in out_of_scope) is (at is Level.NONE)


def test_what_was_not_held_is_shown_with_what_happened(
    shell: Shell, found: list[Capability]
) -> None:
    found.append(capability(Level.PARTIAL, lost(Level.FULL), rung=Rung.LANDLOCK))
    shown = shell.json("doctor")
    assert shown.code == 3
    (one,) = [o for o in shown.json["properties"] if o["held"] is False]
    assert (one["id"], one["level"], one["promised"]) == ("open-vsock", "full", True)
    assert one["why"] == "was not refused"
    assert "talking to the machine below this one" in shown.json["outcomes"]["out of scope"]
    unknown = [o for o in shown.json["properties"] if o["held"] is None]
    assert {o["id"] for o in unknown} == NAMES - {"read-shadow"}
    assert all(o["why"] for o in unknown)


def test_a_weaker_level_is_no_finding_where_it_is_enough(
    shell: Shell, found: list[Capability], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "machine", lambda _: iter(()))
    monkeypatch.setattr(verb, "machine", lambda _: iter(()))
    monkeypatch.setattr(verb, "look", lambda *_: None)
    found.append(capability(Level.PARTIAL))
    for wanted, code in (("full", 3), ("partial", 0), ("none", 0)):
        assert shell.json("doctor", "--require", wanted).code == code
    found.append(capability(Level.NONE))
    assert shell.json("doctor", "--require", "partial").code == 3
    assert shell.interlock("doctor", "--require", "most").code == 2


def test_elsewhere_than_on_linux_it_says_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    said = shell.json("doctor")
    assert (said.code, said.json["level"]) == (3, "none")
    assert "Darwin" in said.json["reasons"][0]
    assert checks(said.json)["confinement"]["remedy"]
    assert {o["held"] for o in said.json["properties"]} == {None}


# -- what could be had ---------------------------------------------------------------------------


def test_a_missing_bubblewrap_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"bwrap": None, "apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr("shutil.which", lambda name, **_: there.get(name))
    for at, standing in ((Level.NONE, Standing.FINDING), (Level.FULL, Standing.NOTE)):
        blocks = {check.id: check for check in level.building_blocks(capability(at))}
        assert blocks["bubblewrap"].standing is standing
        assert blocks["bubblewrap"].remedy.endswith("apt-get install bubblewrap")


@pytest.mark.parametrize("manager", ["apt-get", "dnf", "pacman", "apk", "zypper"])
def test_commands_are_those_of_the_systems_package_manager(
    monkeypatch: pytest.MonkeyPatch, manager: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}" if name == manager else None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert install("git").startswith(f"sudo {manager} ")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert install("git").startswith(f"{manager} ")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "git" in install("git")


@pytest.mark.parametrize(
    "name, value, command",
    [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("user/max_user_namespaces", "100", ""),
    ],
)
def test_what_forbids_user_namespaces_is_named_with_its_switch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, command: str
) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(f"{value}\n")
    monkeypatch.setattr(kernel, "SETTINGS", tmp_path)
    monkeypatch.setattr(kernel, "CONTAINERS", ())
    monkeypatch.setattr(kernel, "refused_namespace", lambda: "Operation not permitted")
    check = kernel.user_namespaces()
    assert check.standing is Standing.FINDING
    assert "Operation not permitted" in check.says
    assert command in check.remedy
    assert ("sysctl -w" in check.remedy) is bool(command)
    monkeypatch.setattr(kernel, "CONTAINERS", (file,))
    assert ("container" in kernel.user_namespaces().remedy) is not bool(command)


@pytest.mark.parametrize(
    "answer, standing, said",
    [
        (7, Standing.OK, "files and TCP ports"),
        (3, Standing.NOTE, "Linux 6.7"),
        (-38, Standing.NOTE, "Linux 5.13"),
        (-95, Standing.NOTE, "started without it"),
    ],
)
def test_what_landlock_can_do_is_told_by_its_version(
    monkeypatch: pytest.MonkeyPatch, answer: int, standing: Standing, said: str
) -> None:
    monkeypatch.setattr(kernel, "landlock_version", lambda: answer)
    check = kernel.landlock()
    assert check.standing is standing
    assert said in check.says
    assert bool(check.remedy) is (standing is not Standing.OK)


@pytest.mark.parametrize(
    "version, standing",
    [("git version 2.35.9", "finding"), ("git version 2.36.0", "ok"), ("nonsense", "finding")],
)
def test_an_old_git_is_a_finding(shell: Shell, tmp_path: Path, version: str, standing: str) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho {version}\n")
    fake.chmod(0o755)
    path = f"{fake.parent}:{shell.environment['PATH']}"
    done = shell.interlock("doctor", "--json", cwd=tmp_path, PATH=path)
    check = checks(done.json)["git"]
    assert check["standing"] == standing
    assert bool(check["remedy"]) is (standing == "finding")


def test_a_place_without_room_or_rights_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def room(place: Path) -> Any:
        return next(check for check in machine.machine(place) if check.id == "disk")

    assert room(tmp_path / "not" / "there").standing is Standing.OK
    monkeypatch.setattr(machine, "LEAST_FREE", 1 << 60)
    assert room(tmp_path).standing is Standing.FINDING
    assert "XDG_STATE_HOME" in room(tmp_path).remedy
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "cannot be written" in room(tmp_path).says


def test_every_finding_comes_with_a_remedy(found: list[Capability], shell: Shell) -> None:
    shell.init("--no-trust")
    for at in Level:
        found.append(capability(at))
        said = shell.json("doctor").json
        for check in (*said["checks"], *said["house"]["checks"]):
            assert check["remedy"] or check["standing"] == "ok", check


# -- the house -----------------------------------------------------------------------------------


def in_house(shell: Shell) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    document = shell.json("doctor").json["house"]
    return document, checks(document)


def test_a_repository_that_is_not_set_up_is_told_how(shell: Shell) -> None:
    document, found = in_house(shell)
    assert document["repository"] == str(shell.repository.resolve())
    assert found["house"]["remedy"] == "interlock init"


def test_the_house_says_level_trust_and_environment(shell: Shell) -> None:
    shell.init("--no-trust")
    _, found = in_house(shell)
    assert found["server-runs"]["remedy"] == "interlock up"
    assert found["environment"]["standing"] == "note"
    assert found["state-is-private"]["standing"] == "ok"
    shell.layout.passphrase.chmod(0o644)
    _, found = in_house(shell)
    assert found["state-is-private"]["standing"] == "finding"
    assert found["state-is-private"]["remedy"] == f"chmod go= {shell.layout.passphrase}"
    shell.layout.passphrase.chmod(0o600)
    shell.init("--trust")
    document, found = in_house(shell)
    assert found["environment"]["standing"] == "ok"
    assert document["environment"]["trusted"] is True
    assert document["environment"]["setup"]


def test_a_running_server_is_asked_for_its_level_and_its_trust(served: Shell) -> None:
    """It uses less than this machine may have: its supervisor is a double at none."""
    document, found = in_house(served)
    assert document["server"]["level"] == "none"
    assert found["environment"]["standing"] == "ok"
    here = probe().level
    assert found["level-in-use"]["standing"] == ("ok" if here is Level.NONE else "finding")
    workflow = served.repository / "agent_workflow.yaml"
    text = workflow.read_text()
    try:
        rules, recipe = text.split("\nenvironment:")
        recipe = recipe.replace("pip install", "pip install --no-input", 1)
        workflow.write_text(f"{rules}\nenvironment:{recipe}")
        git(served.repository, "commit", "-qam", "Another recipe")
        _, found = in_house(served)
        assert found["environment"]["remedy"] == "interlock trust"
        assert found["environment"]["standing"] == "finding"
        workflow.write_text(f"{text}\nconfinement: {{required: full}}\n")
        git(served.repository, "commit", "-qam", "Ask for more")
        _, found = in_house(served)
        assert "asks for full and gets none" in found["required-level"]["says"]
        workflow.write_text("phases: 1\n")
        git(served.repository, "commit", "-qam", "Break it")
        _, found = in_house(served)
        assert found["house"]["standing"] == "finding"
    finally:
        workflow.write_text(text)
        git(served.repository, "commit", "-qam", "As it was")


def test_outcomes_never_say_of_one_thing_both(found: list[Capability]) -> None:
    for at in Level:
        said = outcomes(at, level.tried(capability(at, lost(at))))
        seen = [text for texts in said.values() for text in texts]
        assert len(seen) == len(set(seen))
