#pragma once

#include "watch/diagnose.h"
#include "watch/recording.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace radixbench {

// All ranks' recordings put side by side, with names made common: what the parts of a diagnosis
// look things up in. Holds views of the recordings, which must outlive it.
class Timeline {
 public:
  using SiteId = std::uint32_t;

  // A call of one rank, by its place in the group and in the rank's own program.
  struct Entry {
    Rank rank = 0;
    SiteId site = 0;
    std::uint32_t group = 0;     // groups()
    std::uint32_t thread = 0;    // of its rank
    std::uint32_t position = 0;  // among the rank's events
    const RecordedEvent* event = nullptr;
    const RecordedCall* call = nullptr;

    [[nodiscard]] bool is_stuck() const { return event->state != EventState::kLeft; }
  };

  struct Group {
    RecordedGroup spec;
    // By member index: its collective calls, by sequence. Sends and receives are not among them.
    std::vector<std::vector<Entry>> lanes;
  };

  // One question to the other ranks: successive calls of a thread at one site for one key, a call
  // for each group that the question went over.
  struct Instance {
    Rank rank = 0;
    SiteId site = 0;
    std::uint32_t thread = 0;
    std::vector<Entry> hops;
    bool is_over = false;  // the thread went on to something else
    bool is_whole = true;  // no event that could belong to it was overwritten or is being written
  };

  Timeline(std::span<const Recording> recordings, const DiagnoseOptions& options);

  [[nodiscard]] const DiagnoseOptions& options() const { return options_; }
  [[nodiscard]] const std::vector<const Recording*>& recordings() const { return recordings_; }
  [[nodiscard]] const Recording* recording(Rank rank) const;  // null where there is none
  [[nodiscard]] Rank world_size() const { return world_size_; }
  [[nodiscard]] std::vector<Rank> missing() const;
  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
  [[nodiscard]] const std::vector<Entry>& calls(Rank rank) const;  // in program order
  [[nodiscard]] std::vector<Instance> instances(Rank rank) const;

  [[nodiscard]] const std::string& site_name(SiteId site) const { return site_names_[site]; }
  [[nodiscard]] SiteId site_of(const Recording& recording, const RecordedEvent& event) const;
  [[nodiscard]] const Contract* contract(SiteId site) const { return contracts_[site]; }
  [[nodiscard]] std::string key_text(SiteId site, std::uint64_t key) const;

  // Threads that make calls once a step: only their steps mean the same on all ranks.
  [[nodiscard]] bool is_stepping(Rank rank, std::uint32_t thread) const;
  // Whether in steps before `step` calls at `first` came before those at `second`, on every rank
  // that shows it; nothing where none does or they disagree.
  [[nodiscard]] std::optional<bool> comes_before(SiteId first,
                                                 SiteId second,
                                                 std::uint64_t step) const;
  // The last call at `site` before `step` that left, on any rank: what the site's calls look like.
  [[nodiscard]] const RecordedCall* earlier_call(SiteId site, std::uint64_t step) const;
  // Keys of the rank's calls at a site of a group in one step, in the order of the group's calls.
  [[nodiscard]] std::vector<std::uint64_t> keys_in_step(Rank rank, const Entry& like) const;
  // Whether `rank` began the same round of keys as `like` is part of in that step, and ended it
  // sooner.
  [[nodiscard]] bool ended_round_sooner(Rank rank, const Entry& like) const;
  // Steps of the rank of which the recording may lack events.
  [[nodiscard]] static std::set<std::uint64_t> damaged_steps(const Recording& recording);
  // Who shares a copy of the tree with `rank`; without a layout the world.
  [[nodiscard]] std::vector<Rank> replica(Rank rank) const;

 private:
  void add_sites(const Recording& recording);
  void add_calls(const Recording& recording);
  SiteId intern(const std::string& name);
  std::uint32_t intern_group(const RecordedGroup& spec);

  const DiagnoseOptions& options_;
  std::vector<const Recording*> recordings_;  // by rank
  Rank world_size_ = 0;
  std::vector<std::string> site_names_;
  std::vector<const Contract*> contracts_;
  std::map<std::string, SiteId> site_ids_;
  std::map<Rank, std::vector<SiteId>> sites_of_rank_;
  std::vector<Group> groups_;
  std::map<std::tuple<std::uint32_t, std::string, std::vector<Rank>>, std::uint32_t> group_ids_;
  std::map<Rank, std::vector<Entry>> calls_;
  std::set<std::pair<Rank, std::uint32_t>> stepping_;
};

// {0,1,4} and name{0,1,4}.
std::string describe_ranks(std::span<const Rank> ranks);
std::string describe(const RecordedGroup& group);
std::string describe(CallKind kind, ReduceOp op);
// i64[8]
std::string describe_shape(const RecordedCall& call);

}  // namespace radixbench
