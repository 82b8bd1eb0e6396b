"""All properties; importing their files registers them."""

from . import files, identity, interfaces, processes, reach, terminal
from .harness import PROPERTIES, names, try_all

__all__ = [
    "PROPERTIES",
    "files",
    "identity",
    "interfaces",
    "names",
    "processes",
    "reach",
    "terminal",
    "try_all",
]
