#include "index/payload_arena.h"

#include "base/check.h"
#include "index/mapped_memory.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <new>

namespace radixbench {
namespace {

constexpr std::size_t kGranuleBytes = sizeof(PayloadBlock);
constexpr std::size_t kSlabBytesMin = std::size_t{256} << 10U;
constexpr std::size_t kSlabBytesMax = std::size_t{32} << 20U;
constexpr std::size_t kSlabAlignment = std::size_t{64} << 10U;
// Each slab is this share of what is mapped already: what is mapped and unused stays below it.
constexpr std::size_t kSlabShare = 32;

// What a free block keeps in its payload.
struct FreeLinks {
  PayloadBlock* next;
  PayloadBlock* before;
};
static_assert(sizeof(FreeLinks) <= kGranuleBytes);

FreeLinks& links(PayloadBlock* block) { return *reinterpret_cast<FreeLinks*>(block->payload()); }

PayloadBlock* next_block(PayloadBlock* block) {
  return reinterpret_cast<PayloadBlock*>(block->payload() + block->granules * kGranuleBytes);
}

PayloadBlock* block_before(PayloadBlock* block) {
  return reinterpret_cast<PayloadBlock*>(reinterpret_cast<std::byte*>(block) -
                                         (block->granules_before + std::size_t{1}) * kGranuleBytes);
}

// Sizes below 16 granules have a bin each; above, sixteen bins share a power of two.
std::size_t bin_of(std::uint32_t granules) {
  if (granules < 16) return granules;
  const auto top_bit = static_cast<std::uint32_t>(std::bit_width(granules)) - 1;
  return (top_bit - 3) * std::size_t{16} + ((granules >> (top_bit - 4)) & 15U);
}

// The first bin all of whose blocks hold `granules`.
std::size_t bin_that_fits(std::uint32_t granules) {
  if (granules < 16) return granules;
  const auto top_bit = static_cast<std::uint32_t>(std::bit_width(granules)) - 1;
  return bin_of(granules + (1U << (top_bit - 4)) - 1);
}

}  // namespace

PayloadArena::PayloadArena(std::size_t bytes_reserved) {
  if (bytes_reserved > 0) add_slab(bytes_reserved, true);
}

PayloadArena::~PayloadArena() {
  for (const Slab& slab : slabs_) unmap_memory(slab.memory, slab.bytes);
}

PayloadBlock* PayloadArena::take(std::size_t bytes) {
  const std::size_t wanted = std::max<std::size_t>(1, (bytes + kGranuleBytes - 1) / kGranuleBytes);
  RADIXBENCH_CHECK(wanted < std::numeric_limits<std::uint32_t>::max() / 2);
  const auto granules = static_cast<std::uint32_t>(wanted);
  PayloadBlock* block = find_free(granules);
  if (block == nullptr) {
    add_slab((wanted + wanted / 8 + 4) * kGranuleBytes, false);
    block = find_free(granules);
  }
  unlink(block);
  if (block->granules >= granules + 2) {
    const std::uint32_t rest = block->granules - granules - 1;
    block->granules = granules;
    PayloadBlock* tail = next_block(block);
    *tail = PayloadBlock{rest, granules, 0, 0};
    next_block(tail)->granules_before = rest;
    link(tail);
  }
  block->references = 1;
  bytes_used_ += (block->granules + std::size_t{1}) * kGranuleBytes;
  return block;
}

void PayloadArena::give_back(PayloadBlock* block) {
  bytes_used_ -= (block->granules + std::size_t{1}) * kGranuleBytes;
  PayloadBlock* next = next_block(block);
  if (next->references == 0) {
    unlink(next);
    block->granules += next->granules + 1;
  }
  if (block->granules_before != 0) {
    PayloadBlock* before = block_before(block);
    if (before->references == 0) {
      unlink(before);
      before->granules += block->granules + 1;
      block = before;
    }
  }
  next_block(block)->granules_before = block->granules;
  link(block);
}

// A slab is one free block between its ends: no block in front, and a used one of no size behind.
void PayloadArena::add_slab(std::size_t bytes_min, bool is_touched) {
  const std::size_t share = std::clamp(bytes_mapped_ / kSlabShare, kSlabBytesMin, kSlabBytesMax);
  std::size_t bytes = std::max(bytes_min + 4 * kGranuleBytes, is_touched ? 0 : share);
  bytes = (bytes + kSlabAlignment - 1) / kSlabAlignment * kSlabAlignment;
  auto* memory = static_cast<std::byte*>(map_memory(bytes));
  if (is_touched) touch_memory(memory, bytes);
  slabs_.push_back({memory, bytes});
  bytes_mapped_ += bytes;
  const auto granules = static_cast<std::uint32_t>(bytes / kGranuleBytes - 2);
  auto* block = new (memory) PayloadBlock{granules, 0, 0, 0};
  *next_block(block) = PayloadBlock{0, granules, 1, 0};
  link(block);
}

PayloadBlock* PayloadArena::find_free(std::uint32_t granules) {
  const std::size_t bin = bin_that_fits(granules);
  std::size_t word = bin / 64;
  std::uint64_t bits = occupied_[word] & (~std::uint64_t{0} << (bin % 64));
  while (bits == 0) {
    if (++word == occupied_.size()) return nullptr;
    bits = occupied_[word];
  }
  return bins_[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
}

void PayloadArena::link(PayloadBlock* block) {
  const std::size_t bin = bin_of(block->granules);
  new (block->payload()) FreeLinks{bins_[bin], nullptr};
  if (bins_[bin] != nullptr) links(bins_[bin]).before = block;
  bins_[bin] = block;
  occupied_[bin / 64] |= std::uint64_t{1} << (bin % 64);
}

void PayloadArena::unlink(PayloadBlock* block) {
  const std::size_t bin = bin_of(block->granules);
  const FreeLinks around = links(block);
  if (around.next != nullptr) links(around.next).before = around.before;
  if (around.before != nullptr) {
    links(around.before).next = around.next;
  } else {
    bins_[bin] = around.next;
    if (around.next == nullptr) occupied_[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
  }
}

bool PayloadArena::is_consistent() const {
  std::size_t free_count = 0;
  std::size_t used = 0;
  for (const Slab& slab : slabs_) {
    auto* block = reinterpret_cast<PayloadBlock*>(slab.memory);
    std::uint32_t granules_before = 0;
    bool was_free = false;
    while (block->granules != 0) {
      const bool is_free = block->references == 0;
      if (block->granules_before != granules_before || (is_free && was_free)) return false;
      free_count += is_free ? 1 : 0;
      used += is_free ? 0 : (block->granules + std::size_t{1}) * kGranuleBytes;
      granules_before = block->granules;
      was_free = is_free;
      block = next_block(block);
    }
    const auto* end = reinterpret_cast<std::byte*>(block + 1);
    if (block->granules_before != granules_before || end != slab.memory + slab.bytes) return false;
  }
  for (std::size_t bin = 0; bin < kBinCount; ++bin) {
    for (PayloadBlock* block = bins_[bin]; block != nullptr; block = links(block).next) {
      if (block->references != 0 || bin_of(block->granules) != bin || free_count-- == 0)
        return false;
    }
  }
  return free_count == 0 && used == bytes_used_;
}

}  // namespace radixbench
