"""Programs that run beside the tests: started before there is a tree, on data of their own.

They are ended like everything else of a run. Nothing of the tree can be their program: it is not
there yet when they start.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from typing import Any

__all__ = ["NotReadyError", "start_all"]

_LAST = 500
_PAUSE_S = 0.05


class NotReadyError(Exception):
    """A service cannot be used; the message says why, for people."""


def start_all(services: list[dict[str, Any]]) -> None:
    """Start services, one after the other, each when the one before it is ready.

    Args:
        services: the fields of ``core.model.ServiceSpec``.

    Raises:
        NotReadyError: one ended, or is not ready in its time.
    """
    for service in services:
        _Service(service).start()


class _Service:
    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._place = os.path.join(os.environ["TMPDIR"], "services", spec["name"])
        self._log = f"{self._place}.log"

    def start(self) -> None:
        os.makedirs(self._place)
        with open(self._log, "wb") as log:
            program = subprocess.Popen(
                ["/bin/sh", "-c", self._spec["command"]],
                cwd=self._place,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + self._spec["seconds"]
        while not self._is_ready(deadline):
            if (status := program.poll()) is not None:
                raise self._not_ready(f"ended with status {status}")
            if time.monotonic() > deadline:
                raise self._not_ready(f"is not ready after {self._spec['seconds']} s")
            time.sleep(_PAUSE_S)
        if (status := program.poll()) is not None:
            raise self._not_ready(f"ended with status {status}")

    def _is_ready(self, deadline: float) -> bool:
        if self._spec["port"]:
            try:
                with socket.create_connection(("127.0.0.1", self._spec["port"]), 1.0):
                    pass
            except OSError:
                return False
        if self._spec["ready"]:
            left = max(0.1, deadline - time.monotonic())
            try:
                done = subprocess.run(
                    ["/bin/sh", "-c", self._spec["ready"]],
                    cwd=self._place,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=left,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return False
            return done.returncode == 0
        return True

    def _not_ready(self, why: str) -> NotReadyError:
        with open(self._log, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - _LAST))
            said = log.read().decode(errors="replace").strip()
        return NotReadyError(
            f"the service {self._spec['name']} {why}{f': {said}' if said else ', and said nothing'}"
        )
