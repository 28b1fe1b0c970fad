#!/bin/bash
# What `make bench` runs: a short suite, its results and a report into the folder given. About fifteen minutes.
set -euo pipefail
cd "$1"
bench=./penstock-bench

forward() {
  local name=$1
  shift
  "$bench" forward --json "forward-$name.json" "$@"
}

forward fan-out --profile gcm,cm --size 1,10,50
forward thousand-keys --profile gcm,cm --size 50 --keys 1000
forward small --profile gcm --payload 200 --size 10,50 --repeats 1
forward meeting --workload meeting --size 10 --repeats 1
forward calls --workload calls --rooms 50 --repeats 1
forward audio --workload audio --size 10 --rooms 10 --repeats 1
forward recorder --workload recorder --size 50 --profile gcm,cm --repeats 1
"$bench" latency --json latency.json
"$bench" surge --json surge.json
"$bench" joins --json joins.json
"$bench" micro --json micro.json
# An example of a demand; `penstock-bench plan --help` says how to state another.
"$bench" plan --json plan.json forward-*.json joins.json --joins 200 --surge 2 \
  --demand rooms=200,size=8,video-kbps=1500 --demand rooms=2,size=2000,publishers=1,video-kbps=2500
"$bench" report --out report.html forward-*.json latency.json surge.json joins.json plan.json micro.json
