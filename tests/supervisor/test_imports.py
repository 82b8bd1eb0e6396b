"""A real session's tree is taken over: what may not land does not, at whatever level it runs."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from interlock.adapters.trees.project import Project
from interlock.adapters.trees.repository import Repository
from interlock.engine.importing import take_over
from interlock.ports.confinement import Level

if TYPE_CHECKING:
    from tests.supervisor.conftest import Place

pytestmark = pytest.mark.sandbox

WORK = """
mkdir -p src; echo 'x = 1' > src/x.py
f=fro; mkdir -p tests; echo evil > tests/${f}zen.py; ln -s /etc/passwd src/link
echo evil >> agent.py; mkfifo src/pipe
echo shut > src/shut.py; chmod 0 src/shut.py
git add -A >/dev/null 2>&1; git commit -qm all >/dev/null 2>&1; git init -q src/inner
"""


def test_what_may_not_land_does_not_at_any_level(place: Place, level: Level) -> None:
    """The walk is the toolhost's, in the session and as its user."""
    place.supervise("--level", level.value)
    repository = Repository.open(place.state / "repo.git")
    base = repository.fetch_base(place.state.parent / "project")
    project = Project(repository, place.state.parent / "project")

    def may_write(path: str) -> str | None:
        return None if path.startswith("src/") else "only sources → write to src/"

    async def scenario() -> None:
        async with place.server() as door:
            session = await door.start(await place.spec(door, "ses_1"))
            await session.toolhost.call("run", shell=WORK)
            tree = place.state / "scratch" / "ses_1" / "w"
            imported = await take_over(session, project, base.tree, may_write)
            assert [change.path for change in imported.changes] == ["src/x.py"]
            assert set(imported.refused) == {
                "agent.py",
                "src/inner/.git",
                "src/link",
                "src/pipe",
                "src/shut.py",
                "tests/frozen.py",
            }
            # Root would have read it: who walks is the session.
            assert imported.refused["src/shut.py"].startswith("unreadable: Permission denied")
            assert os.geteuid() != 0 or tree.stat().st_uid != 0
            again = await take_over(session, project, base.tree, may_write)
            assert (again.tree, again.refused) == (imported.tree, {}), "all was put back"
            assert not (tree / "tests").exists()

    asyncio.run(scenario())
