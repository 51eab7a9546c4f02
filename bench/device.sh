#!/usr/bin/env bash
# What can be shown on a machine with one GPU, in one call of under eight minutes: that NCCL ranks which
# share it work and end as they must, and what agreeing costs over each transport. Runs the programs
# of a kit (tools/portable), needs no package of ours, goes on after a part that failed, and ends
# with one line a part. Everything is in device.log in $OUT, or in the current folder.
#
# usage: device.sh [KIT], by default build/portable-kit beside this script's folder
set -uo pipefail

self=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
here=$(dirname "$self")
is_part=no
if [ "${1:-}" = --part ]; then  # KIT WORK FUNCTION ARGUMENT...: this script, once more, under a time limit
  is_part=yes
  kit=$2 work=$3
  shift 3
else
  kit=${1:-$here/../build/portable-kit}
  [ -x "$kit/bin/radixbench" ] || kit=$here/..
  [ -x "$kit/bin/radixbench" ] || { echo "no kit at $kit: see tools/portable" >&2; exit 66; }
  kit=$(cd "$kit" && pwd)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
readonly self here kit work bin=$kit/bin
readonly out=${OUT:-$PWD}
readonly log=$out/device.log
readonly budget_s=470

# The trace of the replays over NCCL: replies of one token and arrivals close together, so that few steps see
# hits, load-backs, write-throughs, prefetches and aborts.
readonly replay_options=(--device-tokens 30k --host-tokens 50k --speedup 60 --abort 0.1 --seed 1
  --prefetch-policy wait_complete)

machine() {
  nvidia-smi --query-gpu=index,name,memory.total,driver_version --format=csv,noheader
  lscpu | grep -E '^(Model name|CPU\(s\)|Socket|L3)' || true
  uname -r
  free -g | sed -n 2p
  command -v python3 && python3 -c 'import torch; print("torch", torch.__version__, "nccl", torch.cuda.nccl.version())'
  cat "$kit/share/commit"
}

make_trace() { sed -E 's/"output_length": ?[0-9]+/"output_length": 1/' "$kit/share/sample_400.jsonl" >"$work/short.jsonl"; }

# replay TRANSPORT LAYOUT FOLDER [OPTION...]
replay() {
  local transport=$1 layout=$2 folder=$3
  shift 3
  rm -rf "$folder"
  "$bin/radixbench" replay "$work/short.jsonl" --layout "$layout" --transport "$transport" \
    "${replay_options[@]}" -o "$folder" "$@"
}
# The counts of a run's table: everything but its times.
counts() {
  awk '/^site, all ranks/ {sites = 1} /^last to arrive/ {sites = 0}
       sites && NF >= 5 {print $1, $(2), $(4)}
       /prefetches,|steps a rank|^(device|host|storage|computed|input|requested|inserted|aborted|not in storage)/' "$1"
}

# equal_counts LAYOUT LIMIT: the same replay over shm and over nccl.
equal_counts() {
  local layout=$1 limit=$2
  replay shm "$layout" "$work/shm" --limit "$limit" >"$work/shm.txt" || return
  replay nccl "$layout" "$work/nccl" --share-gpu --limit "$limit" --deadline 60s >"$work/nccl.txt" || {
    local status=$?
    cat "$work/nccl.txt"
    return "$status"
  }
  cat "$work/nccl.txt"
  "$bin/radixbench" compare "$work/shm" "$work/nccl"
  diff <(counts "$work/shm.txt") <(counts "$work/nccl.txt") || { echo "counts differ from shm's"; return 1; }
  echo "counts equal to shm's"
}

# hang CREATION: a wrong group must end by the deadline, with its verdict (exit 3), and everyone alive to say so.
hang() {
  local status=0
  replay nccl sglang:tp=4,dp=2 "$work/hang.$1" --share-gpu --nccl-creation "$1" --agreement stage_tp \
    --limit 140 --deadline 20s >"$work/hang.txt" 2>&1 || status=$?
  cat "$work/hang.txt"
  [ "$status" -eq 3 ] || { echo "exit $status, not 3"; return 1; }
  grep -q '^wrong_group/too_large: ranks {0,1}' "$work/hang.txt" || { echo "no verdict"; return 1; }
  if grep -qE 'rank [0-9]+ (died|was killed)' "$work/hang.txt"; then echo "a rank died of it"; return 1; fi
}

late_group() {
  cat <<'END'
scenario late_group
about writing_check reduces over tp, which nobody has called before, while the other replica idles
layout sglang:tp=4,dp=2
deadline 500ms
transports threads,shm
expect class=wrong_group/too_large culprits=0,1 site=writing_check expected_group="attention_tp{0,1}" actual_group="tp{0,1,2,3}" absent=2,3

* create tp 0-3
* create attention_tp 0-1
* create attention_tp 2-3

repeat 3
  * tick
  * call writing_check on=attention_tp all_reduce min i32 values=1
  * call forward on=attention_tp all_reduce sum i64 values=1,2,3,4
end

* tick
!0-1 call writing_check on=tp all_reduce min i32 values=1
~0-1 call writing_check on=attention_tp all_reduce min i32 values=1
0-1 call forward on=attention_tp all_reduce sum i64 values=1,2,3,4
END
}

