"""``interlock doctor``: what this machine can and cannot prevent, and what would make it more."""

from interlock.cli.doctor.verb import doctor

__all__ = ["doctor"]
