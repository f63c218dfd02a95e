#!/bin/sh
# node-opcua's client and AsyncAPI's schemas, for the tests; from their lock file, into tests/node.
set -eu
folder=$(dirname "$0")/../../tests/node
command -v npm >/dev/null || {
  echo "not installed: node-opcua, AsyncAPI's schemas (no npm); tests that need it skip" >&2
  exit 0
}
cmp -s "$folder/package-lock.json" "$folder/node_modules/.of" && exit 0
echo "installing node-opcua and AsyncAPI's schemas for the tests (half a minute)"
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null &&
  cp "$folder/package-lock.json" "$folder/node_modules/.of" ||
  echo "not installed: node-opcua, AsyncAPI's schemas (npm failed); tests that need it skip" >&2
