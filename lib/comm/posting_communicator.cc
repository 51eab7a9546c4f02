#include "comm/posting_communicator.h"

#include "base/check.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

class PostingCommunicator final : public Communicator {
 public:
  explicit PostingCommunicator(std::unique_ptr<Communicator> inner) : inner_{std::move(inner)} {}

  // A call under way ends by its deadline.
  ~PostingCommunicator() override {
    if (!worker_.joinable()) return;
    {
      const std::lock_guard lock{mutex_};
      is_closing_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }
  PostingCommunicator(const PostingCommunicator&) = delete;
  PostingCommunicator& operator=(const PostingCommunicator&) = delete;

  [[nodiscard]] const GroupSpec& group() const override { return inner_->group(); }
  [[nodiscard]] std::size_t index() const override { return inner_->index(); }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override {
    return inner_->failure();
  }

  Result<void> all_reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) override {
    return idle().all_reduce(values, op, call);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, ReduceOp op, const Call& call) override {
    return idle().all_reduce(values, op, call);
  }
  Result<void> barrier(const Call& call) override { return idle().barrier(call); }
  Result<void> broadcast(std::span<std::int64_t> values,
                         std::size_t root,
                         const Call& call) override {
    return idle().broadcast(values, root, call);
  }
  Result<void> all_gather(std::span<const std::int64_t> mine,
                          std::span<std::int64_t> all,
                          const Call& call) override {
    return idle().all_gather(mine, all, call);
  }
  Result<void> send(std::span<const std::int64_t> values,
                    std::size_t to,
                    const Call& call) override {
    return idle().send(values, to, call);
  }
  Result<void> recv(std::span<std::int64_t> values, std::size_t from, const Call& call) override {
    return idle().recv(values, from, call);
  }

  Result<void> post(const Operation& operation, const Call& call) override {
    RADIXBENCH_CHECK(state_ == State::kIdle);
    if (!worker_.joinable()) worker_ = std::thread{[this] { work(); }};
    {
      const std::lock_guard lock{mutex_};
      operation_ = operation;
      call_ = call;
      is_over_ = false;
      has_work_ = true;
    }
    state_ = State::kPosted;
    changed_.notify_all();
    return {};
  }

  Result<bool> test() override {
    RADIXBENCH_CHECK(state_ == State::kPosted);
    {
      const std::lock_guard lock{mutex_};
      if (!is_over_) return false;
    }
    state_ = State::kIdle;
    if (!result_) return tl::unexpected(result_.error());
    return true;
  }

  Result<void> wait() override {
    RADIXBENCH_CHECK(state_ == State::kPosted);
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return is_over_; });  // bounded by the call's own deadline
    }
    state_ = State::kIdle;
    return result_;
  }

 private:
  enum class State : std::uint8_t { kIdle, kPosted };

  Communicator& idle() {
    RADIXBENCH_CHECK(state_ == State::kIdle);
    return *inner_;
  }

  void work() {
    std::unique_lock lock{mutex_};
    while (true) {
      changed_.wait(lock, [this] { return has_work_ || is_closing_; });
      if (!has_work_) return;
      has_work_ = false;
      const Operation operation = operation_;
      const Call call = call_;
      lock.unlock();
      Result<void> result = inner_->make(operation, call);
      lock.lock();
      result_ = std::move(result);
      is_over_ = true;
      changed_.notify_all();
    }
  }

  std::unique_ptr<Communicator> inner_;
  State state_ = State::kIdle;  // the owner's

  std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  Operation operation_;
  Call call_;
  Result<void> result_;
  bool has_work_ = false;
  bool is_over_ = false;
  bool is_closing_ = false;
  std::thread worker_;
};

}  // namespace

std::unique_ptr<Communicator> make_posting_communicator(std::unique_ptr<Communicator> inner) {
  return std::make_unique<PostingCommunicator>(std::move(inner));
}

}  // namespace radixbench
