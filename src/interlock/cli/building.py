"""What a build of an environment prints, while it does."""

from __future__ import annotations

from pathlib import Path

from interlock.cli.output import clean

__all__ = ["BuildLog", "log_of_a_build"]


def log_of_a_build(environments: Path) -> Path | None:
    """The log of an environment that is being built: its tree is only there meanwhile."""
    logs = [tree.with_name("build.log") for tree in environments.glob("*/tree")]
    return next((log for log in logs if log.exists()), None)


class BuildLog:
    """New lines of the build that is going on.

    Args:
        environments: where they are kept.
    """

    def __init__(self, environments: Path) -> None:
        self._environments = environments
        self._log: Path | None = None
        self._read = 0

    def news(self) -> list[str]:
        """Whole lines since the last look, safe for a terminal."""
        log = log_of_a_build(self._environments)
        if log != self._log:
            self._log, self._read = log, 0
        if log is None:
            return []
        try:
            with log.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return []
        whole, end, _ = data.rpartition(b"\n")
        self._read += len(whole) + len(end)
        return [clean(line) for line in whole.decode(errors="replace").splitlines()]
