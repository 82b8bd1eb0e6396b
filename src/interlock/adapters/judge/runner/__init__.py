"""Runs inside the judge's sandbox, mounted read-only: the standard library, pytest, nothing else.

A fork server. The parent imports pytest and never code of the tree; each job gets a fresh tree and
a child of its own. Whatever a child leaves behind (processes, files, shared memory) is removed
before the next job, so that code cannot tell one run from another by what it finds.

The code under test shares a process with its runner and can forge what that reports. Nothing in
here prevents it; the variants that the judge runs are what shows it.
"""
