#include "comm/observed_communicator.h"

#include "base/clock.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

template <typename Element>
constexpr ElementType type_of() {
  return sizeof(Element) == sizeof(std::int32_t) ? ElementType::kInt32 : ElementType::kInt64;
}

class ObservedCommunicator final : public Communicator {
 public:
  ObservedCommunicator(std::unique_ptr<Communicator> inner, CallObserver& observer)
      : inner_{std::move(inner)},
        observer_{observer},
        sent_(inner_->size(), 0),
        received_(inner_->size(), 0) {}

  [[nodiscard]] const GroupSpec& group() const override { return inner_->group(); }
  [[nodiscard]] std::size_t index() const override { return inner_->index(); }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    return reduce(values, op, call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    return reduce(values, op, call);
  }
  Result<void> barrier(const Call& call) override {
    CallRecord record = make_record(CallKind::kBarrier, call, sequence_);
    return observed(record, std::span<std::int64_t>{}, [&] { return inner_->barrier(call); });
  }
  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    CallRecord record = make_record(CallKind::kBroadcast, call, sequence_);
    record.type = ElementType::kInt64;
    record.root = static_cast<std::uint32_t>(root);
    record.element_count = static_cast<std::uint32_t>(values.size());
    return observed(record, values, [&] { return inner_->broadcast(values, root, call); });
  }
  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    CallRecord record = make_record(CallKind::kAllGather, call, sequence_);
    record.type = ElementType::kInt64;
    record.element_count = static_cast<std::uint32_t>(mine.size());
    return observed(record, all, [&] { return inner_->all_gather(mine, all, call); });
  }
  Result<void> send(std::span<const std::int64_t> values,
                    std::size_t to,
                    const Call& call) override {
    CallRecord record = make_record(CallKind::kSend, call, sent_.at(to));
    record.type = ElementType::kInt64;
    record.root = static_cast<std::uint32_t>(to);
    record.element_count = static_cast<std::uint32_t>(values.size());
    return observed(
        record, std::span<std::int64_t>{}, [&] { return inner_->send(values, to, call); });
  }
  Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call) override {
    CallRecord record = make_record(CallKind::kRecv, call, received_.at(from));
    record.type = ElementType::kInt64;
    record.root = static_cast<std::uint32_t>(from);
    record.element_count = static_cast<std::uint32_t>(values.size());
    return observed(record, values, [&] { return inner_->recv(values, from, call); });
  }
  Result<void> post(const Operation& operation, const Call& call) override {
    posted_ = make_record(operation.kind, call, counter(operation));
    posted_.type = operation.type;
    posted_.op = operation.op;
    posted_.root = static_cast<std::uint32_t>(operation.peer);
    posted_.element_count = static_cast<std::uint32_t>(operation.element_count());
    posted_operation_ = operation;
    posted_.enter_ns = monotonic_ns();
    observer_.entered(posted_);
    Result<void> posted = inner_->post(operation, call);
    if (!posted) leave_posted(false);
    return posted;
  }
  Result<bool> test() override {
    Result<bool> is_over = inner_->test();
    if (!is_over || *is_over) leave_posted(is_over.has_value());
    return is_over;
  }
  Result<void> wait() override {
    Result<void> result = inner_->wait();
    leave_posted(result.has_value());
    return result;
  }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override {
    return inner_->failure();
  }

 private:
  std::uint64_t& counter(const Operation& operation) {
    if (operation.kind == CallKind::kSend) return sent_.at(operation.peer);
    if (operation.kind == CallKind::kRecv) return received_.at(operation.peer);
    return sequence_;
  }

  void leave_posted(bool is_ok) {
    posted_.exit_ns = monotonic_ns();
    posted_.is_ok = is_ok;
    if (posted_operation_.type == ElementType::kInt32) {
      take_results(posted_, posted_operation_.narrow);
    } else {
      take_results(posted_, posted_operation_.values);
    }
    observer_.left(posted_);
  }

  // The next call of those that `counter` counts.
  CallRecord make_record(CallKind kind, const Call& call, std::uint64_t& counter) {
    CallRecord record;
    record.group = &inner_->group();
    record.kind = kind;
    record.call = call;
    record.sequence = counter++;
    return record;
  }

  template <typename Element>
  Result<void> reduce(std::span<Element> values, ReduceOp op, const Call& call) {
    CallRecord record = make_record(CallKind::kAllReduce, call, sequence_);
    record.op = op;
    record.type = type_of<Element>();
    record.element_count = static_cast<std::uint32_t>(values.size());
    return observed(record, values, [&] { return inner_->all_reduce(values, op, call); });
  }

  template <typename Element, typename Make>
  Result<void> observed(CallRecord& record, std::span<Element> left_in_place, Make make) {
    record.enter_ns = monotonic_ns();
    observer_.entered(record);
    Result<void> result = make();
    record.exit_ns = monotonic_ns();
    record.is_ok = result.has_value();
    take_results(record, left_in_place);
    observer_.left(record);
    return result;
  }

  template <typename Element>
  static void take_results(CallRecord& record, std::span<Element> left_in_place) {
    const std::size_t count = std::min(left_in_place.size(), record.results.size());
    std::copy_n(left_in_place.begin(), count, record.results.begin());
    record.result_count = static_cast<std::uint32_t>(count);
  }

  std::unique_ptr<Communicator> inner_;
  CallObserver& observer_;
  std::uint64_t sequence_ = 0;
  std::vector<std::uint64_t> sent_;  // by member, as the next
  std::vector<std::uint64_t> received_;
  CallRecord posted_;  // the call under way, or the last that was
  Operation posted_operation_;
};

}  // namespace

std::unique_ptr<Communicator> observe(std::unique_ptr<Communicator> inner, CallObserver& observer) {
  return std::make_unique<ObservedCommunicator>(std::move(inner), observer);
}

}  // namespace radixbench
