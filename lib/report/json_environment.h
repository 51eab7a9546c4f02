#pragma once

#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// One thing that a run may want of its machine.
struct Provider {
  std::string kind;  // transport, device
  std::string name;
  bool is_usable = false;
  std::string version;
  std::string note;  // what it is, or why it can't be used
};

// One line of JSON: {"tool", "machine": {name: value}, "providers": [{kind, name, usable, version,
// note}]}; a version that is not known is null.
std::string environment_json(const std::string& version,
                             const std::vector<std::pair<std::string, std::string>>& machine,
                             const std::vector<Provider>& providers);

}  // namespace radixbench
