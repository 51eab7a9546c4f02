#include "comm/mpi_fabric.h"

#include "comm/call_failure.h"
#include "comm/group_hash.h"
#include "comm/lone_communicator.h"
#include "comm/mpi_communicator.h"
#include "comm/mpi_process.h"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// From the first rank's coming to MPI until the last rank's.
constexpr auto kStartWait = 60s;

// How a rank spells a group, as it travels. What does not fit is cut, with dots for the rest.
struct Card {
  std::uint64_t spec_hash = 0;
  std::array<char, 248> text{};
};

Card card_of(const GroupSpec& group) {
  Card card{.spec_hash = hash_spec(group)};
  std::string text = describe(group);
  if (text.size() >= card.text.size()) text = text.substr(0, card.text.size() - 4) + "...";
  std::ranges::copy(text, card.text.begin());
  return card;
}

// The meeting of a group's members before MPI makes its communicator: each sends its card to each.
class Meeting {
 public:
  Meeting(MpiProcess& process, const GroupSpec& group)
      : process_{process},
        group_{group},
        mine_{card_of(group)},
        bytes_{std::make_shared<std::vector<std::byte>>(sizeof mine_)},
        has_come_(group.members.size(), false) {
    std::memcpy(bytes_->data(), &mine_, sizeof mine_);
  }

  Result<void> hold(Deadline deadline) {
    for (const Rank member : group_.members) send_card(member);
    MpiPace pace{deadline, 0};
    while (true) {
      while (const auto from = take_card()) {
        if (theirs_.spec_hash != mine_.spec_hash) return mismatch(*from);
      }
      if (std::ranges::find(has_come_, false) == has_come_.end()) return {};
      if (pace.look()) {
        if (auto failure = reason_to_stop(pace.is_late())) {
          process_.note_failure();
          return tl::unexpected(
              to_open_error(*failure, group_, std::chrono::nanoseconds{pace.waited_ns()}));
        }
      }
      pace.pause();
    }
  }

 private:
  [[nodiscard]] Rank rank() const { return process_.attachment().rank; }
  [[nodiscard]] int tag() const { return MpiProcess::card_tag(group_.ordinal); }

  void send_card(Rank to) {
    const auto member = std::ranges::find(group_.members, to) - group_.members.begin();
    if (to == rank()) has_come_[static_cast<std::size_t>(member)] = true;
    if (to != rank()) process_.send_beside(bytes_, to, tag());
  }

  // The next card that has come, in theirs_, and who sent it.
  std::optional<Rank> take_card() {
    int has_come = 0;
    MPI_Status status;
    if (MPI_Iprobe(MPI_ANY_SOURCE, tag(), process_.control(), &has_come, &status) != MPI_SUCCESS ||
        has_come == 0) {
      return std::nullopt;
    }
    if (MPI_Recv(&theirs_,
                 sizeof theirs_,
                 MPI_BYTE,
                 status.MPI_SOURCE,
                 tag(),
                 process_.control(),
                 MPI_STATUS_IGNORE) != MPI_SUCCESS) {
      return std::nullopt;
    }
    const auto from = static_cast<Rank>(status.MPI_SOURCE);
    const auto member = std::ranges::find(group_.members, from);
    if (member != group_.members.end()) {
      has_come_[static_cast<std::size_t>(member - group_.members.begin())] = true;
    }
    return from;
  }

  // Whoever spells the group otherwise may not have sent its card to those that it leaves out.
  Result<void> mismatch(Rank other) {
    process_.note_failure();
    for (Rank to = 0; to < process_.attachment().world_size; ++to) {
      if (std::ranges::find(group_.members, to) == group_.members.end()) send_card(to);
    }
    return tl::unexpected(
        to_mismatch(group_.ordinal, rank(), describe(group_), other, theirs_.text.data()));
  }

