#include "tier/copy_plan.h"

#include "base/check.h"

#include <fmt/format.h>

namespace radixbench {
namespace {

// Pages from `first` on that count up on both sides.
struct Run {
  PageId host = 0;
  PageId device = 0;
  std::size_t length = 0;
};

Run run_at(std::size_t first,
           std::span<const PageId> host_pages,
           std::span<const PageId> device_pages) {
  Run run{host_pages[first], device_pages[first], 1};
  while (first + run.length < host_pages.size() &&
         host_pages[first + run.length] == run.host + run.length &&
         device_pages[first + run.length] == run.device + run.length) {
    ++run.length;
  }
  return run;
}

class Planner {
 public:
  Planner(const PageShape& host, const PageShape& device, std::size_t pitch_max)
      : host_{host}, device_{device}, pitch_max_{pitch_max} {}

  void add(const Run& run) {
    const std::size_t layers = host_.layers;
    const bool is_page_first =
        host_.order == PageOrder::kPageFirst && device_.order == PageOrder::kPageFirst;
    const bool is_layer_first =
        host_.order == PageOrder::kLayerFirst && device_.order == PageOrder::kLayerFirst;
    if (is_page_first) return add_rows(run, 0, 0, run.length * host_.page_bytes(), 1);
    if (is_layer_first) return add_rows(run, 0, 0, run.length * host_.slice_bytes, layers);
    // One side has a page's layers apart, the other a layer's pages: by whichever there are fewer
    // of, blocks are made, and rows of the other.
    if (run.length <= layers) {
      for (std::size_t page = 0; page < run.length; ++page) {
        add_rows(run, page, 0, host_.slice_bytes, layers);
      }
    } else {
      for (std::size_t layer = 0; layer < layers; ++layer) {
        add_block(place(run, 0, layer, host_.slice_bytes),
                  run.length,
                  host_.page_pitch(),
                  device_.page_pitch());
      }
    }
  }

  [[nodiscard]] std::vector<CopyBlock> blocks() && { return std::move(blocks_); }

 private:
  [[nodiscard]] CopyBlock place(const Run& run,
                                std::size_t page,
                                std::size_t layer,
                                std::size_t width) const {
    return {.host_offset = host_.offset(static_cast<PageId>(run.host + page), layer),
            .device_offset = device_.offset(static_cast<PageId>(run.device + page), layer),
            .width = width};
  }

  // `height` layers of a page, or of a whole run where that lies side by side.
  void add_rows(
      const Run& run, std::size_t page, std::size_t layer, std::size_t width, std::size_t height) {
    add_block(place(run, page, layer, width), height, host_.layer_pitch(), device_.layer_pitch());
  }

  void add_block(CopyBlock block,
                 std::size_t height,
                 std::size_t host_pitch,
                 std::size_t device_pitch) {
    if (height == 1) return blocks_.push_back(block);
    if (host_pitch <= pitch_max_ && device_pitch <= pitch_max_) {
      block.height = height;
      block.host_pitch = host_pitch;
      block.device_pitch = device_pitch;
      return blocks_.push_back(block);
    }
    for (std::size_t row = 0; row < height; ++row) {
      blocks_.push_back(block);
      block.host_offset += host_pitch;
      block.device_offset += device_pitch;
    }
  }

  const PageShape& host_;
  const PageShape& device_;
  std::size_t pitch_max_;
  std::vector<CopyBlock> blocks_;
};

}  // namespace

std::string_view to_string(PageOrder order) {
  return order == PageOrder::kPageFirst ? "page_first" : "layer_first";
}

Result<PageOrder> parse_page_order(std::string_view text) {
  for (const PageOrder order : {PageOrder::kPageFirst, PageOrder::kLayerFirst}) {
    if (to_string(order) == text) return order;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("order of pages '{}' is none of page_first, layer_first", text));
}

std::size_t PageShape::layer_pitch() const {
  return order == PageOrder::kPageFirst ? slice_bytes : page_count * slice_bytes;
}

std::size_t PageShape::page_pitch() const {
  return order == PageOrder::kPageFirst ? page_bytes() : slice_bytes;
}

std::size_t PageShape::offset(PageId page, std::size_t layer) const {
  return page * page_pitch() + layer * layer_pitch();
}

std::vector<CopyBlock> plan_copies(const PageShape& host,
                                   const PageShape& device,
                                   std::span<const PageId> host_pages,
                                   std::span<const PageId> device_pages,
                                   std::size_t pitch_max) {
  RADIXBENCH_CHECK(host_pages.size() == device_pages.size());
  RADIXBENCH_CHECK(host.layers == device.layers && host.slice_bytes == device.slice_bytes);
  Planner planner{host, device, pitch_max};
  for (std::size_t first = 0; first < host_pages.size();) {
    const Run run = run_at(first, host_pages, device_pages);
    planner.add(run);
    first += run.length;
  }
  return std::move(planner).blocks();
}

}  // namespace radixbench
