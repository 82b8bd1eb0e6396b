#!/bin/sh
# The system's tools: which are missing, what that costs, and how to get them.
#   deps.sh install   install what is missing when allowed to, else say the command (exit 0)
#   deps.sh try       the same before demo and test: only as root, quietly, once a day
#   deps.sh missing   one line per missing tool
set -u
cd "$(dirname "$0")/.."
log=build/deps.log

# command:Debian package:what its absence costs
tools="
bwrap:bubblewrap:sessions and judge jobs run less confined, sandbox tests are skipped
git:git:nothing works: trees, imports and commits are git objects
strace:strace:the tests that trace sync-before-answer are skipped
tmux:tmux:the tmux runner and its tests are left out
setpriv:util-linux:the tests cannot run again as an unprivileged user
"

# Debian's Python lacks venv until python3-venv is installed; uv can stand in for it.
can_make_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || command -v uv >/dev/null
}

# Prints "package:what is missing:its cost" for each gap.
gaps() {
    echo "$tools" | while IFS=: read -r tool package cost; do
        [ -z "$tool" ] || command -v "$tool" >/dev/null || echo "$package:$tool:$cost"
    done
    can_make_venv || echo "python3-venv:python3 -m venv:make setup cannot make its environment"
}

report() { gaps | while IFS=: read -r _ tool cost; do echo "missing: $tool: $cost"; done; }

# $1: "", or "sudo -n". Package lists may be absent or stale: update once, then try again.
apt_install() {
    packages=$(gaps | cut -d: -f1 | sort -u)
    apt="timeout 300 apt-get -qq -o DPkg::Lock::Timeout=60 -o Acquire::Retries=2"
    run="$1 env DEBIAN_FRONTEND=noninteractive $apt"
    mkdir -p build
    # shellcheck disable=SC2086  # words on purpose: a command, and a list of packages
    { $run install -y --no-install-recommends $packages ||
        { $run update && $run install -y --no-install-recommends $packages; }; } >"$log" 2>&1
}

case ${1:-missing} in
install)
    [ -n "$(gaps)" ] || { echo "deps: everything is there."; exit 0; }
    if ! command -v apt-get >/dev/null; then
        report
        echo "deps: no apt-get here; install these with your package manager:" $(gaps | cut -d: -f1)
        exit 0
    fi
    if [ "$(id -u)" = 0 ]; then as=""
    elif sudo -n true 2>/dev/null; then as="sudo -n"
    else as=none; fi
    [ "$as" = none ] || apt_install "$as" || echo "deps: apt-get failed, see $log"
    if [ -z "$(gaps)" ]; then
        echo "deps: everything is there."
    else
        report
        echo "deps: run: apt-get update && apt-get install" $(gaps | cut -d: -f1)
    fi
    ;;
try)
    # A machine without network must not wait for apt before each test run.
    if [ -n "$(gaps)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null &&
        [ -z "$(find build/deps.log -mtime -1 2>/dev/null)" ]; then
        apt_install "" || true
    fi
    report
    ;;
missing) report ;;
*) sed -n '2,5s/^# *//p' "$0" >&2; exit 2 ;;
esac
exit 0
