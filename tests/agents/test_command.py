"""What a command line becomes: the program that really runs, and no more of the host than that."""

from __future__ import annotations

import os
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from interlock.adapters.agents.command import command_agent
from interlock.errors import InvalidInputError

MakeProgram = Callable[[str, str], Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home with ``bin`` first on the PATH."""
    directory = tmp_path.resolve() / "home"
    (directory / "bin").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.setenv("PATH", f"{directory / 'bin'}:/usr/bin:/bin")
    return directory


@pytest.fixture
def program(home: Path) -> MakeProgram:
    """Make an executable at a path from the home."""

    def make(name: str, text: str) -> Path:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    return make


def test_program_of_the_system_needs_nothing(tmp_path: Path) -> None:
    agent = command_agent("/bin/sh -c 'echo \"two words\"'", tmp_path)
    assert agent.argv == ("/bin/sh", "-c", 'echo "two words"')
    assert agent.visible == ()


def test_program_is_found_on_the_path_and_shown_alone(home: Path, program: MakeProgram) -> None:
    path = program("bin/agent", "#!/bin/sh\n")
    (home / "secret").write_text("x")
    agent = command_agent("agent --fast", home)
    assert agent.argv == (str(path), "--fast")
    assert agent.visible == (str(path),)


def test_relative_program_is_looked_for_from_the_working_directory(
    home: Path, program: MakeProgram
) -> None:
    path = program("project/run.sh", "#!/bin/sh\n")
    assert command_agent("./run.sh", home / "project").argv == (str(path),)


def test_link_is_shown_with_what_it_leads_to(home: Path, program: MakeProgram) -> None:
    real = program("share/agent/1.2/agent", "\x7fELF")
    (home / "bin" / "agent").symlink_to(real)
    agent = command_agent("agent", home)
    assert agent.argv == (str(home / "bin" / "agent"),)
    assert agent.visible == (str(home / "bin" / "agent"), str(real))


def test_installation_of_a_node_program_is_shown_whole(home: Path, program: MakeProgram) -> None:
    program("node/bin/node", "\x7fELF")
    script = program("node/lib/node_modules/agent/cli.js", "#!/usr/bin/env node\n")
    (home / "node" / "bin" / "agent").symlink_to(script)
    os.environ["PATH"] = f"{home / 'node' / 'bin'}:{os.environ['PATH']}"
    agent = command_agent("agent chat", home)
    # env would look for node on a PATH that is not the person's.
    assert agent.argv == (
        str(home / "node" / "bin" / "node"),
        str(home / "node" / "bin" / "agent"),
        "chat",
    )
    assert str(home / "node") in agent.visible
    assert str(home) not in agent.visible


def test_python_of_a_virtual_environment_brings_its_base(home: Path) -> None:
    place = home / "project" / ".venv"
    venv.create(place, symlinks=True, with_pip=False)
    script = home / "project" / "agent.py"
    script.write_text("")
    agent = command_agent(".venv/bin/python agent.py", home / "project")
    assert agent.argv == (str(place / "bin" / "python"), str(script))
    base = os.path.realpath(sys.base_prefix)
    expected = {str(place), str(script)} | (set() if base.startswith("/usr") else {base})
    assert expected <= set(agent.visible)
    assert str(home / "project") not in agent.visible


def test_script_of_a_virtual_environment_is_run_by_its_python(
    home: Path, program: MakeProgram
) -> None:
    place = home / ".venv"
    venv.create(place, symlinks=True, with_pip=False)
    tool = program(".venv/bin/tool", f"#!{place}/bin/python\nprint(1)\n")
    agent = command_agent(str(tool), home)
    assert agent.argv == (str(place / "bin" / "python"), str(tool))
    assert str(place) in agent.visible


def test_shim_of_pyenv_is_looked_behind(home: Path, program: MakeProgram) -> None:
    (home / ".pyenv" / "versions").mkdir(parents=True)
    program(".pyenv/shims/agent", "#!/bin/sh\n")
    real = program("real/agent", "#!/bin/sh\n")
    program("bin/pyenv", f"#!/bin/sh\necho {real}\n")
    agent = command_agent(str(home / ".pyenv" / "shims" / "agent"), home)
    assert agent.argv == (str(real),)
    assert agent.visible == (str(real),)


def test_files_among_the_words_become_absolute_and_visible(home: Path) -> None:
    (home / "notes.md").write_text("x")
    agent = command_agent("/bin/cat notes.md --config=notes.md -- nothing.md '' -v", home)
    notes = str(home / "notes.md")
    assert agent.argv[1:] == (notes, f"--config={notes}", "--", "nothing.md", "", "-v")
    assert agent.visible == (notes,)


def test_tilde_means_the_home_even_where_no_shell_says_so(home: Path) -> None:
    (home / "agent.toml").write_text("x")
    assert command_agent("/bin/cat ~/agent.toml", Path("/")).argv[1] == str(home / "agent.toml")


def test_directory_is_shown_unless_the_project_lies_in_it(home: Path) -> None:
    (home / "agents" / "mine").mkdir(parents=True)
    (home / "project").mkdir()
    agent = command_agent("/bin/ls ../agents/mine . .. ../project", home / "project")
    assert agent.argv[1:] == (str(home / "agents" / "mine"), ".", "..", "../project")
    assert agent.visible == (str(home / "agents" / "mine"),)


def test_what_lies_in_a_visible_place_is_not_listed_again(home: Path) -> None:
    (home / "kit").mkdir()
    (home / "kit" / "agent.py").write_text("")
    agent = command_agent("/bin/ls ./kit kit/agent.py", home)
    assert agent.visible == (str(home / "kit"),)


@pytest.mark.parametrize(
    "text, code, complaint",
    [
        ("", "IL-AGT-001", "empty"),
        ("agent 'open", "IL-AGT-001", "cannot be read"),
        ("no-such-agent-anywhere", "IL-AGT-002", "on your PATH"),
        ("./no-such-agent", "IL-AGT-002", "here"),
        ("./plain.py", "IL-AGT-002", "cannot be executed"),
        ("/bin/sh lost.sh", "IL-AGT-002", "there is no script"),
        ("./orphan", "IL-AGT-003", "which is not there"),
        ("./python3", "IL-AGT-003", "does not run"),
    ],
)
def test_what_cannot_run_is_refused_with_a_remedy(
    text: str, code: str, complaint: str, home: Path, program: MakeProgram
) -> None:
    (home / "plain.py").write_text("")
    program("orphan", "#!/usr/bin/env no-such-interpreter\n")
    program("python3", "#!/bin/sh\nexit 1\n")
    with pytest.raises(InvalidInputError, match=complaint) as caught:
        command_agent(text, home)
    assert caught.value.code == code
    assert caught.value.remedy
