#include "record/hdf5_variables.h"

#include "record/hdf5_attribute.h"

#include <array>
#include <string>
#include <utility>

namespace radixbench {
namespace {

constexpr const char* kGroup = "/variables";

constexpr std::array<std::pair<const char*, std::string RunVariables::*>, 7> kTexts{{
    {"scenario", &RunVariables::scenario},
    {"layout", &RunVariables::layout},
    {"rules", &RunVariables::rules},
    {"agreement", &RunVariables::agreement},
    {"transport", &RunVariables::transport},
    {"policy", &RunVariables::policy},
    {"clock", &RunVariables::clock},
}};
constexpr std::array<std::pair<const char*, std::int32_t RunVariables::*>, 5> kNumbers{{
    {"tp", &RunVariables::tp},
    {"cp", &RunVariables::cp},
    {"dp", &RunVariables::dp},
    {"pp", &RunVariables::pp},
    {"page_size", &RunVariables::page_size},
}};

}  // namespace

void write_variables(hid_t file, const RunVariables& variables) {
  const Hdf5Group group{hdf5_check(H5Gcreate2(file, kGroup, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                   "create group '/variables'")};
  for (const auto& [name, member] : kTexts) write_text(group.id(), name, variables.*member);
  for (const auto& [name, member] : kNumbers) write_i32(group.id(), name, variables.*member);
}

RunVariables read_variables(hid_t file) {
  RunVariables variables;
  if (H5Lexists(file, kGroup, H5P_DEFAULT) <= 0) return variables;
  const Hdf5Group group{hdf5_check(
      H5Gopen2(file, kGroup, H5P_DEFAULT), "open group '/variables'", ErrorCode::kCorrupt)};
  for (const auto& [name, member] : kTexts) variables.*member = read_text(group.id(), name);
  for (const auto& [name, member] : kNumbers) {
    variables.*member = static_cast<std::int32_t>(read_i64(group.id(), name));
  }
  return variables;
}

}  // namespace radixbench
