#!/bin/sh
# suite.sh PATH COMMAND...: run a suite that lives in PATH, or say that it could not run.
# Silence would look like success, so under CI=true a suite that did not run is a failure.
suite=$1
shift
[ ! -e "$suite" ] || exec "$@"
echo "NOT RUN: $suite does not exist yet"
[ "${CI:-}" != true ]
