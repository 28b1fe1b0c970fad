#!/bin/bash
# What `make bench` runs, in the folder given: every measurement once with repeats, then the figures that are wanted
# beside those measured (bench.json, with all results in it) and a page (report.html). 20 to 25 minutes; --quick for a
# look at the figures alone in three, --busy to try it out where the machine is not quiet. What fails is said, and
# missing; the rest goes on.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit 1
shift
bench=./penstock-bench
load=() search=(--precision 0.02) long=() repeats=3 tries=2 quick= delay=5 fans=1,10,50 idle=()
for option in "$@"; do
  case $option in
    --quick)
      quick=yes load+=(--seconds 0.3) search=(--precision 0.05) long=(--run-seconds 0.5) repeats=1 tries=1
      delay=1 fans=1,10 idle=(--seconds 5 --wakes 10)
      ;;
    --busy) load+=(--busy) tries=1 ;;
    *) echo "run.sh FOLDER [--quick] [--busy]" >&2; exit 64 ;;
  esac
done
rm -f ./*.json
failed=()
started=$SECONDS

# Result's name, command and options. Two tries: a trial that the machine spoilt ends a command.
measure() {
  local name=$1
  shift
  echo "== $name ($((SECONDS - started)) s)"
  for ((try = 0; try < tries; ++try)); do
    "$bench" "$@" --json "$name.json" && return
  done
  failed+=("$name")
}
forward() {
  local name=$1 times=$2
  shift 2
  measure "forward-$name" forward "${load[@]}" "${search[@]}" --repeats "$times" "$@"
}
cores() {
  local name=$1
  shift
  measure "cores-$name" cores "${load[@]}" "${long[@]}" --repeats "$repeats" "$@"
}

# What is wanted.
forward thousand-keys "$repeats" --profile gcm,cm --size 50 --keys 1000
forward clear "$repeats" --profile null --size 50 --keys 1000 --mac-swap
forward libsrtp 1 --profile gcm,cm --size 50 --keys 1000 --backend libsrtp
forward recorder "$repeats" --workload recorder --size 50 --profile gcm,cm
measure latency latency "${load[@]}" --size "$fans" --delay-seconds "$delay"
cores workers --size 2000 --workers 1,2
cores subscriptions --workers 1 --size 10 --keys 10,100,1000,10000
measure idle idle "${idle[@]}"

finish() {
  echo
  "$bench" table --json bench.json $(ls ./*.json) || exit 1
  "$bench" report --out report.html bench.json
  echo "$((SECONDS - started)) s; all results: $PWD/bench.json, the page: $PWD/report.html"
  [ ${#failed[@]} -eq 0 ] && exit
  echo "NOT MEASURED: ${failed[*]}"
  exit 1
}
[ -z "$quick" ] || finish

# What planners want to know besides: other shapes, surges, joins.
forward sizes 1 --profile gcm --size 1,10,200
forward small 1 --profile gcm --payload 200 --size 50
forward meeting 1 --workload meeting --size 10
forward calls 1 --workload calls --rooms 50
forward audio 1 --workload audio --size 10 --rooms 10
forward mix 1 --mix "$here/suite/mix.json"
measure surge surge "${load[@]}"
measure joins joins
measure micro micro --repeats 1 --filter '^(checksum|forward|parse|rtp)|bytes:1200/burst:64'
# An example of a demand; `penstock-bench plan --help` says how to state another.
"$bench" plan --json plan.json forward-*.json joins.json --backend ipsec-mb --joins 200 --surge 2 \
  --demand rooms=200,size=8,video-kbps=1500 --demand rooms=2,size=2000,publishers=1,video-kbps=2500 || failed+=(plan)
finish