# late_hang: the same where two ranks are the first to call on a group, whose communicator their call makes.
late_hang() {
  local status=0
  late_group >"$work/late.scenario"
  "$bin/radixbench" replay --scenario "$work/late.scenario" --transport nccl --share-gpu \
    --nccl-creation first_call --time-scale 40 >"$work/late.txt" 2>&1 || status=$?
  cat "$work/late.txt"
  [ "$status" -eq 3 ] || { echo "exit $status, not 3"; return 1; }
  grep -q 'wrong_group/too_large' "$work/late.txt" || { echo "no verdict"; return 1; }
}

# conformance RANKS: the suite of all transports.
conformance() { (cd "$work" && RADIXBENCH_CONFORMANCE=full "$bin/comm_test" --gtest_brief=1 --gtest_filter="*/Nccl_$1"); }

transports_nccl() { "$bin/transports_bench" nccl "$1" --share-gpu --seconds 0.5; }

transports_gloo() {
  local ranks
  for ranks in 2 4 8 16; do
    ((ranks <= $(nproc))) || continue
    "$bin/transports_bench" gloo "tp$ranks" --seconds 0.3 || return
  done
}

transports_shm() {
  local ranks
  for ranks in 2 4 8 16; do
    ((ranks <= $(nproc))) || continue
    "$bin/transports_bench" shm "tp$ranks" --seconds 0.3 || return
  done
}

torch_gloo() {
  local ranks
  for ranks in 2 4 8 16; do
    ((ranks <= $(nproc))) || continue
    python3 "$kit/share/torch_gloo_bench.py" "$ranks" 2 1000 || return
  done
}

limits() {
  local ranks
  for ranks in 2 4 8 16; do
    ((ranks <= $(nproc))) || continue
    "$bin/coll_limits" shm "$ranks" spin 2 100000 0 || return
    "$bin/coll_limits" shm "$ranks" yield 2 100000 200 || return
  done
}
if [ "$is_part" = yes ]; then
  "$@"
  exit
fi

mkdir -p "$out"
: >"$log"
summary=()
failed=0

say() { printf '%s\n' "$*" | tee -a "$log"; }

# part NAME LIMIT_S FUNCTION ARGUMENT...: runs it, at most so long and within the budget; its output goes to
# the log and, where it failed, its end to stdout.
part() {
  local name=$1 limit=$2 begun=$SECONDS status=0 text=$work/part.txt
  local left=$((budget_s - SECONDS))
  shift 2
  say "== $name"
  if ((left < 10)); then
    summary+=("SKIPPED $name: no time left")
    failed=1
    return
  fi
  ((left < limit)) && limit=$left
  printf '+ %s\n' "$*" >>"$log"
  rm -f "$work"/nccl-*
  NCCL_DEBUG=${NCCL_DEBUG:-WARN} NCCL_DEBUG_FILE="$work/nccl-%p.txt" \
    timeout --kill-after=5 "$limit" "$BASH" "$self" --part "$kit" "$work" "$@" >"$text" 2>&1 || status=$?
  for words in "$work"/nccl-*; do
    [ -s "$words" ] && sed 's/^/NCCL says: /' "$words" | head -n 20 >>"$text"
  done
  cat "$text" >>"$log"
  if [ "$status" -eq 0 ]; then
    summary+=("ok      $name ($((SECONDS - begun)) s)")
    return
  fi
  failed=1
  [ "$status" -eq 124 ] && say "-- not done within $limit s"
  summary+=("FAILED  $name: exit $status after $((SECONDS - begun)) s")
  say "-- exit $status; the end of what it said:"
  tail -n 30 "$text" | cut -c1-400
}

part "machine" 60 machine
make_trace
part "NCCL: 2 ranks, first calls" 60 transports_nccl tp2
part "NCCL: 4 ranks, first calls" 90 transports_nccl tp2cp2
part "NCCL: replay on 2 ranks counts as over shm" 60 equal_counts tp2 140
part "NCCL: replay on 4 ranks counts as over shm" 120 equal_counts tp2cp2 140
part "NCCL: stage_tp ends by its deadline" 90 hang opening
part "NCCL: stage_tp, communicators made by the first call" 90 hang first_call
part "NCCL: too large a group, met by its first call alone" 90 late_hang
part "NCCL: conformance, 2 ranks" 150 conformance 2
part "transports: shm" 60 transports_shm
part "transports: gloo" 60 transports_gloo
part "transports: limits of shared memory" 30 limits
part "transports: torch gloo" 90 torch_gloo
part "NCCL: conformance, 4 ranks" 150 conformance 4

say ""
say "transport layout  groups call                     p50 us       p99 us   calls"
grep -hE '^(shm|nccl|gloo|threads) +[a-z]+[0-9].* (agreement|drain|barrier)' "$log" | sort -u | tee -a "$work/table"
grep -hE '^torch [0-9.+a-z]+ gloo' "$log" | sort -u
grep -hE 'p50 .*us' "$log" | grep -vE '^torch' | sort -u | head -20
say ""
printf '%s\n' "${summary[@]}" | tee -a "$log"
say "$((SECONDS)) s in all; everything in $log"
exit "$failed"
