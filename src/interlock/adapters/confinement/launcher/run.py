"""Entry point: makes its package importable under ``-I -S`` and runs the session."""

import importlib
import os
import sys

if __name__ == "__main__":
    # Appended, so that no file of ours can stand for one of the standard library.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    importlib.import_module("launcher.session").main(int(sys.argv[1]))
