#pragma once

#include "watch/call_history.h"

#include <cstdint>
#include <string>
#include <vector>

namespace radixbench {

// What a call site is called: by the function that tells it from others.
class SiteLabels {
 public:
  explicit SiteLabels(const CallHistories& histories);

  struct Label {
    std::string name;  // empty where the source has no places
    std::string file;
    std::int64_t line = 0;
    std::string caller;  // run (sched.py:64); empty for the outermost
  };
  [[nodiscard]] const Label& of_site(std::uint32_t site) const { return labels_[site]; }
  // The site's name, or where there is none what the call was.
  [[nodiscard]] std::string name(std::uint32_t token) const;
  // all_reduce Int [2]->[2]
  [[nodiscard]] std::string call(std::uint32_t token) const;

 private:
  const CallHistories& histories_;
  std::vector<Label> labels_;
};

}  // namespace radixbench