  [[nodiscard]] std::optional<CallFailure> reason_to_stop(bool is_late) const {
    const WorldAlarm& alarm = *process_.attachment().alarm;
    CallFailure failure;
    for (std::size_t member = 0; member < group_.members.size(); ++member) {
      const Rank rank = group_.members[member];
      const auto missed = alarm.is_dead(rank) ? MemberState::kDead : MemberState::kAbsent;
      add_member(failure, rank, has_come_[member] ? MemberState::kPresent : missed);
    }
    if (alarm.is_interrupted()) {
      failure.code = ErrorCode::kInterrupted;
    } else if (!failure.dead.empty()) {
      failure.code = ErrorCode::kPeerLost;
    } else if (is_late) {
      failure.code = ErrorCode::kTimeout;
    } else {
      return std::nullopt;
    }
    return failure;
  }

  MpiProcess& process_;
  const GroupSpec& group_;
  Card mine_;
  Card theirs_;
  std::shared_ptr<std::vector<std::byte>> bytes_;
  std::vector<bool> has_come_;
};

// On a thread that nobody may be waiting for any longer: owns what it works on.
Result<void> create_comm(const std::vector<int>& members, std::uint32_t ordinal, MPI_Comm& comm) {
  MPI_Group world = MPI_GROUP_NULL;
  MPI_Group group = MPI_GROUP_NULL;
  MPI_Comm_group(MPI_COMM_WORLD, &world);
  MPI_Group_incl(world, static_cast<int>(members.size()), members.data(), &group);
  const int code =
      MPI_Comm_create_group(MPI_COMM_WORLD, group, MpiProcess::card_tag(ordinal), &comm);
  MPI_Group_free(&group);
  MPI_Group_free(&world);
  if (code != MPI_SUCCESS) {
    return fail(ErrorCode::kPeerLost, fmt::format("MPI_Comm_create_group: {}", mpi_text(code)));
  }
  MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
  return {};
}

class MpiFabric final : public Fabric {
 public:
  explicit MpiFabric(const MpiAttachment& attachment)
      : process_{std::make_shared<MpiProcess>(attachment)} {
    if (attachment.world_size > 1) process_->bring_up(deadline_after(kStartWait));
  }
  ~MpiFabric() override { process_->shut_down(); }

  [[nodiscard]] Rank rank() const override { return process_->attachment().rank; }
  [[nodiscard]] Rank world_size() const override { return process_->attachment().world_size; }
  [[nodiscard]] std::string_view transport() const override { return "mpi"; }

  Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) override {
    if (auto sound = check_spec(group, rank(), world_size()); !sound) {
      return tl::unexpected(sound.error());
    }
    if (group.members.size() == 1) return make_lone_communicator(group);
    if (group.ordinal > MpiProcess::kOrdinalMax) {
      return fail(ErrorCode::kCannotCreate,
                  fmt::format("{} is group {} of its world, and MPI has tags for {}",
                              describe(group),
                              group.ordinal,
                              MpiProcess::kOrdinalMax));
    }
    if (!process_->up()) return tl::unexpected(process_->up().error());
    if (const auto [known, is_new] = opened_.emplace(group.ordinal, describe(group)); !is_new) {
      return tl::unexpected(
          to_mismatch(group.ordinal, rank(), describe(group), rank(), known->second));
    }
    if (auto met = Meeting{*process_, group}.hold(deadline); !met) {
      return tl::unexpected(met.error());
    }
    return create(group, deadline);
  }

 private:
  Result<std::unique_ptr<Communicator>> create(const GroupSpec& group, Deadline deadline) {
    const auto comm = std::make_shared<MPI_Comm>(MPI_COMM_NULL);
    std::vector<int> members(group.members.begin(), group.members.end());
    auto created = process_->run_bounded(
        "opening " + describe(group),
        [comm, members = std::move(members), ordinal = group.ordinal] {
          return create_comm(members, ordinal, *comm);
        },
        group.members,
        deadline);
    if (!created) return tl::unexpected(created.error());
    return make_mpi_communicator(process_, group, *comm);
  }

  std::shared_ptr<MpiProcess> process_;
  std::map<std::uint32_t, std::string> opened_;
};

}  // namespace

std::unique_ptr<Fabric> make_mpi_fabric(const MpiAttachment& attachment) {
  return std::make_unique<MpiFabric>(attachment);
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  if (MPI_Get_library_version(text.data(), &length) != MPI_SUCCESS) return "unknown";
  const std::string version{text.data(), static_cast<std::size_t>(length)};
  return version.substr(0, version.find_first_of(",\n"));
}

}  // namespace radixbench
