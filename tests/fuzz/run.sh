#!/bin/bash
# Fuzzes with libFuzzer, under ASan and UBSan: tests/fuzz/run.sh [TARGET...]. Needs clang 14 or later.
# FUZZ_SECONDS (60) per target; CXX (clang++-14). Inputs that cover something new stay in build-fuzz/corpus/TARGET, from
# where the worthwhile ones are copied to tests/fuzz/corpus/TARGET; what crashes is written to build-fuzz/crash/.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CXX=${CXX:-clang++-14}
seconds=${FUZZ_SECONDS:-60}
if [ $# -eq 0 ]; then
  set -- $(sed -nE "/canary/d; s/^  '([a-z_]+)': \['.*/\1/p" tests/fuzz/meson.build)
fi

# Before version 19 clang reports older concepts than libstdc++ wants for std::expected, and has what it uses of them.
cpp_args='-fsanitize=fuzzer-no-link -D__cpp_concepts=202002L -Wno-macro-redefined'
[ -e build-fuzz/build.ninja ] || meson setup build-fuzz --buildtype debugoptimized -Db_sanitize=address,undefined \
  -Db_lundef=false -Dwerror=false -Dbench=disabled -Dcpp_args="$cpp_args" -Dfuzz_engine=-fsanitize=fuzzer
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
