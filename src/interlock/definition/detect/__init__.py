"""Proposes how to build the environment of a Python project from what lies in its tree.

A proposal, never a fact: ``init`` writes it, ``trust`` shows it, a person reads and trusts it. Each
command comes with what it was made of, and what will not work is said beforehand.
"""

from interlock.definition.detect.proposal import Proposal, detect_environment
from interlock.definition.detect.required import required_python

__all__ = ["Proposal", "detect_environment", "required_python"]
