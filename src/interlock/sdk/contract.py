"""Which contract between clients and the agent door this SDK speaks, and how it says so."""

from __future__ import annotations

from typing import Final

__all__ = ["CONTRACT", "HEADER"]

CONTRACT: Final = "1.0.0"
"""Goes up with the calls, not with the package: the first number when an old client would break."""

HEADER: Final = "Interlock-SDK"
"""Of every request; a client in another language sends the same."""
