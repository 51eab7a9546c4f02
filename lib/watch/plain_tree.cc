#include "watch/plain_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

// What hangs below a value: how much if each stood there by itself, and how deep.
struct Extent {
  std::size_t values = 0;  // 0: not known yet
  std::size_t text_bytes = 0;
  std::size_t depth = 0;
  bool is_open = false;  // the walk is below it
};

struct Step {
  std::uint32_t value;
  std::size_t next_item;
};

}  // namespace

const PlainValue* PlainTree::find(const PlainValue& dict, std::string_view key) const {
  if (dict.kind != PlainValue::Kind::kDict) return nullptr;
  for (std::size_t i = dict.items.size(); i >= 2; i -= 2) {
    const PlainValue& held = values_[dict.items[i - 2]];
    if (held.kind == PlainValue::Kind::kText && held.text == key) {
      return &values_[dict.items[i - 1]];
    }
  }
  return nullptr;
}

std::optional<std::uint32_t> PlainTree::add(PlainValue value) {
  if (values_.size() == kPlainValuesMax) return std::nullopt;
  values_.push_back(std::move(value));
  return static_cast<std::uint32_t>(values_.size() - 1);
}

std::optional<std::string> PlainTree::finish(std::uint32_t root) {
  root_ = root;
  std::vector<Extent> extents(values_.size());
  std::vector<Step> path{{root, 0}};
  extents[root].is_open = true;
  while (!path.empty()) {
    Step& step = path.back();
    const std::vector<std::uint32_t>& items = values_[step.value].items;
    if (step.next_item < items.size()) {
      const std::uint32_t item = items[step.next_item++];
      if (extents[item].is_open) return "a value that contains itself";
      if (extents[item].values > 0) continue;
      if (path.size() == kPlainDepthMax) {
        return fmt::format("values more than {} deep in one another", kPlainDepthMax);
      }
      extents[item].is_open = true;
      path.push_back({item, 0});
      continue;
    }
    Extent extent{
        .values = 1, .text_bytes = values_[step.value].text.size(), .depth = 1, .is_open = false};
    for (const std::uint32_t item : items) {
      extent.values += extents[item].values;
      extent.text_bytes += extents[item].text_bytes;
      extent.depth = std::max(extent.depth, extents[item].depth + 1);
      if (extent.values > kPlainItemsMax) {
        return fmt::format("shared values that would be more than {} one by one", kPlainItemsMax);
      }
      if (extent.text_bytes > kPlainTextBytesMax) {
        return fmt::format("shared text that would be more than {} bytes one by one",
                           kPlainTextBytesMax);
      }
    }
    if (extent.depth > kPlainDepthMax) {
      return fmt::format("values more than {} deep in one another", kPlainDepthMax);
    }
    extents[step.value] = extent;
    path.pop_back();
  }
  return std::nullopt;
}

}  // namespace radixbench
