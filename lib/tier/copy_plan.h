#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace radixbench {

// How a tier lies in memory. Page first: each page in one piece, layer after layer. Layer first:
// the pages' parts of a layer side by side, as attention kernels want them.
enum class PageOrder : std::uint8_t { kPageFirst, kLayerFirst };
std::string_view to_string(PageOrder order);
Result<PageOrder> parse_page_order(std::string_view text);

// A tier of pages in one stretch of memory: `layers` slices of `slice_bytes` each make a page.
struct PageShape {
  PageOrder order = PageOrder::kPageFirst;
  std::size_t page_count = 0;
  std::size_t layers = 1;
  std::size_t slice_bytes = 0;

  [[nodiscard]] std::size_t page_bytes() const { return layers * slice_bytes; }
  [[nodiscard]] std::size_t bytes() const { return page_count * page_bytes(); }
  [[nodiscard]] std::size_t offset(PageId page, std::size_t layer) const;
  // From one layer of a page to the next.
  [[nodiscard]] std::size_t layer_pitch() const;
  // From one page to the next.
  [[nodiscard]] std::size_t page_pitch() const;
};

// Rows of equal width at equal distances, on both sides.
struct CopyBlock {
  std::size_t host_offset = 0;
  std::size_t device_offset = 0;
  std::size_t width = 0;
  std::size_t height = 1;
  std::size_t host_pitch = 0;  // of more than one row
  std::size_t device_pitch = 0;

  bool operator==(const CopyBlock&) const = default;
};

// The fewest blocks that move pages of the host to or from as many of the device, in pairs: runs of
// pages that count up on both sides are moved together. Shapes differ in order and page count only.
// Pitches above `pitch_max` are left out: such rows become blocks of their own.
std::vector<CopyBlock> plan_copies(const PageShape& host,
                                   const PageShape& device,
                                   std::span<const PageId> host_pages,
                                   std::span<const PageId> device_pages,
                                   std::size_t pitch_max);

}  // namespace radixbench
