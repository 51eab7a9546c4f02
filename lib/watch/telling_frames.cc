#include "watch/telling_frames.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace radixbench {
namespace {

using Function = std::pair<std::string, std::string>;  // name, file
using Stack = std::vector<RecordedFrame>;

// Called from this many places of one function, it is a helper of that function.
constexpr std::size_t kCallPlacesOfHelper = 3;
constexpr std::size_t kHelpersDeepMax = 8;

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
    return contains(function_of(frame), kHelpersDeepMax);
  }

 private:
  // What is called by a helper alone helps it.
  [[nodiscard]] bool contains(const Function& function, std::size_t depth) const {
    const auto callers = callers_.find(function);
    if (callers == callers_.end() || depth == 0) return false;
    if (callers->second.size() > 1 || places_.at(function).size() >= kCallPlacesOfHelper) {
      return true;
    }
    return contains(*callers->second.begin(), depth - 1);
  }

  std::map<Function, std::set<Function>> callers_;
  std::map<Function, std::set<std::pair<Function, std::int64_t>>> places_;
};

}  // namespace

std::vector<std::vector<RecordedFrame>> telling_frames(
    std::span<const std::vector<RecordedFrame>* const> stacks) {
  Helpers helpers;
  for (const std::vector<RecordedFrame>* stack : stacks) helpers.add(user_frames(*stack));
  std::vector<std::vector<RecordedFrame>> telling;
  telling.reserve(stacks.size());
  for (const std::vector<RecordedFrame>* stack : stacks) {
    const std::vector<const RecordedFrame*> frames = user_frames(*stack);
    auto first = std::ranges::find_if(
        frames, [&](const RecordedFrame* frame) { return !helpers.contain(*frame); });
    if (first == frames.end()) first = frames.begin();
    std::vector<RecordedFrame>& own = telling.emplace_back();
    for (; first != frames.end(); ++first) own.push_back(**first);
  }
  return telling;
}

}  // namespace radixbench
