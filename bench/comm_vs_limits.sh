#!/usr/bin/env bash
# Our shared-memory all-reduce of int32[2] beside peers/coll_limits.cpp, in turn (A B A B), so that
# what else the machine does falls on both. usage: comm_vs_limits.sh BUILD_DIR [ROUNDS]
set -euo pipefail

build_dir=${1:?usage: comm_vs_limits.sh BUILD_DIR [ROUNDS]}
rounds=${2:-9}
ours=$build_dir/bench/comm_bench
limits=$build_dir/bench/coll_limits
[[ -x $limits ]] || { echo "coll_limits was not built here (see bench/CMakeLists.txt)" >&2; exit 75; }

# p50 in us of one of ours at $1 ranks
run_ours() {
  "$ours" --benchmark_filter="reduce_int32_2/$1/" --benchmark_min_time=0.15 --benchmark_format=json 2>/dev/null |
    sed -n 's/.*"p50_us": \([0-9.e+-]*\).*/\1/p'
}

# p50 in us of coll_limits at $1 ranks, in mode $2 with $3 spins
run_limits() {
  local calls=200000
  (($1 > 2)) && calls=20000
  "$limits" shm "$1" "$2" 2 "$calls" "$3" | sed -n 's/.*p50 \([0-9.]*\) us.*/\1/p'
}

median() { sort -g | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }

cores=$(nproc)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo "all_reduce MIN int32[2], p50 in us, median of $rounds alternating rounds, $cores cores, $(date -u +%F)"
printf '%5s %10s %10s %-14s %8s %6s\n' ranks ranks/core ours "peer's mode" peer ratio
for ranks in 2 4 8 16; do
  modes=("yield 0")
  ((ranks <= cores)) && modes=("spin 0" "yield 200" "hybrid 200")
  rm -f "$scratch"/*
  for ((round = 0; round < rounds; ++round)); do
    run_ours "$ranks" >>"$scratch/ours"
    for mode in "${modes[@]}"; do
      # shellcheck disable=SC2086
      run_limits "$ranks" $mode >>"$scratch/peer ${mode}"
    done
  done
  best=$(for file in "$scratch"/peer*; do echo "$(median <"$file") ${file##*/peer }"; done | sort -g | head -1)
  awk -v ranks="$ranks" -v cores="$cores" -v ours="$(median <"$scratch/ours")" -v best="$best" 'BEGIN {
    split(best, peer, " ")
    printf "%5d %10.1f %10.3f %-14s %8.3f %6.2f\n", ranks, ranks / cores, ours, peer[2] " " peer[3], peer[1], ours / peer[1]
  }'
done
