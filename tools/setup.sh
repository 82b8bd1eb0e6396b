#!/bin/sh
# Makes or refreshes .venv from nothing but Python >= 3.11. Called by `make setup`.
set -eu
cd "$(dirname "$0")/.."

# Several `make` at once must not fill one environment together.
if [ -z "${SETUP_LOCKED:-}" ] && command -v flock >/dev/null; then
    mkdir -p build
    SETUP_LOCKED=1 exec flock build/setup.lock sh "$0"
fi

# Run each candidate: a pyenv or Windows shim may be on PATH and still start nothing.
find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "setup: no Python >= 3.11 found (tried python3, python3.13, python3.12, python3.11)." >&2
    echo "setup: install one, e.g.: apt-get install python3 python3-venv; or set PYTHON=/path" >&2
    return 1
}

if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv --clear .venv
    elif command -v uv >/dev/null; then
        uv venv --quiet --clear --seed --python "$python" .venv
    else
        echo "setup: $python has no ensurepip, so it cannot make a virtual environment." >&2
        echo "setup: run: apt-get install python3-venv" >&2
        exit 1
    fi
fi

# uv reads none of pip's settings: hand over the mirrors that people configured for pip.
pip_setting() { .venv/bin/pip config get "global.$1" 2>/dev/null || true; }
index=${PIP_INDEX_URL:-$(pip_setting index-url)}
links=${PIP_FIND_LINKS:-$(pip_setting find-links)}
[ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
[ -z "$links" ] || export UV_FIND_LINKS="${UV_FIND_LINKS:-$links}"

# uv is several times faster, but has no wheel everywhere: pip is always good enough.
if { [ -x .venv/bin/uv ] || .venv/bin/pip install --quiet uv; } &&
    .venv/bin/uv pip install --quiet --python .venv -e '.[dev]'; then
    :
else
    echo "setup: uv could not do it; using pip." >&2
    .venv/bin/pip install --quiet -e '.[dev]'
fi
touch .venv/.stamp
