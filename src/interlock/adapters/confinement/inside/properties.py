"""All properties; importing their files registers them."""

from . import files, identity, interfaces, reach, terminal
from .harness import PROPERTIES, names, try_all

__all__ = ["PROPERTIES", "files", "identity", "interfaces", "names", "reach", "terminal", "try_all"]
