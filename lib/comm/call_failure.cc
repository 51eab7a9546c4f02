#include "comm/call_failure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

namespace radixbench {
namespace {

// "rank 5", "ranks 2, 5"
std::string name_ranks(const std::vector<Rank>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

std::string in_round_units(std::chrono::nanoseconds time) {
  const double ms = std::chrono::duration<double, std::milli>(time).count();
  if (ms < 1000.0) return fmt::format("{:.0f} ms", ms);
  return fmt::format("{:.3g} s", ms / 1000.0);
}

// Who is missed, for sentences about something else.
std::string missing(const CallFailure& failure) {
  if (failure.absent.empty()) return {};
  return fmt::format("; {} had not come", name_ranks(failure.absent));
}

std::string reason(const CallFailure& failure, std::chrono::nanoseconds waited) {
  if (failure.code == ErrorCode::kInterrupted) {
    return fmt::format("interrupted{}", missing(failure));
  }
  if (!failure.dead.empty()) return fmt::format("{} died", name_ranks(failure.dead));
  if (failure.gave_up && failure.gave_up_sequence == failure.sequence) {
    return fmt::format("rank {} gave up{}", *failure.gave_up, missing(failure));
  }
  if (failure.gave_up) {
    return fmt::format("the group is broken since rank {} gave up at #{}",
                       *failure.gave_up,
                       failure.gave_up_sequence);
  }
  // Nobody is missed where a library pairs parts of calls, and these do not fit together.
  if (failure.absent.empty()) {
    return fmt::format("all members came, and it did not end within {}", in_round_units(waited));
  }
  return fmt::format(
      "{} did not come within {}", name_ranks(failure.absent), in_round_units(waited));
}

std::string present(const CallFailure& failure) {
  return fmt::format(" (present {})", fmt::join(failure.present, ", "));
}

std::string name_site(SiteNamer namer, std::uint16_t site) {
  return namer == nullptr ? fmt::format("site {}", site) : std::string{namer(site)};
}

}  // namespace

void add_member(CallFailure& failure, Rank rank, MemberState state) {
  (state == MemberState::kPresent ? failure.present : failure.absent).push_back(rank);
  if (state == MemberState::kDead) failure.dead.push_back(rank);
}

Error to_error(const CallFailure& failure,
               const GroupSpec& group,
               SiteNamer namer,
               std::chrono::nanoseconds waited) {
  return to_error(failure, group, namer, reason(failure, waited));
}

Error to_error(const CallFailure& failure,
               const GroupSpec& group,
               SiteNamer namer,
               std::string_view reason) {
  return {failure.code,
          fmt::format("{} #{} on {}: {}{}",
                      name_site(namer, failure.site),
                      failure.sequence,
                      describe(group),
                      reason,
                      present(failure))};
}

Error to_open_error(const CallFailure& failure,
                    const GroupSpec& group,
                    std::chrono::nanoseconds waited) {
  return {
      failure.code,
      fmt::format("opening {}: {}{}", describe(group), reason(failure, waited), present(failure))};
}

Error to_mismatch(std::uint32_t ordinal,
                  Rank rank,
                  std::string_view spec,
                  Rank other_rank,
                  std::string_view other_spec) {
  return {ErrorCode::kMismatch,
          fmt::format("group {} is {} to rank {} but {} to rank {}",
                      ordinal,
                      spec,
                      rank,
                      other_spec,
                      other_rank)};
}

Result<void> check_spec(const GroupSpec& group, Rank rank, Rank world_size) {
  std::vector<Rank> sorted = group.members;
  std::ranges::sort(sorted);
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("rank {} can't open {}: {}", rank, describe(group), why));
  };
  if (!std::ranges::binary_search(sorted, rank)) return refuse("it is not a member");
  if (std::ranges::adjacent_find(sorted) != sorted.end()) return refuse("a member is named twice");
  if (sorted.back() >= world_size) {
    return refuse(fmt::format("rank {} is not in a world of {}", sorted.back(), world_size));
  }
  return {};
}

}  // namespace radixbench
