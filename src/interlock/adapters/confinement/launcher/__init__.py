"""The small parent of one sandbox, a process of its own.

Run as ``python -I -S run.py FD`` with nothing but the standard library: joining namespaces and
dropping users wants a process with one thread, and a parent of 10 MB that only waits is a safer
owner of a sandbox's lifetime than a server that does a hundred other things. It gets its job as
JSON over the socket FD, answers there, and ends the sandbox when that socket is closed.

``session`` is the order of events, ``kernel`` the system calls. One file for each way to confine:
``private`` (bubblewrap), ``namespaces`` with ``root`` (made by root itself), ``plain`` with
``landlock``. ``staging`` is the mount namespace, ``limits`` and ``cgroups`` what may be used,
``ports`` the listeners, ``ending`` how everything is ended, ``guard`` who ends it if this is lost.
"""
