"""Sandboxes, from user namespaces down to none, probed by trying.

``probe`` says what this machine holds (``examine`` at every level), ``start`` runs a program at a
level, ``translate`` gives the paths it must use there, ``interpreter`` the Python it can use, and
``UidRange`` gives it a user of its own when the caller is root.
"""

from interlock.adapters.confinement.interpreter import interpreter
from interlock.adapters.confinement.launch import start
from interlock.adapters.confinement.mounts import translate
from interlock.adapters.confinement.probe import examine, probe
from interlock.adapters.confinement.uids import UidRange

__all__ = ["UidRange", "examine", "interpreter", "probe", "start", "translate"]
