#!/usr/bin/env bash
# Consensus over several GPUs of one host, one rank a GPU, in one call of under eight minutes: 2, 4 and 8 GPUs, as many of
# these as there are. Everything is in multi_gpu.log in $OUT, or in the current folder. NVLink multicast stays off.
# usage: multi_gpu.sh [KIT], by default build/portable-kit
set -uo pipefail
export NCCL_NVLS_ENABLE=0
# shellcheck source=bench/kit.sh
source "$(dirname "$0")/kit.sh"

gpu_count() { nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null | wc -l; }

# The layouts whose ranks have a GPU each: one axis alone, and at eight ranks two axes.
layouts() {
  local gpus
  gpus=$(gpu_count)
  ((gpus >= 2)) && echo tp2
  ((gpus >= 4)) && echo tp4 tp2cp2
  ((gpus >= 8)) && echo tp8 tp4cp2 tp2cp4
}

# calls TRANSPORT
calls() {
  local layout
  for layout in $(layouts); do
    "$bin/transports_bench" "$1" "$layout" --seconds 0.4 || return
  done
}

# replays: the sample over nccl, gloo and shm on as many ranks as there are GPUs; the counts must be equal.
replays() {
  local layout transport
  layout=$(layouts | tr ' ' '\n' | tail -n 1)
  for transport in shm gloo nccl; do
    replay "$transport" "$layout" "$work/$transport" --deadline 60s >"$work/$transport.txt" || return
    cat "$work/$transport.txt"
  done
  "$bin/radixbench" compare "$work/shm" "$work/gloo" "$work/nccl"
  same_counts shm nccl && same_counts shm gloo
}

# hang OPTION...: with fewer than four GPUs the ranks share them.
hang() {
  local share=()
  (($(gpu_count) < 4)) && share=(--share-gpu)
  must_hang "${share[@]}" "$@"
}

begin "$@"
part "machine" 60 machine
make_trace
part "calls over NCCL" 120 calls nccl
part "calls over shm" 60 calls shm
part "calls over gloo" 60 calls gloo
part "torch gloo" 90 torch_gloo
part "replays over shm, gloo and NCCL count alike" 120 replays
part "stage_tp over NCCL ends by its deadline" 90 hang
part "stage_tp, communicators made by the first call" 90 hang --nccl-creation first_call
finish
