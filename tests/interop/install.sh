#!/bin/bash
# Installs the clients of tests/interop, by exact versions, through ordinary package clients: `install.sh` all,
# `install.sh quick` those that need no toolchain. What cannot be had is said, and run.py leaves it out.
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${INTEROP_DIR:-$PWD/build/interop}
clients=tests/interop/clients
mkdir -p "$out"

part() { # NAME PROGRAM COMMAND...
  command -v "$2" > /dev/null || { echo "interop: no $2: $1 is left out"; return 0; }
  "${@:3}" || echo "interop: $1 cannot be installed: left out"
}

python() {
  local mark=$out/venv/.penstock
  [ -e "$mark" ] && [ ! $clients/requirements.txt -nt "$mark" ] && return 0
  echo "== Installing Python clients"
  python3 -m venv "$out/venv" && "$out/venv/bin/pip" install --quiet --disable-pip-version-check -r $clients/requirements.txt &&
    touch "$mark"
}

part "werift, libdatachannel" npm config/lab/npm.sh $clients
part "aiortc, ffmpeg" python3 python
[ "${1:-}" = quick ] && exit 0
part pion go bash -c "cd $clients/pion && go build -mod=readonly -o '$out/pion' ."
part str0m cargo bash -c "cargo build --quiet --release --manifest-path $clients/str0m/Cargo.toml --target-dir '$out/cargo' &&
  cp '$out/cargo/release/str0m-client' '$out/str0m'"
exit 0
