#include "report/json_version.h"

#include <nlohmann/json.hpp>

namespace radixbench {

std::string version_json(const ToolVersion& version) {
  using Json = nlohmann::ordered_json;
  const auto or_null = [](const std::optional<std::string>& text) {
    return text && !text->empty() ? Json(*text) : Json(nullptr);
  };
  Json json{{"tool", "radixbench"}, {"version", version.tool}, {"compiler", version.compiler}};
  json["schemas"] = Json::object();
  for (const auto& [name, schema] : version.schemas) json["schemas"][name] = schema;
  json["parts"] = Json::object();
  for (const VersionPart& part : version.parts) {
    json["parts"][part.name] = {{"build", or_null(part.built)}, {"runtime", or_null(part.loaded)}};
  }
  return json.dump(2) + "\n";
}

}  // namespace radixbench
