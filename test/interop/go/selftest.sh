#!/bin/sh
# Builds the peers and runs them against each other. Further arguments go to go test (for instance -run Refusals -v).
set -eu
cd "$(dirname "$0")"
INTEROP_BIN=$(./build.sh "${INTEROP_BIN:-../../../build/interop}")
export INTEROP_BIN
cd selftest
go test -count=1 ./... "$@"
