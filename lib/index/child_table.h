#pragma once

#include "index/mapped_memory.h"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace radixbench {

// All children of all nodes in one open-addressing table. It knows 32 bits of a hash over parent,
// namespace and first page; who asks compares the rest. Node 0, the root, is nobody's child and
// marks empty slots.
class ChildTable {
 public:
  ChildTable() { slots_.resize(kSlotsMin); }

  // The node under `hash` for which `is_it(node)`, or 0.
  template <typename Predicate>
  [[nodiscard]] std::uint32_t find(std::uint32_t hash, Predicate is_it) const {
    for (std::size_t at = hash & mask(); slots_[at].node != 0; at = (at + 1) & mask()) {
      if (slots_[at].hash == hash && is_it(slots_[at].node)) return slots_[at].node;
    }
    return 0;
  }

  void insert(std::uint32_t hash, std::uint32_t node) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    place({hash, node});
    ++count_;
  }

  void replace(std::uint32_t hash, std::uint32_t node, std::uint32_t by) {
    slots_[slot_of(hash, node)].node = by;
  }

  void erase(std::uint32_t hash, std::uint32_t node) {
    std::size_t hole = slot_of(hash, node);
    // What could have stood in the hole moves up, so that no search stops short of it.
    for (std::size_t at = (hole + 1) & mask(); slots_[at].node != 0; at = (at + 1) & mask()) {
      if (((at - slots_[at].hash) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {0, 0};
    --count_;
  }

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return slots_.bytes(); }

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t node;
  };
  static constexpr std::size_t kSlotsMin = 1024;

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t slot_of(std::uint32_t hash, std::uint32_t node) const {
    std::size_t at = hash & mask();
    while (slots_[at].node != node) at = (at + 1) & mask();
    return at;
  }
  void place(Slot slot) {
    std::size_t at = slot.hash & mask();
    while (slots_[at].node != 0) at = (at + 1) & mask();
    slots_[at] = slot;
  }
  void grow() {
    MappedArray<Slot> old;
    std::swap(old, slots_);
    slots_.resize(old.size() * 2);
    for (std::size_t at = 0; at < old.size(); ++at) {
      if (old[at].node != 0) place(old[at]);
    }
  }

  MappedArray<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace radixbench
