#!/bin/sh
# The index beside the reference tree, in turns (reference, ours, reference, ours ...), and medians
# with their ratio for each target of docs/performance.md, Index.
#
#   bench/index_vs_reference.sh BUILD_DIR [TURNS [TRACE.jsonl]]
#
# BUILD_DIR is a Release build. As root, the measured programs get a real-time priority and the last
# core, so that a busy machine disturbs less.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=${1:?usage: $0 BUILD_DIR [TURNS [TRACE.jsonl]]}
turns=${2:-5}
trace=${3:-${RADIXBENCH_TRACE:-$here/../../shared/data/traces/mooncake/conversation_trace.jsonl}}
[ -f "$trace" ] || { echo "no trace at $trace: nothing to compare on" >&2; exit 66; }
export RADIXBENCH_TRACE="$trace"

cmake --build "$build" --target index_bench radix_peer_tokens radix_peer_pages radix_peer_blocks >&2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 "$here/peers/conv_trace.py" "$trace" "$scratch/trace.bin" >&2
python3 "$here/peers/mkwide.py" 100000 "$scratch/wide.bin" >/dev/null

quietly() {
  if chrt -f 1 taskset -c "$(($(nproc) - 1))" true 2>/dev/null; then
    chrt -f 1 taskset -c "$(($(nproc) - 1))" "$@"
  else
    "$@"
  fi
}
# ours FILTER COUNTER: a counter of one benchmark, or its time.
ours() {
  quietly "$build/bench/index_bench" --benchmark_filter="^$1\$" --benchmark_format=csv 2>/dev/null |
    python3 -c '
import csv, sys
rows = list(csv.DictReader(line for line in sys.stdin if line.startswith(("name,", "\"BM_"))))
print(rows[0][sys.argv[1]])' "$2"
}
# us per request of a reference replay: PROGRAM PAGE CAP MEGABYTES_TO_PREFAULT
reference() {
  PREFAULT_MB=$4 quietly "$build/bench/$1" "$scratch/trace.bin" "$2" "$3" replay |
    sed -n 's/.*, \([0-9.]*\) us\/request.*/\1/p'
}
reference_blocks() {
  PREFAULT_MB=64 quietly "$build/bench/radix_peer_blocks" "$scratch/trace.bin" 512 0 replay |
    awk '$1 == "match" || $1 == "insert" { sum += $4 } END { print sum }'
}
ours_blocks() {
  filter="BM_IndexReplayBlockHashes/fragmented:$1/manual_time"
  quietly "$build/bench/index_bench" --benchmark_filter="^$filter\$" --benchmark_format=csv \
    2>/dev/null | python3 -c '
import csv, sys
rows = list(csv.DictReader(line for line in sys.stdin if line.startswith(("name,", "\"BM_"))))
print(float(rows[0]["us_match"]) + float(rows[0]["us_insert"]))'
}
reference_evict() {
  quietly "$build/bench/radix_peer_tokens" "$scratch/wide.bin" 1 40000000 replay 100000 |
    awk '$1 == "evict" { print $4 }'
}
reference_hot() {
  quietly "$build/bench/radix_peer_tokens" "$scratch/trace.bin" 1 0 sweep |
    sed -n 's/.*n=131072 .* mean \([0-9.]*\) us.*/\1/p'
}

turn=0
while [ "$turn" -lt "$turns" ]; do
  turn=$((turn + 1))
  echo "turn $turn of $turns" >&2
  note() { echo "$1|$2|$3" >>"$scratch/figures"; }
  replay() { echo "BM_IndexReplay/page:$1/cap_m:$2/fragmented:$3/manual_time"; }
  note "page 1, 3 M, us a request" reference "$(reference radix_peer_tokens 1 3000000 64)"
  note "page 1, 3 M, us a request" ours "$(ours "$(replay 1 3 0)" us_per_request)"
  note "page 1, 3 M, us a request" fragmented "$(ours "$(replay 1 3 1)" us_per_request)"
  note "page 1, 40 M, us a request" reference "$(reference radix_peer_tokens 1 40000000 512)"
  note "page 1, 40 M, us a request" ours "$(ours "$(replay 1 40 0)" us_per_request)"
  note "page 1, 40 M, us a request" fragmented "$(ours "$(replay 1 40 1)" us_per_request)"
  note "page 64, 3 M, us a request" reference "$(reference radix_peer_pages 64 3000000 64)"
  note "page 64, 3 M, us a request" ours "$(ours "$(replay 64 3 0)" us_per_request)"
  note "page 64, 3 M, us a request" fragmented "$(ours "$(replay 64 3 1)" us_per_request)"
  note "hashes given, us match + insert" reference "$(reference_blocks)"
  note "hashes given, us match + insert" ours "$(ours_blocks 0)"
  note "hashes given, us match + insert" fragmented "$(ours_blocks 1)"
  note "one evict, 78 k nodes, us" reference "$(reference_evict)"
  evict=BM_IndexEvict/page:1/nodes:78000/iterations:20000/manual_time
  note "one evict, 78 k nodes, us" ours "$(ours "$evict" us_per_call)"
  note "hot match of 131,072 tokens, us" reference "$(reference_hot)"
  note "hot match of 131,072 tokens, us" ours "$(ours BM_IndexMatchHot/page:1/tokens:131072 real_time)"
done

python3 - "$scratch/figures" <<'PYTHON'
import collections, statistics, sys
figures = collections.OrderedDict()
for line in open(sys.argv[1]):
    what, who, value = line.strip().split("|")
    figures.setdefault(what, {}).setdefault(who, []).append(float(value))
print(f"{'median':34} {'reference':>10} {'ours':>8} {'ratio':>6} {'fragmented ids':>15} {'ratio':>6}")
for what, by in figures.items():
    middle = {who: statistics.median(values) for who, values in by.items()}
    line = f"{what:34} {middle['reference']:10.3f} {middle['ours']:8.3f}"
    line += f" {middle['ours'] / middle['reference']:6.2f}"
    if "fragmented" in middle:
        line += f" {middle['fragmented']:15.3f} {middle['fragmented'] / middle['reference']:6.2f}"
    print(line)
PYTHON
