#!/bin/bash
# Installs the Node packages of the browser tests, when their list changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/../../tests/e2e"
mark=node_modules/.penstock # newer than the list it stands for
[ -e "$mark" ] && [ ! package.json -nt "$mark" ] && exit 0
echo "== Installing the browser tests' Node packages"
npm install --no-audit --no-fund --no-package-lock
touch "$mark"
