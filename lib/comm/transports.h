#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// What this machine and this build offer of one way for ranks to meet.
struct TransportInfo {
  std::string name;
  bool is_usable = false;
  std::string version;  // of the library behind it; empty where it is ours or not there
  std::string note;     // what it is for, or why it can't be used
};

// Of one that replay knows.
TransportInfo find_transport(std::string_view name);
// All transports that replay knows, whether they are there or not. Brings nothing up.
std::vector<TransportInfo> find_transports();

}  // namespace radixbench
