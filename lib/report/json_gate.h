#pragma once

#include "base/result.h"
#include "stats/gate_report.h"

#include <string>
#include <string_view>

namespace radixbench {

constexpr const char* kGateSchema = "radixbench.gate";
constexpr const char* kGateSchemaVersion = "1.0.0";

// What a report does not know of itself.
struct GateJsonContext {
  std::string tool_version;
  int exit_code = 0;  // what the gate ended with
  std::string utc{};  // when, of events
};

// docs/formats/gate.schema.json. Numbers are finite or null, nanoseconds whole, and whole numbers
// from 2^53 on are strings. Ends with a line end.
std::string gate_json(const GateReport& report, const GateJsonContext& context);

// The same as an object a line: run_start, of each cell a `cell` and a `verdict`, run_end; each
// with its number and when.
std::string gate_jsonl(const GateReport& report, const GateJsonContext& context);

// Back from gate_json(); `name` stands in messages. kCorrupt where it isn't such a document, or one
// of another major version.
Result<GateReport> read_gate_json(std::string_view text, const std::string& name);

}  // namespace radixbench
