"""A script of steps as an agent's program, and the pack's mechanical reviewers as five of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from interlock.adapters.confinement import interpreter
from interlock.ports.runner import AgentCommand

__all__ = ["reviewer_commands", "reviewer_scripts", "scripted_command"]

# The library's place is only known where the program runs: at level none it is the host's own.
_START = (
    "import os, sys; sys.path.insert(0, os.environ['INTERLOCK_LIB']); "
    "from interlock.testing.scripted.main import main; sys.exit(main(sys.argv[1:]))"
)


def scripted_command(script: Mapping[str, Any], place: Path) -> AgentCommand:
    """The program that carries out ``script``.

    Args:
        script: plain JSON; its shape is checked by the program before anything runs.
        place: directory of files for agents, made if it is not there. It holds no secret: sessions
            of other users read it.
    """
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o711)
    data = json.dumps(script, ensure_ascii=True, sort_keys=True).encode()
    # Named by content: a running task's script is never overwritten by another one.
    path = place.resolve() / f"{hashlib.sha256(data).hexdigest()[:24]}.json"
    path.write_bytes(data)
    path.chmod(0o644)
    python, _ = interpreter()
    return AgentCommand(argv=(python, "-I", "-S", "-c", _START, str(path)), visible=(str(path),))


def reviewer_commands(place: Path, pack: str = "tdd") -> dict[str, AgentCommand]:
    """Role → its mechanical reviewer."""
    return {role: scripted_command(s, place) for role, s in reviewer_scripts(pack).items()}


def reviewer_scripts(pack: str = "tdd") -> dict[str, dict[str, Any]]:
    """Role → script, from the pack's ``agents/reviewers.yaml``; every role also gets the rules
    under ``all``."""
    file = resources.files("interlock.packs") / pack / "agents" / "reviewers.yaml"
    read = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {
        role: {
            "name": f"{role} (mechanical)",
            "description": about["description"],
            "review": {"rules": [*about["rules"], *read["all"]]},
        }
        for role, about in read["roles"].items()
    }
