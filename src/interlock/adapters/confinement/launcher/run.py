"""Entry point: makes its package importable under ``-I -S`` and runs the session."""

import importlib
import os
import sys

if __name__ == "__main__":
    # Appended, so that no file of ours can stand for one of the standard library.
    confinement = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path += [confinement, os.path.realpath(f"{confinement}/../../..")]
    importlib.import_module("launcher.session").main(int(sys.argv[1]))
