#!/bin/bash
# Installs the Node packages of a folder, by default of the browser tests, when their list changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-tests/e2e}
cd "$folder"
mark=node_modules/.penstock # newer than the list it stands for
[ -e "$mark" ] && [ ! package.json -nt "$mark" ] && exit 0
echo "== Installing the Node packages of $folder"
npm install --no-audit --no-fund --no-package-lock
touch "$mark"
