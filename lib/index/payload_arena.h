#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace radixbench {

// A counted piece of a PayloadArena: this header, then the payload. The neighbours' sizes let a
// freed block join them.
struct PayloadBlock {
  std::uint32_t granules;         // of the payload
  std::uint32_t granules_before;  // payload of the block in front; 0 for the first of a slab
  std::uint32_t references;       // 0 while free
  std::uint32_t unused;

  [[nodiscard]] std::byte* payload() { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] const std::byte* payload() const {
    return reinterpret_cast<const std::byte*>(this + 1);
  }
};
static_assert(sizeof(PayloadBlock) == 16);

// Memory for what nodes refer to: keys, page ids, storage hashes. A two-level segregated fit
// (Masmano et al., 2004): taking and giving back are O(1), blocks fit to 16 bytes, freed neighbours
// join. Memory is kept until the arena goes: a tree that evicts and inserts in turns takes no page
// faults (first touch costs six times the copy).
class PayloadArena {
 public:
  // The first `bytes_reserved` bytes are mapped and touched now.
  explicit PayloadArena(std::size_t bytes_reserved);
  ~PayloadArena();
  PayloadArena(const PayloadArena&) = delete;
  PayloadArena& operator=(const PayloadArena&) = delete;

  // At least `bytes` of payload, aligned to 16, with one reference.
  PayloadBlock* take(std::size_t bytes);
  static void add_reference(PayloadBlock* block) { ++block->references; }
  // The last one gives the block back.
  void drop_reference(PayloadBlock* block) {
    if (--block->references == 0) give_back(block);
  }

  [[nodiscard]] std::size_t bytes_mapped() const { return bytes_mapped_; }
  // Of blocks in use, headers included.
  [[nodiscard]] std::size_t bytes_used() const { return bytes_used_; }
  // Walks all blocks: sizes link up, free neighbours were joined, free lists hold the free ones.
  [[nodiscard]] bool is_consistent() const;

 private:
  static constexpr std::size_t kBinCount = 464;
  struct Slab {
    std::byte* memory;
    std::size_t bytes;
  };

  void give_back(PayloadBlock* block);
  void add_slab(std::size_t bytes_min, bool is_touched);
  PayloadBlock* find_free(std::uint32_t granules);
  void link(PayloadBlock* block);
  void unlink(PayloadBlock* block);

  std::array<PayloadBlock*, kBinCount> bins_{};
  std::array<std::uint64_t, (kBinCount + 63) / 64> occupied_{};  // a bit a bin
  std::vector<Slab> slabs_;
  std::size_t bytes_mapped_ = 0;
  std::size_t bytes_used_ = 0;
};

}  // namespace radixbench
