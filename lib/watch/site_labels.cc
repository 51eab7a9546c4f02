#include "watch/site_labels.h"

#include <fmt/format.h>

#include <filesystem>

namespace radixbench {
namespace {

std::string place_text(const RecordedFrame& frame) {
  return fmt::format(
      "{} ({}:{})", frame.name, std::filesystem::path{frame.file}.filename().string(), frame.line);
}

}  // namespace

SiteLabels::SiteLabels(const CallHistories& histories)
    : histories_{histories}, labels_(histories.site_count()) {
  for (std::uint32_t site = 1; site < labels_.size(); ++site) {
    const std::vector<RecordedFrame>& frames = histories.place(site);
    if (frames.empty()) continue;
    labels_[site] = {.name = frames[0].name,
                     .file = frames[0].file,
                     .line = frames[0].line,
                     .caller = frames.size() > 1 ? place_text(frames[1]) : ""};
  }
}

std::string SiteLabels::name(std::uint32_t token) const {
  const CallHistories::Token& one = histories_.token(token);
  const std::string& label = labels_[one.site].name;
  return label.empty() ? call(token) : label;
}

std::string SiteLabels::call(std::uint32_t token) const {
  const RecordedSignature& signature = histories_.signature(histories_.token(token).signature);
  std::string text = signature.kind;
  if (!signature.type.empty()) text += " " + signature.type;
  if (!signature.sizes.empty()) {
    const std::size_t arrow = signature.sizes.find("->");
    const bool is_even = arrow != std::string::npos &&
                         signature.sizes.substr(0, arrow) == signature.sizes.substr(arrow + 2);
    text += is_even ? signature.sizes.substr(0, arrow) : " " + signature.sizes;
  }
  return text;
}

}  // namespace radixbench
