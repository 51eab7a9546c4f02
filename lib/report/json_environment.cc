#include "report/json_environment.h"

#include <nlohmann/json.hpp>

namespace radixbench {

std::string environment_json(const std::string& version,
                             const std::vector<std::pair<std::string, std::string>>& machine,
                             const std::vector<Provider>& providers) {
  using Json = nlohmann::ordered_json;
  Json values = Json::object();
  for (const auto& [name, value] : machine) values[name] = value;
  Json rows = Json::array();
  for (const Provider& provider : providers) {
    Json row = {{"kind", provider.kind}, {"name", provider.name}, {"usable", provider.is_usable}};
    row["version"] = nullptr;
    if (!provider.version.empty()) row["version"] = provider.version;
    row["note"] = provider.note;
    rows.push_back(std::move(row));
  }
  const Json all = {{"tool", {{"name", "radixbench"}, {"version", version}}},
                    {"machine", std::move(values)},
                    {"providers", std::move(rows)}};
  return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace radixbench
