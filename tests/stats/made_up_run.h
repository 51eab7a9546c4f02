#pragma once

#include "stats/rank_view.h"

#include <array>
#include <deque>
#include <utility>

namespace radixbench {

constexpr std::uint16_t kWritingCheck = 2;
constexpr std::uint16_t kProgress = 5;
constexpr std::uint16_t kDrain = 7;
constexpr std::uint16_t kHitCount = 8;
constexpr std::uint16_t kForward = 9;

inline std::vector<SiteInfo> made_up_sites() {
  return {{kWritingCheck, "writing_check", true, true, false},
          {kProgress, "check_prefetch_progress", true, true, false, true, true},
          {kDrain, "drain_storage_control_queues", true, true, true},
          {kHitCount, "prefetch.hit_count", true, false, false},
          {kForward, "forward", false, true, false}};
}

struct Call {
  std::uint64_t step = 0;
  std::uint16_t site = 0;
  std::uint64_t request_id = 0;
  std::uint16_t group_id = 0;
  std::uint64_t op_seq = 0;
  std::int64_t enter_ns = 0, exit_ns = 0;
  std::array<std::int64_t, 3> values{};
  std::uint16_t flags = 0;
};

// The columns behind a RankView, written a call at a time.
class MadeUpRank {
 public:
  explicit MadeUpRank(Rank rank) { view_.rank = rank; }

  MadeUpRank& group(std::uint16_t id, std::string name, std::vector<Rank> members) {
    view_.groups.push_back({id, std::move(name), std::move(members)});
    return *this;
  }
  MadeUpRank& call(const Call& call) {
    enter_.push_back(call.enter_ns);
    exit_.push_back(call.exit_ns);
    step_.push_back(call.step);
    request_.push_back(call.request_id);
    op_seq_.push_back(call.op_seq);
    for (std::size_t index = 0; index < 3; ++index) values_[index].push_back(call.values[index]);
    group_.push_back(call.group_id);
    site_.push_back(call.site);
    flags_.push_back(call.flags);
    return *this;
  }
  MadeUpRank& step(std::uint64_t step, std::uint64_t digest) {
    view_.steps.push_back({step, static_cast<std::int64_t>(step) * 1'000, digest, 0, 0, 0});
    return *this;
  }
  RankView& view() {
    view_.phases = {{enter_,
                     exit_,
                     step_,
                     request_,
                     op_seq_,
                     {values_[0], values_[1], values_[2]},
                     group_,
                     site_,
                     flags_}};
    return view_;
  }

 private:
  RankView view_;
  std::vector<std::int64_t> enter_, exit_;
  std::vector<std::uint64_t> step_, request_, op_seq_;
  std::array<std::vector<std::int64_t>, 3> values_;
  std::vector<std::uint16_t> group_, site_, flags_;
};

inline std::vector<RankView> views_of(std::deque<MadeUpRank>& ranks) {
  std::vector<RankView> views;
  for (auto& rank : ranks) views.push_back(rank.view());
  return views;
}

}  // namespace radixbench
