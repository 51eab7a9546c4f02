#include "watch/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace radixbench {
namespace {

// What a decision was about. Steps count on stepping threads only; `nth` tells repeated ones apart.
using Subject = std::tuple<std::uint64_t,     // step, or 0
                           Timeline::SiteId,  // of the call that it guards
                           std::string,       // guard
                           std::uint64_t,     // key
                           std::uint32_t>;    // nth

struct Made {
  Rank rank = 0;
  std::uint32_t position = 0;
  const RecordedEvent* event = nullptr;
  const RecordedDecision* decision = nullptr;
};

std::map<Subject, std::vector<Made>> decisions_by_subject(const Timeline& timeline) {
  std::map<Subject, std::vector<Made>> all;
  for (const Recording* recording : timeline.recordings()) {
    std::map<Subject, std::uint32_t> seen;
    // Where events are missing, the nth decision may be another rank's next.
    const std::set<std::uint64_t> damaged = Timeline::damaged_steps(*recording);
    for (std::uint32_t position = 0; position < recording->events.size(); ++position) {
      const RecordedEvent& event = recording->events[position];
      const auto* decision = std::get_if<RecordedDecision>(&event.what);
      if (decision == nullptr || damaged.contains(event.step)) continue;
      Subject subject{timeline.is_stepping(recording->rank, event.thread) ? event.step : 0,
                      timeline.site_of(*recording, event),
                      recording->guards[decision->guard],
                      event.key,
                      0};
      std::get<4>(subject) = seen[subject]++;
      all[subject].push_back(
          {.rank = recording->rank, .position = position, .event = &event, .decision = decision});
    }
  }
  return all;
}

std::string inputs_text(const RecordedDecision& decision) {
  if (decision.input_count == 0) return {};
  const std::span inputs{decision.inputs.data(), decision.input_count};
  return fmt::format(" (from {})", fmt::join(inputs, ", "));
}

void name_by_contract(const std::map<std::int64_t, std::vector<const Made*>>& sides,
                      std::int64_t meant,
                      Verdict& verdict) {
  verdict.culprit_ranks.clear();
  verdict.is_ambiguous = false;
  for (const auto& [outcome, makers] : sides) {
    if (outcome == meant) continue;
    for (const Made* made : makers) add_ranks(verdict.culprit_ranks, std::array{made->rank});
  }
}

Finding as_finding(const Timeline& timeline,
                   const Subject& subject,
                   const std::map<std::int64_t, std::vector<const Made*>>& sides) {
  const auto& [step, site, guard, key, nth] = subject;
  Finding finding;
  finding.site = site;
  finding.step = ~std::uint64_t{0};
  Verdict& verdict = finding.verdict;
  verdict.verdict = VerdictClass::kDecisionDivergence;
  verdict.sites = {timeline.site_name(site)};
  verdict.key = timeline.key_text(site, key);
  std::vector<std::string> parts;
  for (const auto& [outcome, makers] : sides) {
    std::vector<Rank> ranks;
    for (const Made* made : makers) {
      add_ranks(ranks, std::array{made->rank});
      finding.step = std::min(finding.step, made->event->step);
    }
    add_ranks(verdict.culprit_ranks, ranks);
    finding.sides.push_back(ranks);
    parts.push_back(fmt::format(
        "R{}: {}{}", fmt::join(ranks, ","), outcome, inputs_text(*makers.front()->decision)));
  }
  finding.ranks = verdict.culprit_ranks;
  verdict.is_ambiguous = true;
  if (const Contract* asked = timeline.contract(site); asked != nullptr && asked->outcome) {
    name_by_contract(sides, *asked->outcome, verdict);
  }
  verdict.first_divergence = fmt::format(
      "{}{}{}: {}", guard, verdict.key.empty() ? "" : " ", verdict.key, fmt::join(parts, "; "));
  verdict.evidence.push_back(
      fmt::format("decided in step {}: {}", finding.step, verdict.first_divergence));
  verdict.advice = fmt::format("decide {} from agreed values only, or agree on the outcome", guard);
  return finding;
}

}  // namespace

std::vector<Finding> find_decisions(const Timeline& timeline) {
  std::vector<Finding> findings;
  for (const auto& [subject, made] : decisions_by_subject(timeline)) {
    // Replicas decide each for itself.
    std::map<std::vector<Rank>, std::map<std::int64_t, std::vector<const Made*>>> replicas;
    for (const Made& each : made) {
      replicas[timeline.replica(each.rank)][each.decision->outcome].push_back(&each);
    }
    for (const auto& [replica, sides] : replicas) {
      if (sides.size() < 2) continue;
      findings.push_back(as_finding(timeline, subject, sides));
      Verdict& verdict = findings.back().verdict;
      verdict.expected_group = meant_group(timeline, findings.back().site, replica.front());
      if (verdict.expected_group.empty()) verdict.expected_group = describe_ranks(replica);
      verdict.actual_group = verdict.expected_group;
    }
  }
  std::ranges::stable_sort(findings, {}, &Finding::step);
  return findings;
}

}  // namespace radixbench
