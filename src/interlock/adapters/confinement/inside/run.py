"""Entry point: makes its package importable under ``-I -S`` and prints a report."""

import importlib
import json
import os
import sys

if __name__ == "__main__":
    # Appended, so that no file of ours can stand for one of the standard library.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    properties = importlib.import_module("inside.properties")
    broken = properties.try_all(json.loads(sys.argv[1]))
    print(json.dumps({"broken": broken, "tried": properties.names()}))
