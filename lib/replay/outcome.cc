#include "replay/outcome.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <set>

namespace radixbench {
namespace {

constexpr std::size_t kMessagesMax = 4;

bool is_deadline(const Error& error) {
  return error.code == ErrorCode::kTimeout || error.code == ErrorCode::kPeerLost;
}

// "can_terminate_prefetch #812 on attn_cp{1,5}" out of what a peer that waited for `rank` says.
std::string missed_call(std::span<const RankReport> reports, Rank rank) {
  for (const RankReport& report : reports) {
    if (report.rank == rank || !report.error || !is_deadline(*report.error)) continue;
    const std::string& message = report.error->message;
    if (message.find(fmt::format("rank {} died", rank)) == std::string::npos) continue;
    const std::size_t colon = message.find(": ");
    return " before " + message.substr(0, colon);
  }
  return "";
}

void add_deaths(std::span<const RankReport> reports, Outcome& outcome) {
  for (const RankReport& report : reports) {
    if (!report.signal) continue;
    if (report.words_of_library) {
      outcome.messages.push_back(fmt::format("rank {} died: its library ended it, saying: {}{}",
                                             report.rank,
                                             *report.words_of_library,
                                             missed_call(reports, report.rank)));
      continue;
    }
    if (*report.signal == SIGABRT) outcome.end = RunEnd::kCheckFailed;
    outcome.messages.push_back(fmt::format("rank {} died (signal {}){}",
                                           report.rank,
                                           *report.signal,
                                           missed_call(reports, report.rank)));
  }
}

// A rank that went because another did, or because it was told to, has nothing new to say.
bool is_consequence(const Error& error, bool has_death, bool is_interrupted) {
  return (has_death && is_deadline(error)) ||
         (is_interrupted && (error.code == ErrorCode::kInterrupted || is_deadline(error)));
}

// Each rank's own error once, those that were first to give up before those who followed them.
void add_errors(std::span<const RankReport> reports, bool is_interrupted, Outcome& outcome) {
  const bool has_death = std::ranges::any_of(
      reports, [](const RankReport& report) { return report.signal.has_value(); });
  std::set<std::string> said;
  for (const bool followed : {false, true}) {
    for (const RankReport& report : reports) {
      if (!report.error || is_consequence(*report.error, has_death, is_interrupted)) continue;
      const std::string& message = report.error->message;
      const bool has_followed = report.error->code == ErrorCode::kPeerLost ||
                                report.error->code == ErrorCode::kInterrupted;
      if (has_followed != followed || !said.insert(message).second) continue;
      outcome.messages.push_back(fmt::format("rank {}: {}", report.rank, message));
    }
  }
  for (const RankReport& report : reports) {
    if (!report.was_given_up) continue;
    outcome.messages.push_back(
        fmt::format("rank {} {} and was killed",
                    report.rank,
                    report.was_stopped ? "was stopped, did not go on" : "did not end by itself"));
  }
}

// Ranks whose end nobody saw, by the reason: mostly one for all ranks of a host.
void add_unseen(std::span<const RankReport> reports, Outcome& outcome) {
  std::map<std::string, std::vector<Rank>> unseen;
  for (const RankReport& report : reports) {
    if (!report.unseen.empty()) unseen[report.unseen].push_back(report.rank);
  }
  for (const auto& [reason, ranks] : unseen) {
    outcome.messages.push_back(
        fmt::format("ranks {} could not be seen: {}", fmt::join(ranks, ", "), reason));
  }
}

void add_violations(std::span<const RankReport> reports, Outcome& outcome) {
  for (const RankReport& report : reports) {
    for (const std::string& violation : report.violations) {
      outcome.messages.push_back(fmt::format("rank {}: {}", report.rank, violation));
    }
  }
}

// A foreign library ended the process, or somebody else did from within.
bool ended_unsaid(const RankReport& report) {
  return report.exit_code.value_or(0) != 0 && !report.error;
}

void add_unsaid(std::span<const RankReport> reports, Outcome& outcome) {
  for (const RankReport& report : reports) {
    if (!ended_unsaid(report)) continue;
    outcome.messages.push_back(fmt::format(
        "rank {} ended with exit code {} and without a word", report.rank, *report.exit_code));
  }
}

RunEnd end_of(std::span<const RankReport> reports, Outcome& outcome) {
  bool has_deadline = false;
  bool has_violation = false;
  std::optional<ErrorCode> other;
  for (const RankReport& report : reports) {
    has_deadline = has_deadline || report.signal || report.was_given_up || ended_unsaid(report) ||
                   !report.unseen.empty() || (report.error && is_deadline(*report.error));
    has_violation = has_violation || !report.violations.empty();
    if (report.error && !is_deadline(*report.error) &&
        report.error->code != ErrorCode::kInterrupted) {
      other = report.error->code;
    }
  }
  if (has_violation) return RunEnd::kCheckFailed;
  // What kept one rank from going on is why the others waited for it.
  if (other) {
    outcome.code = *other;
    return RunEnd::kFailed;
  }
  return has_deadline ? RunEnd::kDeadline : RunEnd::kFine;
}

}  // namespace

std::string_view to_string(RunEnd end) {
  switch (end) {
    case RunEnd::kFine: return "fine";
    case RunEnd::kCheckFailed: return "check_failed";
    case RunEnd::kDiverged: return "diverged";
    case RunEnd::kVerdict: return "verdict";
    case RunEnd::kDeadline: return "deadline";
    case RunEnd::kInterrupted: return "interrupted";
    case RunEnd::kFailed: return "failed";
  }
  return "failed";
}

Outcome judge(std::span<const RankReport> reports,
              const RunData& data,
              const DivergenceReport& divergence_report,
              const Diagnosis& diagnosis,
              std::optional<int> interrupt_signal) {
  Outcome outcome;
  add_deaths(reports, outcome);
  add_unseen(reports, outcome);
  if (outcome.end == RunEnd::kCheckFailed) return outcome;
  bool has_diverged = false;
  for (const Divergence& divergence : divergence_report.divergences) {
    if (!divergence.first_differing_step) continue;
    has_diverged = true;
    outcome.messages.insert(outcome.messages.begin(),
                            to_sentence(divergence, divergence_report.sites));
  }
  for (const RankData& rank : data.ranks) {
    const std::uint64_t wrong = counter(rank, "bytes.pages_wrong");
    if (wrong == 0) continue;
    has_diverged = true;
    outcome.messages.push_back(
        fmt::format("rank {}: {} pages came back with other bytes", rank.identity.rank, wrong));
  }
  if (interrupt_signal) {
    outcome.messages.push_back(fmt::format(
        "interrupted (signal {}); what was recorded until then is kept", *interrupt_signal));
  }
  add_errors(reports, interrupt_signal.has_value(), outcome);
  add_unsaid(reports, outcome);
  add_violations(reports, outcome);
  for (const std::string& missing : data.missing) outcome.messages.push_back(missing);
  outcome.end = has_diverged ? RunEnd::kDiverged : end_of(reports, outcome);
  if (interrupt_signal && (outcome.end == RunEnd::kFine || outcome.end == RunEnd::kDeadline)) {
    outcome.end = RunEnd::kInterrupted;
    outcome.signal = *interrupt_signal;
  }
  const bool gives_way = outcome.end == RunEnd::kFine || outcome.end == RunEnd::kDeadline ||
                         outcome.end == RunEnd::kInterrupted;
  if (gives_way && names_fault(diagnosis)) outcome.end = RunEnd::kVerdict;
  if (outcome.messages.size() > kMessagesMax) {
    const std::size_t left_out = outcome.messages.size() - kMessagesMax;
    outcome.messages.resize(kMessagesMax);
    outcome.messages.push_back(fmt::format("... and {} more like these", left_out));
  }
  return outcome;
}

}  // namespace radixbench
