# What bench/device.sh and bench/multi_gpu.sh share: they run the programs of a kit (tools/portable), need no package
# of ours, go on after a part that failed, and end with a line a part. Sourced, not run.
# shellcheck shell=bash

self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
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
readonly log=$out/$(basename "$0" .sh).log
readonly budget_s=470

# The trace of replays over NCCL: replies of one token and arrivals close together, so that few steps see hits,
# load-backs, write-throughs, prefetches and aborts.
make_trace() { sed -E 's/"output_length": ?[0-9]+/"output_length": 1/' "$kit/share/sample_400.jsonl" >"$work/short.jsonl"; }

readonly replay_options=(--device-tokens 30k --host-tokens 50k --speedup 60 --abort 0.1 --seed 1
  --prefetch-policy wait_complete)

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
       sites && NF >= 5 {print $1, $2, $4}
       /prefetches,|steps a rank|^(device|host|storage|computed|input|requested|inserted|aborted|not in storage)/' "$1"
}

# same_counts NAME1 NAME2: of two runs whose tables are $work/NAME.txt.
same_counts() {
  diff <(counts "$work/$1.txt") <(counts "$work/$2.txt") || { echo "counts of $1 and $2 differ"; return 1; }
  [ -n "$(counts "$work/$1.txt")" ] || { echo "no counts in $1"; return 1; }
  echo "counts of $1 and $2 are equal"
}

# must_hang OPTION...: a wrong group must end by the deadline, with its verdict (exit 3), and everyone alive to say so.
must_hang() {
  local status=0
  replay nccl sglang:tp=4,dp=2 "$work/hang.run" --agreement stage_tp --limit 140 --deadline 20s "$@" \
    >"$work/hang.txt" 2>&1 || status=$?
  cat "$work/hang.txt"
  [ "$status" -eq 3 ] || { echo "exit $status, not 3"; return 1; }
  grep -q '^wrong_group/too_large: ranks {0,1}' "$work/hang.txt" || { echo "no verdict"; return 1; }
  if grep -qE 'rank [0-9]+ (died|was killed)' "$work/hang.txt"; then echo "a rank died of it"; return 1; fi
}

machine() {
  nvidia-smi --query-gpu=index,name,memory.total,driver_version --format=csv,noheader
  nvidia-smi topo -m 2>/dev/null | head -n 12
  lscpu | grep -E '^(Model name|CPU\(s\)|Socket|L3)'
  uname -r
  free -g | sed -n 2p
  python3 -c 'import torch; print("torch", torch.__version__, "nccl", torch.cuda.nccl.version())'
  cat "$kit/share/commit"
  "$bin/radixbench" env
}

# ranks_that_fit: of 2, 4, 8 and 16 those that have a core each.
ranks_that_fit() {
  local ranks
  for ranks in 2 4 8 16; do
    if ((ranks <= $(nproc))); then echo "$ranks"; fi
  done
}

# transports TRANSPORT [OPTION...]: what agreeing costs, at every number of ranks that fits.
transports() {
  local transport=$1 ranks
  shift
  for ranks in $(ranks_that_fit); do
    "$bin/transports_bench" "$transport" "tp$ranks" --seconds 0.3 "$@" || return
  done
}

torch_gloo() {
  local ranks
  for ranks in $(ranks_that_fit); do
    python3 "$kit/share/torch_gloo_bench.py" "$ranks" 2 1000 || return
  done
}

limits() {
  local ranks
  for ranks in $(ranks_that_fit); do
    "$bin/coll_limits" shm "$ranks" spin 2 100000 0 || return
    "$bin/coll_limits" shm "$ranks" yield 2 100000 200 || return
  done
}

summary=()
failed=0

say() { printf '%s\n' "$*" | tee -a "$log"; }

# part NAME LIMIT_S FUNCTION ARGUMENT...: runs it, at most so long and within the budget; its output goes to the log
# and, where it failed, its end to stdout.
part() {
  local name=$1 limit=$2 begun=$SECONDS status=0 text=$work/part.txt words
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

# Runs the part that this process is for, if it is for one; else begins the log.
begin() {
  if [ "$is_part" = yes ]; then
    "$@"
    exit
  fi
  mkdir -p "$out"
  : >"$log"
}

# The measurements of all parts, and a line a part.
finish() {
  say ""
  say "transport layout  groups call                     p50 us       p99 us   calls"
  grep -hE '^(shm|nccl|gloo|threads|mpi) +[a-z]+[0-9].* (agreement|drain|barrier)' "$log" | sort -u
  grep -hE '^torch [0-9.+a-z]+ gloo' "$log"
  awk '/^\+ plain_gloo/ {is_in = 1; next} /^== / {is_in = 0} is_in && NF && !seen[$0]++' "$log"
  grep -hE '^(shm|spin|yield).* p50 ' "$log"
  grep -hE '^(pages|#    ) ' "$log" | awk '!seen[$0]++'
  say ""
  printf '%s\n' "${summary[@]}" | tee -a "$log"
  say "$SECONDS s in all; everything in $log"
  exit "$failed"
}
