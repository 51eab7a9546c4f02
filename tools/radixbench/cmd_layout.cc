#include "cmd_layout.h"

#include "arguments.h"
#include "exit_codes.h"
#include "layout_table.h"

#include "layout/describe.h"
#include "report/json_layout.h"

#include <fmt/core.h>

#include <cstdio>
#include <memory>
#include <string>

namespace radixbench {
namespace {

struct ShowOptions {
  std::string spec;
  std::string format = "table";
};

void print_errors(const ShowOptions& options, const ParsedLayout& parsed) {
  fmt::print(stderr,
             "radixbench: layout '{}' breaks {} {}:\n",
             options.spec,
             parsed.errors.size(),
             parsed.errors.size() == 1 ? "rule" : "rules");
  for (const std::string& error : parsed.errors) fmt::print(stderr, "  {}\n", error);
}

int show(const ShowOptions& options) {
  const Result<OutputFormat> format = parse_format(options.format);
  if (!format) return report_error(format.error());
  const Result<ParsedLayout> parsed = parse_layout(options.spec);
  if (!parsed) return report_error(parsed.error());
  const bool is_valid = parsed->errors.empty();
  const LayoutDescription description =
      describe(is_valid ? Layout{parsed->sizes}.spec() : options.spec, *parsed);
  if (*format == OutputFormat::kJson) {
    fmt::print("{}\n", layout_json(description, fmt::format("asked for as {}", options.spec)));
  } else if (is_valid) {
    fmt::print("{}", layout_table(description, options.spec));
  }
  if (is_valid) return kExitFine;
  print_errors(options, *parsed);
  return kExitConfiguration;
}

constexpr const char* kExamples =
    R"(SPEC is tpTcpCdpDppP (attention TP x attention CP x attention replicas x stages; ones may
be left out), or sglang:key=value,... with the engine's own widths: tp (of a stage), cp, dp, pp,
replicas (separate worlds), ep, moe_dp, dcp, dp_attention=true|false.

Examples:
  radixbench layout show tp4cp2
  radixbench layout show sglang:tp=8,cp=2,dp=2
  radixbench layout show tp2cp2dp2 --format json | jq .groups.attn_cp

Exit codes: 64 no layout, 78 a layout that breaks a rule of the engine (all are listed).)";

}  // namespace

void add_layout_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* layout = app.add_subcommand("layout", "Ranks, groups and cache groups of a layout");
  layout->require_subcommand(1);
  CLI::App* show_app = layout->add_subcommand("show", "Every group and every rank's place in it");
  const auto options = std::make_shared<ShowOptions>();
  show_app->add_option("SPEC", options->spec, "The layout")->required();
  show_app->add_option("--format", options->format, "table or json")->capture_default_str();
  show_app->footer(kExamples);
  commands.push_back({show_app, [options] { return show(*options); }});
}

}  // namespace radixbench
