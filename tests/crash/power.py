"""A mount that can lose its power, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from tests.crash.fuse import unmount
from tests.ground.properties import ROOT

__all__ = ["Power", "require_fuse"]


def require_fuse() -> None:
    """Skip where nobody may mount."""
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only root mounts a file system")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("NOT RUN: there is no /dev/fuse")


class Power:
    """A forgetful file system at ``place``, in a process of its own.

    Args:
        place: an empty directory, not on the file system itself.
        images: directory for what is kept between cuts.
    """

    def __init__(self, place: Path, images: Path) -> None:
        self.place = place
        self._images = images
        self._process: subprocess.Popen[str] | None = None
        self._image: Path | None = None
        self._cuts = 0
        place.mkdir(exist_ok=True)

    def __enter__(self) -> Self:
        self.on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def on(self) -> None:
        """Mount what is left."""
        command = [sys.executable, "-m", "tests.crash.forgetful", str(self.place)]
        self._process = subprocess.Popen(
            [*command, *([str(self._image)] if self._image else [])],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == {"mounted": str(self.place)}

    def order(self, what: str, **more: Any) -> dict[str, Any]:
        """Have something done beside the mount."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def cut_after(self, requests: int) -> None:
        """Have the power fail so many requests from now."""
        self.order("cut_after", requests=requests)

    def cut(self) -> None:
        """Nothing is answered any more; who asks waits."""
        self.order("cut")

    def until_cut(self, timeout_s: float = 60.0) -> bool:
        """Wait until it has failed; ``False`` if it has not in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.order("is_cut")["is_cut"]:
                return True
            time.sleep(0.01)
        return False

    def off(self, seed: int | None) -> dict[str, int]:
        """Take the mount away; who waits fails. What is left comes back with ``on``.

        Args:
            seed: see ``Disk.survivors``.
        """
        self.cut()
        self._cuts += 1
        fresh = self._images / f"image-{self._cuts}"
        told = self.order("survivors", image=str(fresh), seed=seed)
        self._end()
        if self._image is not None:
            self._image.unlink()
        self._image = fresh
        return told

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the file system's process has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _end(self) -> None:
        if self._process is not None:
            unmount(str(self.place))
            self._process.kill()
            with suppress(BrokenPipeError):
                self._process.communicate()
            self._process = None
