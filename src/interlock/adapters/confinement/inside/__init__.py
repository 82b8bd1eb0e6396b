"""What must hold inside a sandbox, each property tried from inside and never read from flags.

This directory is mounted into the sandbox and run there (``python -I -S run.py ARGUMENTS``):
standard library only, no import of ours. ``harness`` says what a property is; the other files are
the properties, by what they are about. ``witness`` makes what they are tried against.
"""
