"""The bare repository, scratch clones and the import between them."""

from interlock.adapters.trees.entry import Entry
from interlock.adapters.trees.imports import Import, Imported
from interlock.adapters.trees.limits import Limits
from interlock.adapters.trees.repository import Base, Repository
from interlock.adapters.trees.reverts import Revert

__all__ = ["Base", "Entry", "Import", "Imported", "Limits", "Repository", "Revert"]
