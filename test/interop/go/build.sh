#!/bin/sh
# Builds the peers, or those that are named, into the given directory (default: build/interop at the top of the repository).
set -eu
cd "$(dirname "$0")"
out=${1:-../../../build/interop}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- geth statusgo libp2p
mkdir -p "$out"
out=$(cd "$out" && pwd)
if ! command -v go >/dev/null; then
  echo "The interop peers are Go programs: install Go 1.26 or later (https://go.dev/dl/) and run this again." >&2
  exit 1
fi
for program; do
  (cd "$program" && go build -o "$out/interop-$program" .)
done
echo "$out"
