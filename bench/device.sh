#!/usr/bin/env bash
# What can be shown on a machine with one GPU, in one call of under eight minutes: that NCCL ranks which share it work
# and end as they must, that pages move at the speed of the bus, and what agreeing costs over each transport. Everything
# is in device.log in $OUT, or in the current folder. usage: device.sh [KIT], by default build/portable-kit
set -uo pipefail
# shellcheck source=bench/kit.sh
source "$(dirname "$0")/kit.sh"

# equal_counts LAYOUT: the same replay over shm and over nccl.
equal_counts() {
  local status=0
  replay shm "$1" "$work/shm" --limit 140 >"$work/shm.txt" || return
  replay nccl "$1" "$work/nccl" --share-gpu --limit 140 --deadline 60s >"$work/nccl.txt" || status=$?
  cat "$work/nccl.txt"
  [ "$status" -eq 0 ] || return "$status"
  "$bin/radixbench" compare "$work/shm" "$work/nccl"
  same_counts shm nccl
}

# device_counts ORDER METHOD: the same replay with simulated pages and with pages on the GPU, every byte looked at.
device_counts() {
  replay shm tp2 "$work/simulated" --limit 140 --page-bytes 65536 >"$work/simulated.txt" || return
  replay shm tp2 "$work/cuda" --limit 140 --page-bytes 65536 --device cuda --device-order "$1" --copy-method "$2" \
    >"$work/cuda.txt" || return
  same_counts simulated cuda
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

# late_hang: two ranks are the first to call on a group, whose communicator their call makes.
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

device_tests() { "$bin/tier_test" --gtest_brief=1 --gtest_filter='*real_*'; }

# sanitized TOOL: the small cases of copies, looked at by compute-sanitizer.
sanitized() {
  local sanitizer
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer) || return
  "$sanitizer" --tool "$1" --error-exitcode 9 "$bin/device_bench" --verify --pages-max 24 --page-bytes 65536 --layers 8
}

# The first form shows which method is the fastest where pages lie scattered, the second the whole range.
pages_by_method() { "$bin/device_bench" --pages-max 512 --rounds 5 --counts 1,2,4,8,16,64,256,512; }
pages_to_the_end() { "$bin/device_bench" --pages-max 4096 --rounds 3 --methods "$1"; }

# plain_gloo: our transport beside gloo itself, call by call.
plain_gloo() {
  local ranks
  for ranks in $(ranks_that_fit); do
    "$bin/gloo_vs_plain" "$ranks" --launches 5 --calls 200 || return
  done
}

nccl_calls() { "$bin/transports_bench" nccl "$1" --share-gpu --seconds 0.5; }

begin "$@"
part "machine" 60 machine
make_trace
part "NCCL: calls of 2 ranks on one GPU" 60 nccl_calls tp2
part "NCCL: calls of 4 ranks on one GPU" 90 nccl_calls tp2cp2
part "NCCL: replay on 2 ranks counts as over shm" 60 equal_counts tp2
part "NCCL: replay on 4 ranks counts as over shm" 120 equal_counts tp2cp2
part "NCCL: stage_tp ends by its deadline" 90 must_hang --share-gpu
part "NCCL: stage_tp, communicators made by the first call" 90 must_hang --share-gpu --nccl-creation first_call
part "NCCL: too large a group, met by its first call alone" 90 late_hang
part "pages: tests on the GPU" 60 device_tests
part "pages: replay with pages on the GPU, layer first" 60 device_counts layer_first pitched
part "pages: replay with pages on the GPU, page first" 60 device_counts page_first pitched
part "pages: memcheck of the small cases" 60 sanitized memcheck
part "pages: racecheck of the small cases" 60 sanitized racecheck
part "pages: by method" 90 pages_by_method
part "pages: to 4,096" 120 pages_to_the_end pitched
part "NCCL: conformance, 2 ranks" 150 conformance 2
part "transports: shm" 60 transports shm
part "transports: gloo" 60 transports gloo
part "transports: gloo beside plain gloo" 90 plain_gloo
part "transports: limits of shared memory" 30 limits
part "transports: torch gloo" 90 torch_gloo
part "NCCL: conformance, 4 ranks" 150 conformance 4
finish
