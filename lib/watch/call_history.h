#pragma once

#include "layout/layout.h"
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

// A call as a library's history tells it. Two calls with the same token are the same step of a
// program, whichever rank and group of a kind they belong to.
struct HistoryCall {
  std::uint64_t sequence = 0;   // of the group's collectives; of a send or receive, by peer
  std::uint32_t group = 0;      // CallHistories::groups
  std::uint32_t token = 0;      // its role, signature and site together
  std::uint32_t signature = 0;  // CallHistories::signature
  std::uint32_t site = 0;       // CallHistories::place; 0 is unknown
  std::uint32_t peer = 0;       // of a send or receive: the member index
  std::uint16_t thread = 0;     // of its rank
  EventState state = EventState::kLeft;
  CallKind kind = CallKind::kBarrier;

  [[nodiscard]] bool is_stuck() const { return state != EventState::kLeft; }
  [[nodiscard]] bool is_point_to_point() const {
    return kind == CallKind::kSend || kind == CallKind::kRecv;
  }
};

// A rank that made a call this long before its history was taken was not stuck.
constexpr std::int64_t kActiveWithinNs = 1'000'000'000;

struct RankHistory {
  Rank rank = 0;
  std::string source;
  std::vector<HistoryCall> calls;  // in program order
  std::vector<std::string> threads;
  std::vector<std::uint32_t> groups;             // that its source names as its own
  std::map<std::uint32_t, std::uint32_t> slots;  // slot -> group
  std::map<std::uint32_t, std::uint32_t> lanes;  // group -> member index
  std::vector<RecordedProgress> progress;
  std::optional<std::int64_t> idle_ns;
  std::set<std::uint16_t> active_threads;  // that made a call just before the source was written
  std::uint64_t lost_count = 0;
  bool holds_only_unfinished = false;
  bool tells_completion = false;

  // Whether calls before the first that it holds are unknown.
  [[nodiscard]] bool is_cut() const { return lost_count > 0 || holds_only_unfinished; }
};

// One member's collectives on a group.
struct HistoryLane {
  std::vector<std::uint32_t> calls;  // positions in RankHistory::calls, by sequence
  // Up to which sequence it came, and up to which it is through; -1 is not at all. Nothing where
  // neither its calls nor its progress tell.
  std::optional<std::int64_t> reached;
  std::int64_t through = -1;
};

struct HistoryGroup {
  std::string name;           // its description, or where that says nothing its label
  std::string label;          // what the library calls it
  std::vector<Rank> members;  // in rank_in_group order
  bool is_described = false;  // `name` says what the group is for
  bool are_inferred = false;  // `members` are not in the source
  std::uint32_t role = 0;     // groups with one role are one axis of the mesh, cut at its lines
  std::vector<Rank> users;    // who called on it, or names it as its own
  std::vector<HistoryLane> lanes;
  bool has_point_to_point = false;
};

// All ranks' histories side by side, in little memory: a call is 32 bytes, names are there once.
class CallHistories {
 public:
  // Takes what it needs of the recording. Of two for one rank the one that knows places stays,
  // else the one that came first.
  void add(const Recording& recording);
  // Call once, when all are there: members, roles and lanes are worked out. A layout names the
  // members of groups whose source doesn't.
  void finish(const Layout* layout);

  [[nodiscard]] const std::vector<RankHistory>& ranks() const { return ranks_; }  // by rank
  [[nodiscard]] const RankHistory* find(Rank rank) const;  // null where there is none
  [[nodiscard]] const std::vector<HistoryGroup>& groups() const { return groups_; }
  [[nodiscard]] const std::string& role_name(std::uint32_t role) const { return roles_[role]; }
  [[nodiscard]] const RecordedSignature& signature(std::uint32_t number) const {
    return *signatures_[number];
  }
  // The frames that tell a site from others, innermost first; of site 0 none.
  [[nodiscard]] const std::vector<RecordedFrame>& place(std::uint32_t site) const {
    return places_[site];
  }
  [[nodiscard]] std::size_t site_count() const { return places_.size(); }
  struct Token {
    std::uint32_t role = 0;
    std::uint32_t signature = 0;
    std::uint32_t site = 0;
    std::uint32_t peer = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): as for RecordedFrame.
    auto operator<=>(const Token&) const = default;
  };
  [[nodiscard]] const Token& token(std::uint32_t number) const { return tokens_[number]; }
  [[nodiscard]] Rank world_size() const { return world_size_; }
  [[nodiscard]] std::vector<Rank> missing() const;
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const std::set<std::string>& not_visible() const { return not_visible_; }
  // The member's lane of a group; null where the rank is no member.
  [[nodiscard]] const HistoryLane* lane(std::uint32_t group, Rank rank) const;
  // The group with that role that `rank` is a member of.
  [[nodiscard]] std::optional<std::uint32_t> group_of(Rank rank, std::uint32_t role) const;

 private:
  std::uint32_t group_number(const RecordedGroup& group);
  std::uint32_t signature_number(const RecordedSignature& signature);
  std::uint32_t site_number(const std::vector<RecordedFrame>& stack);
  RankHistory compact(const Recording& recording);
  void collect_users();
  void settle_roles();
  void settle_sites();
  void settle_tokens();
  void settle_lanes();
  void settle_progress();
  void decode_slots();

  std::vector<RankHistory> ranks_;
  std::vector<HistoryGroup> groups_;
  std::vector<std::string> roles_;
  std::vector<Token> tokens_;
  std::vector<const RecordedSignature*> signatures_;
  std::vector<const std::vector<RecordedFrame>*> stacks_;
  std::vector<std::vector<RecordedFrame>> places_;
  std::map<std::tuple<std::string, std::string, std::vector<Rank>>, std::uint32_t> group_numbers_;
  std::map<RecordedSignature, std::uint32_t> signature_numbers_;
  std::map<std::vector<RecordedFrame>, std::uint32_t> site_numbers_;
  std::map<std::pair<Rank, std::uint32_t>, std::uint32_t> group_of_role_;
  Rank world_size_ = 0;
  std::vector<std::string> notes_;
  std::size_t duplicates_ = 0;
  std::string duplicate_note_;
  std::set<std::string> not_visible_;
};

// Gives groups without members those of a layout, or those that the ranks' own numbering and use
// of groups point to; says in `notes` which. The world's size as far as groups and numbers tell it.
Rank infer_members(std::vector<HistoryGroup>& groups,
                   std::span<const RankHistory> ranks,
                   const Layout* layout,
                   Rank world_size,
                   std::vector<std::string>& notes);

// attention_tp{0,1}
std::string describe(const HistoryGroup& group);

}  // namespace radixbench
