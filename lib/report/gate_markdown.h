#pragma once

#include "stats/gate_report.h"

#include <cstddef>
#include <string>

namespace radixbench {

// GitHub takes 65,536 characters a comment, and drops a step summary beyond 1 MiB altogether.
constexpr std::size_t kCommentBytesMax = 60'000;
constexpr std::size_t kStepSummaryBytesMax = 900'000;

struct GateMarkdownOptions {
  // Of the hidden marker, by which a bot finds the comment that it is to edit: letters, digits and
  // - _ . / are kept.
  std::string id = "gate";
  std::size_t bytes_max = kCommentBytesMax;  // 16,000 at least
  std::size_t rows_open_max = 20;            // the rest is folded
};

// The gate as GitHub-flavoured Markdown, whose first line is <!-- radixbench:gate:ID -->. Rows that
// would go beyond bytes_max are left out, and it says how many. Text from outside (names, reasons)
// can't break out of the table, mention anybody or become markup.
std::string gate_markdown(const GateReport& report, const GateMarkdownOptions& options);

// The failing cells as GitHub workflow commands (::error title=...::...), a line each and ten at
// most; empty where nothing fails.
std::string gate_annotations(const GateReport& report);

}  // namespace radixbench
