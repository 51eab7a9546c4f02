#include "stats/run_summary.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

namespace radixbench {
namespace {

using SiteIndex = std::map<std::uint16_t, std::size_t>;

SiteIndex index_of(std::span<const SiteInfo> sites) {
  SiteIndex index;
  for (std::size_t place = 0; place < sites.size(); ++place) index[sites[place].code] = place;
  return index;
}

// What ranks say of a step, by step.
class StepsOverRanks {
 public:
  void add(std::uint64_t step, std::int64_t value) {
    const auto [place, is_new] = steps_.try_emplace(step, Extremes{value, value});
    if (is_new) return;
    place->second.least = std::min(place->second.least, value);
    place->second.most = std::max(place->second.most, value);
  }
  // Answers how many of the steps there were.
  std::uint64_t leave_out(const std::set<std::uint64_t>& steps) {
    for (const std::uint64_t step : steps) steps_.erase(step);
    return steps.size();
  }
  [[nodiscard]] Distribution most() const {
    std::vector<std::int64_t> values;
    for (const auto& [step, extremes] : steps_) values.push_back(extremes.most);
    return distribution_of(std::move(values));
  }
  [[nodiscard]] Distribution skew() const {
    std::vector<std::int64_t> values;
    for (const auto& [step, extremes] : steps_) values.push_back(extremes.most - extremes.least);
    return distribution_of(std::move(values));
  }

 private:
  struct Extremes {
    std::int64_t least = 0, most = 0;
  };
  std::map<std::uint64_t, Extremes> steps_;
};

// Sums what falls into the same step; rows come in the order of steps.
class StepSums {
 public:
  explicit StepSums(StepsOverRanks& over_ranks) : over_ranks_{&over_ranks} {}

  void add(std::uint64_t step, std::int64_t value) {
    if (!is_open_ || step != step_) close();
    is_open_ = true;
    step_ = step;
    sum_ += value;
  }
  void close() {
    if (is_open_) sums_.push_back(sum_);
    if (is_open_) over_ranks_->add(step_, sum_);
    is_open_ = false;
    sum_ = 0;
  }
  std::vector<std::int64_t>& sums() { return sums_; }

 private:
  StepsOverRanks* over_ranks_;
  std::vector<std::int64_t> sums_;
  std::uint64_t step_ = 0;
  std::int64_t sum_ = 0;
  bool is_open_ = false;
};

// The times of the samples, gathered before they become distributions.
struct Times {
  std::map<std::pair<std::size_t, std::uint64_t>, std::int64_t> agreement;  // by rank, step
  std::vector<std::int64_t> wait, wire, skew, drain;
  std::vector<std::vector<std::int64_t>> site_wait, site_wire;
  std::int64_t first_enter_ns = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_exit_ns = std::numeric_limits<std::int64_t>::min();
};

class Summary {
 public:
  Summary(std::span<const RankView> ranks,
          std::span<const std::vector<JoinedColumns>> joined,
          std::span<const SiteInfo> sites)
      : ranks_{ranks}, joined_{joined}, sites_{sites}, site_index_{index_of(sites)} {
    RADIXBENCH_CHECK(joined.size() == ranks.size());
    times_.site_wait.resize(sites.size());
    times_.site_wire.resize(sites.size());
    for (const auto& site : sites) result_.sites.push_back({.site = site});
  }

  RunSummary make() {
    result_.ranks = static_cast<std::uint32_t>(ranks_.size());
    Rank rank_max = 0;
    for (const auto& rank : ranks_) rank_max = std::max(rank_max, rank.rank);
    result_.last_count.resize(rank_max + 1U);
    for (std::size_t index = 0; index < ranks_.size(); ++index) {
      const RankView& rank = ranks_[index];
      result_.rows_dropped += rank.rows_dropped;
      for (std::size_t phase = 0; phase < rank.phases.size(); ++phase) {
        add_samples(index, rank.phases[phase], joined_[index][phase]);
      }
      add_steps(rank);
      if (rank.is_lead) add_requests(rank);
      if (rank.is_lead) add_fates(rank);
    }
    add_site_totals();
    add_confirm_delays();
    check_identities();
    finish_times();
    return std::move(result_);
  }

 private:
  void add_samples(std::size_t index, const SampleView& phase, const JoinedColumns& joined) {
    StepSums drain{drain_over_ranks_};
    for (std::size_t row = 0; row < phase.size(); ++row) {
      times_.first_enter_ns = std::min(times_.first_enter_ns, phase.t_enter_ns[row]);
      times_.last_exit_ns = std::max(times_.last_exit_ns, phase.t_exit_ns[row]);
      const auto place = site_index_.find(phase.site[row]);
      if (place == site_index_.end()) continue;
      const SiteInfo& site = sites_[place->second];
      ++result_.sites[place->second].wire_ops;
      if (site.is_drain) drain.add(phase.step[row], phase.t_exit_ns[row] - phase.t_enter_ns[row]);
      if (joined.wait_ns[row] != kNotJoined) {
        times_.site_wait[place->second].push_back(joined.wait_ns[row]);
        times_.site_wire[place->second].push_back(joined.wire_ns[row]);
      }
      if (site.is_control) add_agreement(index, site, phase.step[row], row, joined);
    }
    drain.close();
    times_.drain.insert(times_.drain.end(), drain.sums().begin(), drain.sums().end());
  }

