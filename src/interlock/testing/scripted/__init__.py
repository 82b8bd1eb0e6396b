"""The scripted agent: a program that does inside a sandbox what a file of steps says.

It runs where no site-packages are, so it knows the standard library, ``interlock.errors`` and
``interlock.sdk`` only. The file is YAML for people; the program reads it as JSON.
"""
