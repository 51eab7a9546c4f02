#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "comm/call_failure.h"
#include "comm/rendezvous_wire.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// What a rendezvous knows and answers, without sockets or clocks of its own: requests, deaths and
// the time come in, answers to ranks go out. Belongs to one thread.
class RendezvousDesk {
 public:
  explicit RendezvousDesk(Rank world_size) : ranks_(world_size) {}

  struct Reply {
    Rank to = 0;
    std::uint32_t request = 0;
    Result<std::string> answer;  // a payload
  };
  using Replies = std::vector<Reply>;

  // Each answers what can be answered from then on.
  Replies take(Rank from, std::uint32_t number, RendezvousRequest request, Deadline now);
  Replies mark_dead(Rank rank, Deadline now);
  Replies interrupt(Deadline now);
  Replies pass_time(Deadline now);

  // Groups that broke since this was asked last: whom to tell.
  std::vector<GroupSpec> take_broken() { return std::exchange(newly_broken_, {}); }

  // When pass_time() may have something to answer.
  [[nodiscard]] std::optional<Deadline> next_deadline() const;
  [[nodiscard]] bool has_finished(Rank rank) const { return ranks_[rank].has_finished; }

 private:
  struct RankState {
    bool is_dead = false;
    bool has_finished = false;
    std::optional<RendezvousClient::Fields> fields;
  };
  struct Card {
    GroupSpec group;
    std::string value;
  };
  struct Group {
    std::map<Rank, Card> cards;
    std::optional<Rank> gave_up;  // on opening it
    std::map<Rank, GroupBreak::Place> failed;
    std::optional<GroupBreak::Place> first;
  };
  struct Pending {
    Rank from = 0;
    std::uint32_t number = 0;
    RendezvousRequest::What what;
    Deadline asked;
    Deadline deadline;
  };
  using Answer = std::optional<Result<std::string>>;  // nothing while there is hope

  Replies answer_what_can_be(Deadline now);
  Result<void> note(const Pending& pending);
  Result<void> note_join(Rank from, const JoinRequest& join);
  [[nodiscard]] Result<void> check_room(std::uint32_t ordinal) const;

  Answer answer(const Pending& pending, Deadline now);
  Answer answer_to(const Pending& pending, const SetRequest& set, Deadline now);
  Answer answer_to(const Pending& pending, const GetRequest& get, Deadline now);
  Answer answer_to(const Pending& pending, const WorldRequest& world, Deadline now);
  Answer answer_to(const Pending& pending, const JoinRequest& join, Deadline now);
  Answer answer_to(const Pending& pending, const BreakRequest& broken, Deadline now);
  Answer answer_to(const Pending& pending, const FinishRequest& finish, Deadline now);

  [[nodiscard]] std::optional<Error> world_mismatch() const;
  [[nodiscard]] std::optional<Error> group_mismatch(Rank from, const GroupSpec& group) const;
  [[nodiscard]] CallFailure missing_of(const Group& group, const GroupSpec& spec) const;

  std::vector<RankState> ranks_;
  std::map<std::string, std::string, std::less<>> entries_;
  std::map<std::uint32_t, Group> groups_;  // by ordinal
  std::vector<Pending> pending_;
  std::vector<GroupSpec> newly_broken_;
  bool is_interrupted_ = false;
};

}  // namespace radixbench
