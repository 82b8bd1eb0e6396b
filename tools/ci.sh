#!/bin/sh
# All that must hold before a change lands; called by `make ci`.
#
# Every step runs, whatever failed before it, so that one run tells everything. The suite as
# the present user comes last: the final line is pytest's own summary.
set -u
cd "$(dirname "$0")/.."
CI=${CI:-}
make="make --no-print-directory"
failed=""
# Both suites and the rest fit into an hour. pytest ends itself a little before it is ended, so
# that it can still say what it ran.
suite="timeout 24m $make test ARGS=--session-timeout=1380"

step() { # step TITLE COMMAND...
    title=$1
    shift
    echo "== $title"
    "$@" || { failed="$failed $title"; echo "FAILED: $title"; }
}

# A suite that could not run is not a suite that passed.
not_run() {
    echo "NOT RUN: $1"
    [ "$CI" != true ]
}

# Root passes permission checks that a user's machine does not: the suite must hold there too.
# It gets its own copy and environment, because the checkout, the venv and the Python of root
# may lie where that uid cannot look.
as_nobody() {
    command -v setpriv >/dev/null || { not_run "unprivileged suite: setpriv (util-linux) is missing"; return; }
    home=$(mktemp -d /tmp/interlock-ci.XXXXXX) || return
    mkdir "$home/tree" "$home/home" "$home/tmp"
    # What is on disk, not what is committed: tracked and new files, less the ignored and deleted.
    # The checkout may belong to someone else, which git distrusts unless told otherwise.
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
        tar -c --null --ignore-failed-read -T - 2>/dev/null | tar -x -C "$home/tree"
    chown -R 64999:64999 "$home" && chmod 755 "$home"

    # A clean environment, but for what a machine needs to reach its package index.
    set -- PATH=/usr/local/bin:/usr/bin:/bin HOME="$home/home" TMPDIR="$home/tmp" LANG=C.UTF-8 CI="$CI"
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_CERT PIP_DEFAULT_TIMEOUT \
        UV_DEFAULT_INDEX UV_FIND_LINKS SSL_CERT_FILE REQUESTS_CA_BUNDLE \
        http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        value=$(printenv "$name") && set -- "$@" "$name=$value"
    done
    user="setpriv --reuid=64999 --regid=64999 --clear-groups env -i"

    if ! $user "$@" $make -s -C "$home/tree" setup; then
        not_run "unprivileged suite: its environment could not be made"
    else
        $user "$@" $suite -C "$home/tree"
    fi
    status=$?
    rm -rf "$home"
    return $status
}

# The long suites' fixed samples: few cases, always the same ones.
samples() {
    status=0
    timeout 5m $make demo || status=1
    # Anything of a running house, killed sixty times.
    timeout 10m $make test-long ARGS="tests/e2e/test_random_kills.py -k sample" || status=1
    return $status
}

$make deps
$make -s setup || exit 1
step check $make check
step samples samples
step honest timeout 6m $make honest ARGS=--sample
[ "$(id -u)" != 0 ] || step unprivileged as_nobody
[ -z "$failed" ] || echo "FAILED so far:$failed"
echo "== test"
$suite || failed="$failed test"
[ -z "$failed" ]
