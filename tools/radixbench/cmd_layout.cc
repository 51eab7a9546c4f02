#include "cmd_layout.h"

#include "arguments.h"
#include "cmd_layout_check.h"
#include "exit_codes.h"
#include "layout_table.h"
#include "sites_table.h"

#include "layout/describe.h"
#include "layout/site_groups.h"
#include "report/json_layout.h"
#include "report/json_sites.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace radixbench {
namespace {

struct ShowOptions {
  std::string spec;
  std::string format = "table";
};

struct SitesOptions {
  std::string spec;
  std::string group;  // empty: all of them
  std::string format = "text";
};

void print_errors(const std::string& spec, const ParsedLayout& parsed) {
  fmt::print(stderr,
             "radixbench: layout '{}' breaks {} {}:\n",
             spec,
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
  print_errors(options.spec, *parsed);
  return kExitConfiguration;
}

Result<bool> is_json(const std::string& format) {
  if (format == "text" || format == "json") return format == "json";
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--format: '{}' is neither text nor json", format));
}

int show_sites(const SitesOptions& options) {
  const Result<bool> as_json = is_json(options.format);
  if (!as_json) return report_error(as_json.error());
  const bool is_known = options.group.empty() ||
                        std::ranges::find(use_choices(), options.group) != use_choices().end();
  if (!is_known) {
    return report_error(
        {ErrorCode::kInvalidArgument,
         fmt::format("--use: '{}' is none of {}", options.group, fmt::join(use_choices(), ", "))});
  }
  const Result<ParsedLayout> parsed = parse_layout(options.spec);
  if (!parsed) return report_error(parsed.error());
  if (!parsed->errors.empty()) {
    print_errors(options.spec, *parsed);
    return kExitConfiguration;
  }
  const Layout layout{parsed->sizes};
  const std::vector<SiteFamily> families = site_families(layout);
  if (*as_json) {
    fmt::print("{}\n", sites_json(layout, families, options.spec, options.group));
  } else {
    fmt::print("{}", sites_table(layout, families, options.spec, options.group));
  }
  return kExitFine;
}

constexpr const char* kSitesExamples =
    R"(For each place where ranks of the cache speak to each other: who must agree there, which
groups to use, and what becomes of it with another group: right, TOO SMALL (parts keep values of
their own, silently), TOO LARGE (mixes replicas, hangs at unequal numbers of calls), OTHER (both).

Examples:
  radixbench layout sites tp2cp2dp2
  radixbench layout sites sglang:tp=8,cp=2,dp=2 --use tp_cache_group
  radixbench layout sites tp2cp2dp2 --format json | jq '.sites[] | {site, use}'

Exit codes: 64 no layout or no such group, 78 a layout that breaks a rule of the engine.)";

constexpr const char* kExamples =
    R"(SPEC is tpTcpCdpDppP (attention TP x attention CP x attention replicas x stages; ones may
be left out), or sglang:key=value,... with the engine's own widths: tp (of a stage), cp, dp, pp,
replicas (separate worlds), ep, moe_dp, dcp, dp_attention=true|false.

Examples:
  radixbench layout show tp4cp2
  radixbench layout show sglang:tp=8,cp=2,dp=2
  radixbench layout show tp2cp2dp2 --format json | jq .groups.attn_cp

Exit codes: 64 no layout, 78 a layout that breaks a rule of the engine (all are listed).)";

void add_sites_command(CLI::App& layout, std::vector<Command>& commands) {
  CLI::App* app =
      layout.add_subcommand("sites", "Which group each call site needs, and what others do there");
  const auto options = std::make_shared<SitesOptions>();
  app->add_option("SPEC", options->spec, "The layout")->required();
  app->add_option(
      "--use", options->group, "One group: tp tp_cache_group attention_tp attn_cp world pp");
  app->add_option("--format", options->format, "text or json")->capture_default_str();
  app->footer(kSitesExamples);
  commands.push_back({app, [options] { return show_sites(*options); }});
}

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
  add_sites_command(*layout, commands);
  add_layout_check_command(*layout, commands);
}

}  // namespace radixbench
