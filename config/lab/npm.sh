#!/bin/bash
# Installs the Node packages of the browser tests, when their list changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/../../tests"
[ -e e2e/package-lock.json ] || exit 0
cd e2e
mark=node_modules/.package-lock.json # written by npm, last
[ -e "$mark" ] && [ ! package-lock.json -nt "$mark" ] && exit 0
echo "== Installing the browser tests' Node packages"
npm ci --no-audit --no-fund
touch "$mark"
