#include "watch/site_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace radixbench {
namespace {

using Function = std::pair<std::string, std::string>;  // name, file
using Stack = std::vector<RecordedFrame>;

// Called from this many places of one function, it is a helper of that function.
constexpr std::size_t kCallPlacesOfHelper = 3;

Function function_of(const RecordedFrame& frame) { return {frame.name, frame.file}; }

// Frames of the user's code; where no path tells whose a frame is, all of them.
std::vector<const RecordedFrame*> user_frames(const Stack& stack) {
  std::vector<const RecordedFrame*> frames;
  for (const RecordedFrame& frame : stack) {
    if (!frame.is_library) frames.push_back(&frame);
    // What the library calls in turn, process starters and the like, is nobody's site.
    if (frame.is_library && !frames.empty()) break;
  }
  return frames;
}

class Helpers {
 public:
  void add(const std::vector<const RecordedFrame*>& frames) {
    for (std::size_t i = 0; i + 1 < frames.size(); ++i) {
      const Function function = function_of(*frames[i]);
      callers_[function].insert(function_of(*frames[i + 1]));
      places_[function].insert({function_of(*frames[i + 1]), frames[i + 1]->line});
    }
  }
  [[nodiscard]] bool contain(const RecordedFrame& frame) const {
    const auto callers = callers_.find(function_of(frame));
    if (callers == callers_.end()) return false;
    return callers->second.size() > 1 ||
           places_.at(function_of(frame)).size() >= kCallPlacesOfHelper;
  }

 private:
  std::map<Function, std::set<Function>> callers_;
  std::map<Function, std::set<std::pair<Function, std::int64_t>>> places_;
};

}  // namespace

SiteLabels::SiteLabels(const CallHistories& histories)
    : histories_{histories}, labels_(histories.site_count()) {
  const auto site_count = static_cast<std::uint32_t>(labels_.size());
  Helpers helpers;
  for (std::uint32_t site = 1; site < site_count; ++site) {
    helpers.add(user_frames(histories.stack(site)));
  }
  for (std::uint32_t site = 1; site < site_count; ++site) {
    const std::vector<const RecordedFrame*> frames = user_frames(histories.stack(site));
    if (frames.empty()) continue;
    const auto telling = std::ranges::find_if(
        frames, [&](const RecordedFrame* frame) { return !helpers.contain(*frame); });
    const RecordedFrame& frame = telling == frames.end() ? *frames.front() : **telling;
    labels_[site] = {.name = frame.name, .file = frame.file, .line = frame.line};
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
