#!/bin/bash
# Fuzzes with libFuzzer, under ASan and UBSan: tests/fuzz/run.sh [TARGET...]. Needs clang 19: older ones do not compile
# std::expected of libstdc++. FUZZ_SECONDS (60) per target; FUZZ_CXX (clang++-19). Ends with 77 without it. Inputs that
# cover something new stay in build-fuzz/corpus/TARGET, from where the worthwhile ones are copied to
# tests/fuzz/corpus/TARGET; what crashes is written to build-fuzz/crash/.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CXX=${FUZZ_CXX:-clang++-19}
command -v "$CXX" > /dev/null || { echo "$CXX is not here; config/lab/packages.sh fuzz installs it"; exit 77; }
seconds=${FUZZ_SECONDS:-60}
if [ $# -eq 0 ]; then
  set -- $(sed -nE "/canary/d; s/^  '([a-z_]+)': \['.*/\1/p" tests/fuzz/meson.build)
fi

[ -e build-fuzz/build.ninja ] || meson setup build-fuzz --buildtype debugoptimized -Db_sanitize=address,undefined \
  -Db_lundef=false -Dwerror=false -Dbench=disabled -Dcpp_args=-fsanitize=fuzzer-no-link -Dfuzz_engine=-fsanitize=fuzzer
ninja -C build-fuzz "${@/#/tests/fuzz/fuzz_}"

failed=()
mkdir -p build-fuzz/crash
for target in "$@"; do
  echo "== $target for $seconds s"
  mkdir -p "build-fuzz/corpus/$target"
  "build-fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=5 -print_final_stats=1 \
    -artifact_prefix="build-fuzz/crash/$target-" "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target" \
    2> "build-fuzz/$target.log" || failed+=("$target")
  grep -E 'ERROR|stat::number_of_executed_units|cov:' "build-fuzz/$target.log" | tail -2
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}; see build-fuzz/*.log and build-fuzz/crash/"; exit 1; }
