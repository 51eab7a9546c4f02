#include "comm/checked_communicator.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/call_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace radixbench {
namespace {

// What is compared of a call, as the elements of an all-gather.
constexpr std::size_t kWords = 2;
using Announcement = std::array<std::int64_t, kWords>;

Announcement announce(const Operation& operation, const Call& call) {
  const auto kind = static_cast<std::int64_t>(operation.kind);
  const auto op = static_cast<std::int64_t>(operation.op);
  const auto type = static_cast<std::int64_t>(operation.type);
  const auto count = static_cast<std::int64_t>(operation.element_count());
  const bool has_root = operation.kind == CallKind::kBroadcast;
  return {call.site | kind << 16 | op << 24 | type << 32 | count << 40,
          has_root ? static_cast<std::int64_t>(operation.peer) : 0};
}

std::string describe_call(std::span<const std::int64_t> words, SiteNamer namer) {
  const auto site = static_cast<std::uint16_t>(words[0] & 0xFFFF);
  const auto kind = static_cast<CallKind>(words[0] >> 16 & 0xFF);
  const auto op = static_cast<ReduceOp>(words[0] >> 24 & 0xFF);
  const auto type = static_cast<ElementType>(words[0] >> 32 & 0xFF);
  const auto count = words[0] >> 40;
  std::string text = namer == nullptr ? fmt::format("site {}", site) : std::string{namer(site)};
  text += fmt::format(" {}", to_string(kind));
  if (kind == CallKind::kAllReduce) text += fmt::format(" {}", to_string(op));
  if (kind != CallKind::kBarrier) text += fmt::format(" {}[{}]", to_string(type), count);
  if (kind == CallKind::kBroadcast) text += fmt::format(" from {}", words[1]);
  return text;
}

class CheckedCommunicator final : public Communicator {
 public:
  CheckedCommunicator(std::unique_ptr<Communicator> inner, SiteNamer namer)
      : inner_{std::move(inner)}, namer_{namer}, announced_(inner_->size() * kWords) {}