  void add_agreement(std::size_t index,
                     const SiteInfo& site,
                     std::uint64_t step,
                     std::size_t row,
                     const JoinedColumns& joined) {
    ++result_.operations;
    if (joined.wait_ns[row] == kNotJoined) {
      ++result_.operations_unjoined;
      if (site.is_scheduler) steps_unjoined_.insert(step);
      return;
    }
    times_.wait.push_back(joined.wait_ns[row]);
    times_.wire.push_back(joined.wire_ns[row]);
    if (site.is_scheduler) times_.agreement[{index, step}] += joined.wire_ns[row];
    // Once an operation: by the row of the rank that was last.
    const auto last = static_cast<Rank>(joined.last_rank[row]);
    if (last != ranks_[index].rank) return;
    ++result_.last_count[last];
    times_.skew.push_back(joined.skew_ns[row]);
  }

  void add_steps(const RankView& rank) {
    result_.steps = std::max<std::uint64_t>(result_.steps, rank.steps.size());
    result_.rank_steps += rank.steps.size();
    for (const auto& step : rank.steps) {
      blocked_.push_back(step.blocked_ns);
      blocked_over_ranks_.add(step.step, step.blocked_ns);
      result_.agreements += step.agreements;
      result_.wire_ops += step.wire_ops;
    }
    if (rank.steps.empty()) return;
    result_.run_ns = std::max(result_.run_ns, rank.steps.back().now_ns - rank.steps.front().now_ns);
  }

  void add_requests(const RankView& rank) {
    for (const auto& request : rank.requests) {
      if (request.end == RequestEnd::kAborted) ++result_.requests_aborted;
      if (request.end == RequestEnd::kRejected) ++result_.requests_rejected;
      if (request.end != RequestEnd::kServed) continue;
      ++result_.requests_served;
      TierTokens& tokens = result_.tokens;
      tokens.input += request.input;
      tokens.device += request.device;
      tokens.host += request.host;
      tokens.storage += request.storage;
      tokens.computed += request.computed;
      tokens.last_token += request.last_token;
      tokens.below_page += request.below_page;
      tokens.load_back_refused += request.load_back_refused;
      tokens.prefetch_cut += request.prefetch_cut;
      tokens.output += request.output;
    }
  }

  void add_fates(const RankView& rank) {
    for (const auto& prefetch : rank.prefetches) {
      PrefetchFates& fates = result_.fates;
      ++fates.prefetches;
      if (prefetch.inserted > 0) ++fates.prefetches_that_moved;
      fates.requested += prefetch.requested;
      fates.not_in_storage += prefetch.not_in_storage;
      fates.below_threshold += prefetch.below_threshold;
      fates.cut += prefetch.cut;
      fates.existing += prefetch.existing;
      fates.aborted += prefetch.aborted;
      fates.no_room += prefetch.no_room;
      fates.inserted += prefetch.inserted;
      fates.used += prefetch.used;
    }
  }

  // Where ranks counted for themselves, that is exact, and knows a lone rank's agreements.
  void add_site_totals() {
    for (std::size_t place = 0; place < sites_.size(); ++place) {
      SiteSummary& summary = result_.sites[place];
      std::uint64_t wire_ops = 0;
      std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
      bool is_counted = false;
      for (const auto& rank : ranks_) {
        std::uint64_t calls = 0;
        for (const auto& totals : rank.sites) {
          if (totals.code != summary.site.code) continue;
          is_counted = true;
          calls += totals.agreements;
          wire_ops += totals.wire_ops;
        }
        summary.agreements += calls;
        least = std::min(least, calls);
      }
      if (!is_counted) continue;
      summary.calls_least = least;
      summary.wire_ops = wire_ops;
    }
  }

