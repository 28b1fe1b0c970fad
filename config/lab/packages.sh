#!/bin/bash
# Installs the packages that are missing: `packages.sh build run lint test interop fuzz guard bench`.
# Debian 12 and 13, Ubuntu 24.04. Asks nothing.
# When all are there it takes one look at dpkg's list and is silent.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Debian 12 has Boost 1.81, the oldest that will do, under its version only; the others have 1.83 likewise.
codename=$(. /etc/os-release 2> /dev/null && echo "${VERSION_CODENAME:-}")
[ "$codename" = bookworm ] && boost=1.81 || boost=1.83

list() {
  case $1 in
    build)
      echo ccache g++ git meson ninja-build pkg-config
      echo libbenchmark-dev libdpdk-dev libgtest-dev libspdlog-dev libsqlite3-dev libsrtp2-dev libssl-dev
      echo libsystemd-dev prometheus-cpp-dev
      # x86-64 only; elsewhere all SRTP is libsrtp's.
      [ "$(dpkg --print-architecture 2> /dev/null || true)" != amd64 ] || echo libipsec-mb-dev
      echo "libboost$boost-dev libboost-json$boost-dev libboost-program-options$boost-dev libboost-url$boost-dev"
      ;;
    run) echo iproute2 python3 python3-aiortc python3-numpy ;;
    fuzz) echo clang-19 libclang-rt-19-dev ;;
    guard) echo python3 valgrind ;;
    bench) echo dpdk-dev ;;  # dpdk-testpmd
    lint)
      echo clang-format
      command -v node > /dev/null || echo nodejs
      ;;
    test)
      # A Node.js from elsewhere brings its own npm, which Debian's would fight.
      command -v node > /dev/null || echo nodejs
      command -v npm > /dev/null || echo npm
      echo iputils-ping openssl
      # Ubuntu's browsers are snaps, which do not start in a namespace; there the browser tests are skipped.
      [ "$codename" = noble ] || echo chromium firefox-esr
      ;;
    interop)
      echo gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice gstreamer1.0-plugins-bad gstreamer1.0-plugins-base
      echo gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly python3-gst-1.0 python3-venv
      ;;
    *)
      echo "packages.sh: no such list: $1" >&2
      exit 1
      ;;
  esac
}

wanted=$(for name in "$@"; do list "$name"; done | tr ' ' '\n' | sort -u)
if ! command -v dpkg-query > /dev/null; then
  echo "Packages are installed on Debian and Ubuntu only. Needed here, by Debian's names:" $wanted
  exit 0
fi
missing=$(comm -13 <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u) \
  <(echo "$wanted"))
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo > /dev/null || {
    echo "Packages are missing, and without root they cannot be installed. As root: apt-get install" $missing
    exit 1
  }
  as_root=sudo
fi
echo "== Installing $(echo "$missing" | wc -w) packages:" $missing
$as_root apt-get update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing < /dev/null
