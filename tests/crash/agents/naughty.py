"""The honest agent, but each time with other tests, so that nothing that was measured before
counts, and with a file that it may not write: importing its tree puts that back."""

import contextlib
import importlib
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    with contextlib.suppress(OSError):  # phases that write nothing have a read-only tree
        Path("agent_workflow.yaml").write_text("name: mine\n")
    sys.path.insert(0, sys.argv.pop(1))
    honest = importlib.import_module("honest")
    vars(honest)["TEST"] += f"# {os.urandom(8).hex()}\n"
    sys.exit(honest.main())