  // The slowest rank's last page to the step that applied it; every rank of the replica has a row.
  void add_confirm_delays() {
    struct Prefetch {
      std::int64_t last_page_ns = -1;
      std::int64_t applied_ns = -1;
      std::uint32_t inserted = 0;
      std::uint32_t rows = 0;
    };
    std::map<std::uint32_t, std::uint32_t> replica_sizes;
    std::map<std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>, Prefetch> prefetches;
    for (const auto& rank : ranks_) {
      ++replica_sizes[rank.replica];
      for (const auto& row : rank.prefetches) {
        Prefetch& prefetch = prefetches[{rank.replica, row.request_id, row.started_step}];
        prefetch.last_page_ns = std::max(prefetch.last_page_ns, row.last_page_ns);
        prefetch.applied_ns = std::max(prefetch.applied_ns, row.applied_ns);
        prefetch.inserted = std::max(prefetch.inserted, row.inserted);
        ++prefetch.rows;
      }
    }
    std::vector<std::int64_t> delays;
    for (const auto& [key, prefetch] : prefetches) {
      if (prefetch.inserted == 0) continue;
      const bool is_whole = prefetch.rows == replica_sizes[std::get<0>(key)];
      if (is_whole && prefetch.last_page_ns >= 0 && prefetch.applied_ns >= 0) {
        delays.push_back(prefetch.applied_ns - prefetch.last_page_ns);
      } else {
        ++result_.confirm_missing;
      }
    }
    result_.confirm_ns = distribution_of(std::move(delays));
  }

  void check_identities() {
    IdentityCheck tiers{"input = device + host + storage + computed"};
    IdentityCheck parts{"shown parts of computed do not exceed it"};
    IdentityCheck fates{"prefetch requested = sum of its fates"};
    IdentityCheck used{"prefetch inserted = used + unused"};
    for (const auto& rank : ranks_) {
      for (const auto& row : rank.requests) {
        if (row.end != RequestEnd::kServed) continue;
        const std::uint64_t sum = std::uint64_t{row.device} + row.host + row.storage + row.computed;
        check(tiers, sum == row.input, rank.rank, row.request_id);
        const std::uint64_t shown = std::uint64_t{row.last_token} + row.below_page +
                                    row.load_back_refused + row.prefetch_cut;
        check(parts, shown <= row.computed, rank.rank, row.request_id);
      }
      for (const auto& row : rank.prefetches) {
        const std::uint64_t sum = std::uint64_t{row.not_in_storage} + row.below_threshold +
                                  row.cut + row.existing + row.aborted + row.no_room + row.inserted;
        check(fates, sum == row.requested, rank.rank, row.request_id);
        check(used, row.used <= row.inserted, rank.rank, row.request_id);
      }
    }
    result_.identities = {tiers, parts, fates, used};
  }

  static void check(IdentityCheck& identity, bool holds, Rank rank, std::uint64_t request) {
    ++identity.checked;
    if (holds) return;
    if (identity.broken == 0)
      identity.example = fmt::format("request {} on rank {}", request, rank);
    ++identity.broken;
  }

  void finish_times() {
    std::vector<std::int64_t> agreement;
    StepsOverRanks agreement_over_ranks;
    for (const auto& [place, sum] : times_.agreement) {
      agreement.push_back(sum);
      agreement_over_ranks.add(place.second, sum);
    }
    result_.steps_unjoined = agreement_over_ranks.leave_out(steps_unjoined_);
    result_.agreement_max_ns = agreement_over_ranks.most();
    result_.agreement_skew_ns = agreement_over_ranks.skew();
    result_.blocked_max_ns = blocked_over_ranks_.most();
    result_.drain_max_ns = drain_over_ranks_.most();
    result_.drain_skew_ns = drain_over_ranks_.skew();
    result_.skew_ns = distribution_of(std::move(times_.skew));
    result_.agreement_ns = distribution_of(std::move(agreement));
    result_.blocked_ns = distribution_of(std::move(blocked_));
    result_.wait_ns = distribution_of(std::move(times_.wait));
    result_.wire_ns = distribution_of(std::move(times_.wire));
    result_.drain_ns = distribution_of(std::move(times_.drain));
    for (std::size_t place = 0; place < sites_.size(); ++place) {
      result_.sites[place].wait_ns = distribution_of(std::move(times_.site_wait[place]));
      result_.sites[place].wire_ns = distribution_of(std::move(times_.site_wire[place]));
    }
    if (times_.last_exit_ns >= times_.first_enter_ns) {
      result_.wall_ns = times_.last_exit_ns - times_.first_enter_ns;
    }
  }

  std::span<const RankView> ranks_;
  std::span<const std::vector<JoinedColumns>> joined_;
  std::span<const SiteInfo> sites_;
  SiteIndex site_index_;
  Times times_;
  std::vector<std::int64_t> blocked_;
  StepsOverRanks blocked_over_ranks_, drain_over_ranks_;
  std::set<std::uint64_t> steps_unjoined_;
  RunSummary result_;
};

}  // namespace

RunSummary summarise(std::span<const RankView> ranks,
                     std::span<const std::vector<JoinedColumns>> joined,
                     std::span<const SiteInfo> sites) {
  return Summary{ranks, joined, sites}.make();
}

}  // namespace radixbench