  [[nodiscard]] const GroupSpec& group() const override { return inner_->group(); }
  [[nodiscard]] std::size_t index() const override { return inner_->index(); }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override { return failure_; }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    return checked(Operation::all_reduce(values, op), call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    return checked(Operation::all_reduce(values, op), call);
  }
  Result<void> barrier(const Call& call) override { return checked(Operation::barrier(), call); }
  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    return checked(Operation::broadcast(values, root), call);
  }
  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    return checked(Operation::all_gather(mine, all), call);
  }
  Result<void> send(std::span<const std::int64_t> values,
                    std::size_t to,
                    const Call& call) override {
    return noted(inner_->send(values, to, call));
  }
  Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call) override {
    return noted(inner_->recv(values, from, call));
  }

  Result<void> post(const Operation& operation, const Call& call) override {
    begin(operation, call);
    if (is_between_two()) {
      stage_ = Stage::kCall;
      return noted(inner_->post(operation, call));
    }
    stage_ = Stage::kAnnouncement;
    return as_own(inner_->post(Operation::all_gather(mine_, announced_), call));
  }

  Result<bool> test() override {
    if (stage_ == Stage::kAnnouncement) {
      Result<bool> is_over = inner_->test();
      if (!is_over) return tl::unexpected(as_own(tl::unexpected(is_over.error())).error());
      if (!*is_over) return false;
      if (Result<void> next = post_call(); !next) return tl::unexpected(next.error());
    }
    Result<bool> is_over = inner_->test();
    if (!is_over) return tl::unexpected(as_own(tl::unexpected(is_over.error())).error());
    return is_over;
  }

  Result<void> wait() override {
    if (stage_ == Stage::kAnnouncement) {
      if (Result<void> told = as_own(inner_->wait()); !told) return told;
      if (Result<void> next = post_call(); !next) return next;
    }
    return as_own(inner_->wait());
  }

 private:
  enum class Stage : std::uint8_t { kAnnouncement, kCall };

  Result<void> checked(const Operation& operation, const Call& call) {
    begin(operation, call);
    Result<void> told = as_own(inner_->all_gather(mine_, announced_, call));
    if (!told) return told;
    if (Result<void> same = compare(); !same) return same;
    return as_own(inner_->make(operation, call));
  }

  void begin(const Operation& operation, const Call& call) {
    operation_ = operation;
    call_ = call;
    start_ns_ = monotonic_ns();
    if (!is_between_two()) ++sequence_;
    mine_ = announce(operation, call);
  }

  Result<void> post_call() {
    if (Result<void> same = compare(); !same) return same;
    stage_ = Stage::kCall;
    return as_own(inner_->post(operation_, call_));
  }

  [[nodiscard]] bool is_between_two() const {
    return operation_.kind == CallKind::kSend || operation_.kind == CallKind::kRecv;
  }

  [[nodiscard]] std::span<const std::int64_t> words_of(std::size_t member) const {
    return std::span{announced_}.subspan(member * kWords, kWords);
  }

  // The first member sets the measure, so that all tell of the same two.
  Result<void> compare() {
    const std::span<const std::int64_t> first = words_of(0);
    for (std::size_t member = 1; member < size(); ++member) {
      const std::span<const std::int64_t> theirs = words_of(member);
      if (std::ranges::equal(first, theirs)) continue;
      failure_ = about_this_call(ErrorCode::kMismatch);
      failure_->present = group().members;
      return fail(ErrorCode::kMismatch,
                  fmt::format("{} #{}: rank {} calls {}, rank {} calls {}",
                              describe(group()),
                              sequence_ - 1,
                              group().members.front(),
                              describe_call(first, namer_),
                              group().members[member],
                              describe_call(theirs, namer_)));
    }
    return {};
  }

  [[nodiscard]] CallFailure about_this_call(ErrorCode code) const {
    CallFailure failure;
    failure.code = code;
    failure.kind = operation_.kind;
    failure.site = call_.site;
    failure.key = call_.key;
    failure.sequence = sequence_ - 1;
    return failure;
  }

  // What went wrong inside went wrong in the call that this one was asked for.
  Result<void> as_own(Result<void> result) {
    if (result || is_between_two()) return noted(std::move(result));
    const std::optional<CallFailure>& inner = inner_->failure();
    if (!inner) return result;
    const CallFailure about = about_this_call(inner->code);
    failure_ = inner;
    failure_->kind = about.kind;
    failure_->sequence = about.sequence;
    if (inner->gave_up) failure_->gave_up_sequence = (inner->gave_up_sequence) / 2;
    const std::chrono::nanoseconds waited{monotonic_ns() - start_ns_};
    return tl::unexpected(to_error(*failure_, group(), namer_, waited));
  }
  Result<void> noted(Result<void> result) {
    if (!result) failure_ = inner_->failure();
    return result;
  }

  std::unique_ptr<Communicator> inner_;
  SiteNamer namer_;
  std::uint64_t sequence_ = 0;  // collectives so far, this one included

  // Of the call under way, or the last.
  Operation operation_;
  Call call_;
  std::int64_t start_ns_ = 0;
  Stage stage_ = Stage::kCall;
  Announcement mine_{};
  std::vector<std::int64_t> announced_;
  std::optional<CallFailure> failure_;
};

class CheckedFabric final : public Fabric {
 public:
  CheckedFabric(Fabric& inner, SiteNamer namer) : inner_{inner}, namer_{namer} {}

  [[nodiscard]] Rank rank() const override { return inner_.rank(); }
  [[nodiscard]] Rank world_size() const override { return inner_.world_size(); }
  [[nodiscard]] std::string_view transport() const override { return inner_.transport(); }
  Result<std::unique_ptr<Communicator>> open(const GroupSpec& group, Deadline deadline) override {
    Result<std::unique_ptr<Communicator>> opened = inner_.open(group, deadline);
    return checked(std::move(opened));
  }
  Result<std::unique_ptr<Communicator>> open_part(std::span<const GroupSpec> parts,
                                                  Deadline deadline) override {
    return checked(inner_.open_part(parts, deadline));
  }

 private:
  [[nodiscard]] Result<std::unique_ptr<Communicator>> checked(
      Result<std::unique_ptr<Communicator>> opened) const {
    if (!opened || (*opened)->size() == 1) return opened;
    return check_calls(*std::move(opened), namer_);
  }

  Fabric& inner_;
  SiteNamer namer_;
};

}  // namespace

std::unique_ptr<Communicator> check_calls(std::unique_ptr<Communicator> inner, SiteNamer namer) {
  return std::make_unique<CheckedCommunicator>(std::move(inner), namer);
}

std::unique_ptr<Fabric> check_calls(Fabric& inner, SiteNamer namer) {
  return std::make_unique<CheckedFabric>(inner, namer);
}

}  // namespace radixbench
