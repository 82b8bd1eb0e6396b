"""Actions that the agent takes by itself, past every tool: shell text and Python code."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import Any

__all__ = ["run_native", "run_python"]

_SECONDS = 120.0


def run_native(text: str, seconds: float | None = None) -> dict[str, Any]:
    """Run shell text in the work directory: ``exit_code`` (None: out of time) and ``output``."""
    return _run(["/bin/bash", "-c", text], seconds)


def run_python(code: str, seconds: float | None = None) -> dict[str, Any]:
    """Run Python code in a process of its own, likewise; it may import ``interlock``."""
    begin = f"import sys\nsys.path[:0] = {sys.path!r}\n"
    return _run([sys.executable, "-S", "-c", begin + code], seconds)


def _run(argv: list[str], seconds: float | None) -> dict[str, Any]:
    # A file, not a pipe: what the command leaves in the background would hold a pipe open.
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds or _SECONDS,
                check=False,
            )
            code: int | None = done.returncode
        except subprocess.TimeoutExpired:
            code = None
        output.seek(0)
        text = output.read(1 << 16).decode("utf-8", "replace")
    return {"exit_code": code, "output": text}
