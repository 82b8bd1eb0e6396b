"""Entry point: makes its package importable under ``-I -S`` and prints a report as JSON."""

import importlib.util
import json
import os
import sys

if __name__ == "__main__":
    # By its file: the directory above may not be listed, and is not to be searched.
    here = os.path.dirname(os.path.abspath(__file__))
    if package := importlib.util.spec_from_file_location("inside", f"{here}/__init__.py"):
        sys.modules["inside"] = importlib.util.module_from_spec(package)
    properties = importlib.import_module("inside.properties")
    print(json.dumps(properties.try_all(json.loads(sys.argv[1]))))
