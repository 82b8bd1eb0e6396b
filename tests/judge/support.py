"""Small projects for the judge: files in a repository, and what was measured on them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import interlock.statics.python as statics
from interlock.adapters.confinement import UidRange
from interlock.adapters.judge import PytestJudge
from interlock.adapters.trees import Repository
from interlock.core.facts import GreenFacts, RedFacts, Run
from interlock.core.model import EnvironmentSpec
from interlock.ports.confinement import Level
from interlock.ports.judge import GreenRequest, RedRequest

__all__ = ["PATTERNS", "SPEC", "Bench", "outcomes"]

PATTERNS = ("tests/**",)
# The second command is what an editable install of a project in `lib/` leaves behind.
SPEC = EnvironmentSpec(
    setup=(
        "pip install --quiet pytest",
        'echo /w/lib > "$(python -c "import site; print(site.getsitepackages()[0])")/p.pth"',
    )
)


def outcomes(run: Run | None) -> dict[str, tuple[str, str]]:
    """Name of a test → outcome and cause."""
    assert run is not None
    return {
        test.id.partition("::")[2]: (test.outcome.value, test.cause.value) for test in run.tests
    }


class Bench:
    """A repository with one base, and a judge for it.

    Args:
        root: an empty directory.
        state: the judge's, shared by all benches so that the environment is built once.
        files: path → text of the base.
    """

    def __init__(self, root: Path, state: Path, level: Level, files: Mapping[str, str]) -> None:
        user = root / "user"
        for path, text in files.items():
            (user / path).parent.mkdir(parents=True, exist_ok=True)
            (user / path).write_text(text)
        user.mkdir(exist_ok=True)
        for command in (
            ("init", "--quiet", "--initial-branch=main"),
            ("add", "--all"),
            ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x", "--allow-empty"),
        ):
            subprocess.run(["git", *command], cwd=user, check=True, env=os.environ)
        self.repository = Repository.create(root / "repo.git", user)
        self.base = self.repository.fetch_base(user).tree
        self.level = level
        self.judge = PytestJudge(
            self.repository, statics=statics, state_dir=state, level=level, uids=UidRange()
        )

    def tree(self, changes: Mapping[str, str | None], on: str | None = None) -> str:
        """Oid of a tree with some paths replaced, or removed where the text is ``None``."""
        encoded = {p: None if text is None else text.encode() for p, text in changes.items()}
        return self.repository.replace(on or self.base, encoded)

    def red(
        self, changes: Mapping[str, str | None], *symbols: str, seconds: int = 60
    ) -> tuple[RedFacts, str]:
        """Measure RED of changed tests; the facts and the tree."""
        tree = self.tree(changes)
        request = RedRequest(
            base=self.base,
            tree=tree,
            new_symbols=symbols,
            test_patterns=PATTERNS,
            environment=SPEC,
            seconds=seconds,
        )
        return self.judge.red(request), tree

    def green(
        self,
        red_tree: str,
        changes: Mapping[str, str | None],
        new_tests: tuple[str, ...],
        *,
        config: str = "",
        symbols: tuple[str, ...] = (),
        seconds: int = 60,
    ) -> GreenFacts:
        """Measure GREEN of changed files on a tree whose tests are frozen."""
        request = GreenRequest(
            base=self.base,
            red_tree=red_tree,
            tree=self.tree(changes, on=red_tree),
            red_tests=new_tests,
            new_tests=new_tests,
            test_patterns=PATTERNS,
            config=config,
            new_symbols=symbols,
            environment=SPEC,
            seconds=seconds,
        )
        return self.judge.green(request)
