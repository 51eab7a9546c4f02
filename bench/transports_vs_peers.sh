#!/usr/bin/env bash
# Our transports beside the programs in peers/, int32[2] MIN and barriers, in one run. Where both can be in one process
# (gloo) they alternate call by call, else run by run (A B A B), so that what else the machine does falls on both. Needs
# the targets comm_bench, transports_bench, gloo_vs_plain, coll_limits, gloo_bench and mpi_bench; what is missing is left out.
# On a shared machine run it as `chrt --rr 1 bench/transports_vs_peers.sh ...`, which only root may.
# usage: transports_vs_peers.sh BUILD_DIR [ROUNDS]
set -euo pipefail

build_dir=${1:?usage: transports_vs_peers.sh BUILD_DIR [ROUNDS]}
rounds=${2:-5}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$build_dir/bench
cores=$(nproc)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

median() { sort -g | awk '{v[NR] = $1} END {if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
p50() { sed -n 's/.* p50 \([0-9.]*\) us.*/\1/p'; }

# Calls for about half a second of gloo at $1 ranks.
gloo_calls() { echo $((1600 / $1)); }

# p50 in us of one program at $1 ranks.
ours_shm() {
  "$bin/comm_bench" --benchmark_filter="reduce_int32_2/$1/" --benchmark_min_time=0.15 --benchmark_format=json 2>/dev/null |
    sed -n 's/.*"p50_us": \([0-9.e+-]*\).*/\1/p' | xargs -r printf "%.3f\n"
}
limits_shm() { # $2 mode, $3 spins
  local calls=200000
  (($1 > 2)) && calls=20000
  "$bin/coll_limits" shm "$1" "$2" 2 "$calls" "$3" | p50
}
ours_mpi() { # $2 as transports_bench names the call
  "$bin/transports_bench" mpi "tp$1" --seconds 0.15 | grep "grid *$2" | sed "s/.*$2//" | awk '{print $1}'
}
peer_mpi() { # $2 allreduce or barrier
  local yields=0
  (($1 > cores)) && yields=1
  mpirun -n "$1" --bind-to none --mca pml ob1 --mca btl self,vader --mca mpi_yield_when_idle "$yields" "$bin/mpi_bench" 2 $((20000 / $1)) |
    grep " $2 " | p50
}
peer_gloo() { "$bin/gloo_bench" "$1" 2 "$(gloo_calls "$1")" "$2" 2>/dev/null | p50; }
peer_torch() { # $2 allreduce or barrier
  /usr/bin/python3 "$here/peers/torch_gloo_bench.py" "$1" 2 "$(gloo_calls "$1")" 2>/dev/null | grep "gloo $2 " | p50
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
row() { printf '%5s %10s  %-20s %-28s %10s %10s %8s  %s\n' "$@"; }

# A B A B. The lines' ratio is of medians over the rounds. in_turn RANKS CALL TARGET OURS -- PEER, each a function and its words
in_turn() {
  local ranks=$1 call=$2 target=$3 ours=() round
  shift 3
  while [ "$1" != -- ]; do ours+=("$1") && shift; done
  shift
  rm -f "$scratch"/*
  for ((round = 0; round < rounds; ++round)); do
    "${ours[@]}" >>"$scratch/ours"
    "$@" >>"$scratch/peer"
  done
  local mine theirs
  mine=$(median <"$scratch/ours") theirs=$(median <"$scratch/peer")
  [ -n "$mine" ] && [ -n "$theirs" ] || return 0
  row "$ranks" "$(awk "BEGIN {printf \"%.1f\", $ranks / $cores}")" "$call" "${*/$ranks /}" "$mine" "$theirs" \
    "$(awk "BEGIN {printf \"%.2f\", $mine / $theirs}")" "$target"
}

# Of shared memory the peer's best mode counts.
best_mode() {
  local mode modes=("yield 0")
  (($1 <= cores)) && modes=("spin 0" "yield 200" "hybrid 200")
  for mode in "${modes[@]}"; do
    # shellcheck disable=SC2086
    echo "$(limits_shm "$1" $mode) $mode"
  done | sort -g | head -1 | cut -d' ' -f2-
}

echo "p50 in us as rank 0 sees it, medians of $rounds alternating rounds, $cores cores, $(date -u +%F)"
row ranks ranks/core call peer ours peer ratio target
for ranks in 2 4 8 16; do
  if [ -x "$bin/coll_limits" ]; then
    # shellcheck disable=SC2046
    in_turn "$ranks" "shm int32[2]" "$( ((ranks <= cores)) && echo 1.2 || echo 1.3)" \
      ours_shm "$ranks" -- limits_shm "$ranks" $(best_mode "$ranks")
  fi
  if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    in_turn "$ranks" "shm int32[2]" "0.01" ours_shm "$ranks" -- peer_torch "$ranks" allreduce
  fi
  if [ -x "$bin/mpi_bench" ]; then
    in_turn "$ranks" "shm int32[2]" "-" ours_shm "$ranks" -- peer_mpi "$ranks" allreduce
    in_turn "$ranks" "mpi int32[2]" "-" ours_mpi "$ranks" 'agreement int32\[2\]' -- peer_mpi "$ranks" allreduce
    in_turn "$ranks" "mpi barrier" "-" ours_mpi "$ranks" barrier -- peer_mpi "$ranks" barrier
  fi
done
[ -x "$bin/gloo_vs_plain" ] || exit 0
echo
echo "gloo and plain gloo with the same algorithm, call by call in one process; the interval's upper end is to be at most 1.10"
for ranks in 2 4 8 16; do
  "$bin/gloo_vs_plain" "$ranks" --launches "$((2 * rounds))" --calls $((640 / ranks)) | sed "$( ((ranks > 2)) && echo 1d)"
done
[ -x "$bin/gloo_bench" ] || exit 0
echo
echo "plain gloo by algorithm (gloo_bench), p50 in us"
for ranks in 2 4 8 16; do
  for algorithm in ring halving_doubling bcube barrier; do
    echo "$ranks ranks $algorithm: $(for ((round = 0; round < rounds; ++round)); do peer_gloo "$ranks" "$algorithm"; done | median)"
  done
done
