"""``python -m interlock.testing.scripted SCRIPT.json``."""

from __future__ import annotations

import sys

from interlock.testing.scripted.main import main

sys.exit(main(sys.argv[1:]))
