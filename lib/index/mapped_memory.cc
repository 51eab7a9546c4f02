#include "index/mapped_memory.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace radixbench {
namespace {

// Below it the memory that a half-used huge page wastes outweighs the page faults it saves: a tree
// of a few thousand nodes must stay small, there may be one in each of many rank threads.
constexpr std::size_t kHugeBytesMin = std::size_t{4} << 20U;

void prefer_huge_pages(void* memory, std::size_t bytes) {
  if (bytes < kHugeBytesMin) return;
  // A kernel without huge pages says no; the memory works all the same.
  static_cast<void>(madvise(memory, bytes, MADV_HUGEPAGE));
}

}  // namespace

void* map_memory(std::size_t bytes) {
  void* memory = mmap(
      nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};
  prefer_huge_pages(memory, bytes);
  return memory;
}

void* grow_memory(void* memory, std::size_t bytes_old, std::size_t bytes_new) {
  void* moved = mremap(memory, bytes_old, bytes_new, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) throw std::bad_alloc{};
  prefer_huge_pages(moved, bytes_new);
  return moved;
}

void unmap_memory(void* memory, std::size_t bytes) { munmap(memory, bytes); }

void touch_memory(void* memory, std::size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(memory, bytes, MADV_POPULATE_WRITE) == 0) return;
#endif
  constexpr std::size_t kPageBytes = 4096;
  auto* first = static_cast<volatile std::byte*>(memory);
  for (std::size_t at = 0; at < bytes; at += kPageBytes) first[at] = std::byte{0};
}

}  // namespace radixbench
