#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// Something that the tool is made of; nothing where it isn't built in, or can't be found.
struct VersionPart {
  std::string name;
  std::optional<std::string> built, loaded;
};

struct ToolVersion {
  std::string tool, compiler;
  std::vector<std::pair<std::string, std::string>> schemas;  // of the forms that it writes
  std::vector<VersionPart> parts;
};

// {"tool": ..., "version": ..., "compiler": ..., "schemas": {...}, "parts": {"hdf5": {"build": ...,
// "runtime": ...}, ...}}
std::string version_json(const ToolVersion& version);

}  // namespace radixbench
