#include "stats/divergence.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace radixbench {
namespace {

std::string site_name(std::uint16_t code, std::span<const SiteInfo> sites) {
  for (const auto& site : sites) {
    if (site.code == code) return site.name;
  }
  return fmt::format("site {}", code);
}

std::string request_text(const Disagreement& found, std::span<const SiteInfo> sites) {
  for (const auto& site : sites) {
    if (site.code == found.site && !site.has_request) return "";
  }
  return fmt::format(" for request {}", found.request_id);
}

// Values that are zero on every side behind the first are not worth the words.
std::size_t values_shown(const std::vector<Side>& sides) {
  for (std::size_t count = 3; count > 1; --count) {
    const bool is_used = std::any_of(sides.begin(), sides.end(), [count](const Side& side) {
      return side.values[count - 1] != 0;
    });
    if (is_used) return count;
  }
  return 1;
}

std::string value_text(const Side& side, std::size_t count) {
  if (count == 1) return std::to_string(side.values[0]);
  return fmt::format(
      "[{}]",
      fmt::join(
          side.values.begin(), side.values.begin() + static_cast<std::ptrdiff_t>(count), ","));
}

std::string sides_text(const std::vector<Side>& sides) {
  const std::size_t count = values_shown(sides);
  std::string text;
  for (const Side& side : sides) {
    if (!text.empty()) text += text.find(" where ") == std::string::npos ? " where " : " and ";
    text += side.has_called
                ? fmt::format("ranks {} agreed on {}", to_text(side.ranks), value_text(side, count))
                : fmt::format("ranks {} did not call", to_text(side.ranks));
  }
  return text;
}

std::string lengths_text(const LengthDifference& lengths) {
  std::string text = fmt::format("the prefetch of request {} gave ", lengths.request_id);
  for (std::size_t index = 0; index < lengths.sides.size(); ++index) {
    const LengthSide& side = lengths.sides[index];
    text += index == 0 ? "" : ", ";
    text += side.has_applied
                ? fmt::format("{} tokens to ranks {} (step {})",
                              side.tokens,
                              to_text(side.ranks),
                              side.applied_step)
                : fmt::format("0 tokens to ranks {} (not stopped there)", to_text(side.ranks));
  }
  return text;
}

// A single group that lacks ranks of the replica explains why its members went their own way.
std::string explanation(const Divergence& divergence) {
  if (!divergence.disagreement) return "";
  for (const Side& side : divergence.disagreement->sides) {
    std::vector<Rank> lacking;
    std::set_difference(divergence.ranks.begin(),
                        divergence.ranks.end(),
                        side.members.begin(),
                        side.members.end(),
                        std::back_inserter(lacking));
    if (side.group.empty() || side.hops != 1 || lacking.empty()) continue;
    return fmt::format(
        ": the call went to {}{}, which lacks ranks {} of the replica, so each "
        "side went on with an answer of its own",
        side.group,
        to_text(side.members),
        to_text(lacking));
  }
  return "";
}

}  // namespace

std::string to_text(std::span<const Rank> ranks) {
  return fmt::format("{{{}}}", fmt::join(ranks, ","));
}

std::string to_sentence(const Divergence& divergence, std::span<const SiteInfo> sites) {
  if (!divergence.is_any()) return "";
  std::string text = fmt::format("ranks of replica {} disagree", divergence.replica);
  if (divergence.first_differing_step) {
    text += fmt::format(" from step {} on", *divergence.first_differing_step);
  }
  if (const auto& found = divergence.disagreement) {
    text += fmt::format(": at {}{} in step {} {}",
                        site_name(found->site, sites),
                        request_text(*found, sites),
                        found->step,
                        sides_text(found->sides));
  }
  text += explanation(divergence);
  if (divergence.lengths) {
    text += (divergence.disagreement ? "; " : ": ") + lengths_text(*divergence.lengths);
  }
  return text;
}

}  // namespace radixbench
