#include "comm/gloo_context.h"

#include "comm/gloo_world.h"

#include <fmt/format.h>
#include <gloo/common/error.h>
#include <gloo/common/logging.h>
#include <gloo/context.h>
#include <gloo/transport/context.h>
#include <gloo/transport/tcp/attr.h>
#include <gloo/transport/tcp/device.h>
#include <gloo/transport/unbound_buffer.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// gloo waits for a connection five times as long as it is told.
constexpr int kConnectPatience = 5;

// The one wait that the calling thread is in, for the threads that must end it.
//
// gloo forgets a send that met a connection which its peer had closed: the write fails, the send
// stays in a queue, and when the connection's end is found nobody tells its buffer, so that a wait
// for it lasts until its deadline (libgloo 2022-05-18; Pair::signalException).
class GlooWait {
 public:
  class Scope {
   public:
    Scope(GlooWait& wait, gloo::transport::UnboundBuffer& buffer, const std::vector<int>* receivers)
        : wait_{wait} {
      const std::lock_guard lock{wait_.mutex_};
      wait_.buffer_ = &buffer;
      wait_.receivers_ = receivers;
      if (wait_.is_abandoned_) wait_.abort();
    }
    ~Scope() {
      const std::lock_guard lock{wait_.mutex_};
      wait_.buffer_ = nullptr;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    GlooWait& wait_;
  };

  void abandon() {
    const std::lock_guard lock{mutex_};
    is_abandoned_ = true;
    if (buffer_ != nullptr) abort();
  }
  void peer_died(int peer) {
    const std::lock_guard lock{mutex_};
    dead_.insert(peer);
    if (buffer_ == nullptr || receivers_ == nullptr) return;
    if (std::ranges::find(*receivers_, peer) != receivers_->end()) buffer_->abortWaitSend();
  }
  [[nodiscard]] bool is_abandoned() {
    const std::lock_guard lock{mutex_};
    return is_abandoned_;
  }
  [[nodiscard]] bool is_dead(int peer) {
    const std::lock_guard lock{mutex_};
    return dead_.contains(peer);
  }

 private:
  void abort() {
    buffer_->abortWaitSend();
    buffer_->abortWaitRecv();
  }

  std::mutex mutex_;
  gloo::transport::UnboundBuffer* buffer_ = nullptr;
  const std::vector<int>* receivers_ = nullptr;  // of a wait for sends
  bool is_abandoned_ = false;
  std::set<int> dead_;
};

// gloo's buffer, whose waits end when the group is abandoned. What is sent to a dead member counts
// as sent: who needs an answer from it misses that.
class OwnBuffer final : public gloo::transport::UnboundBuffer {
 public:
  OwnBuffer(GlooWait& wait, std::unique_ptr<gloo::transport::UnboundBuffer> inner)
      : UnboundBuffer{inner->ptr, inner->size}, wait_{wait}, inner_{std::move(inner)} {}

  bool waitRecv(int* rank, std::chrono::milliseconds timeout) override {
    const GlooWait::Scope scope{wait_, *inner_, nullptr};
    while (!inner_->waitRecv(rank, timeout)) throw_if_abandoned();
    return true;
  }
  bool waitSend(int* rank, std::chrono::milliseconds timeout) override {
    int receiver = 0;
    if (!take_dead(receiver)) {
      const GlooWait::Scope scope{wait_, *inner_, &receivers_};
      while (!inner_->waitSend(&receiver, timeout)) {
        throw_if_abandoned();
        if (take_dead(receiver)) break;
      }
    }
    const auto waited = std::ranges::find(receivers_, receiver);
    if (waited != receivers_.end()) receivers_.erase(waited);
    if (rank != nullptr) *rank = receiver;
    return true;
  }
  void abortWaitRecv() override { inner_->abortWaitRecv(); }
  void abortWaitSend() override { inner_->abortWaitSend(); }

  void send(int to, std::uint64_t slot, std::size_t offset, std::size_t bytes) override {
    receivers_.push_back(to);
    inner_->send(to, slot, offset, bytes);
  }
  void recv(int from, std::uint64_t slot, std::size_t offset, std::size_t bytes) override {
    inner_->recv(from, slot, offset, bytes);
  }
  void recv(std::vector<int> from,
            std::uint64_t slot,
            std::size_t offset,
            std::size_t bytes) override {
    inner_->recv(std::move(from), slot, offset, bytes);
  }

 private:
  void throw_if_abandoned() {
    if (wait_.is_abandoned()) throw gloo::IoException{"the group's connections were closed"};
  }
  [[nodiscard]] bool take_dead(int& receiver) {
    const auto dead =
        std::ranges::find_if(receivers_, [this](int peer) { return wait_.is_dead(peer); });
    if (dead == receivers_.end()) return false;
    receiver = *dead;
    return true;
  }

  GlooWait& wait_;
  std::unique_ptr<gloo::transport::UnboundBuffer> inner_;
  std::vector<int> receivers_;  // of sends that were not waited for yet
};

class OwnTransport final : public gloo::transport::Context {
 public:
  explicit OwnTransport(std::shared_ptr<gloo::transport::Context> inner)
      : Context{inner->rank, inner->size}, inner_{std::move(inner)} {}

  std::unique_ptr<gloo::transport::Pair>& getPair(int peer) override {
    return inner_->getPair(peer);
  }
  std::unique_ptr<gloo::transport::Pair>& createPair(int peer) override {
    return inner_->createPair(peer);
  }
  std::unique_ptr<gloo::transport::UnboundBuffer> createUnboundBuffer(void* start,
                                                                      std::size_t bytes) override {
    return std::make_unique<OwnBuffer>(wait_, inner_->createUnboundBuffer(start, bytes));
  }

  [[nodiscard]] gloo::transport::Context& inner() { return *inner_; }
  [[nodiscard]] GlooWait& wait() { return wait_; }

 private:
  std::shared_ptr<gloo::transport::Context> inner_;
  GlooWait wait_;
};

// gloo's context, whose parts its own rendezvous would put together.
class OwnContext final : public gloo::Context {
 public:
  OwnContext(const std::shared_ptr<gloo::transport::Device>& device,
             int index,
             int member_count,
             std::chrono::milliseconds connect_timeout)
      : gloo::Context{index, member_count},
        transport_{std::make_shared<OwnTransport>(device->createContext(index, member_count))} {
    device_ = device;
    transportContext_ = transport_;
    transport_->inner().setTimeout(connect_timeout);
    for (int peer = 0; peer < member_count; ++peer) {
      if (peer != index) transport_->createPair(peer);
    }
  }

  [[nodiscard]] OwnTransport& transport() { return *transport_; }

 private:
  std::shared_ptr<OwnTransport> transport_;
};

// Addresses of one size in a row, one a member, a member's own being zeros.
class JoinedContext final : public GlooContext {
 public:
  explicit JoinedContext(std::shared_ptr<OwnContext> own) : own_{std::move(own)}, handle_{own_} {
    for (int peer = 0; peer < own_->size; ++peer) {
      std::vector<char> address;
      if (peer != own_->rank) address = own_->getPair(peer)->address().bytes();
      address_bytes_ = std::max(address_bytes_, address.size());
      listening_.push_back(std::move(address));
    }
  }

  [[nodiscard]] std::string addresses() const override {
    std::string joined;
    for (const std::vector<char>& address : listening_) {
      std::string padded{address.begin(), address.end()};
      padded.resize(address_bytes_);
      joined += padded;
    }
    return joined;
  }

  Result<void> connect(std::span<const std::string> addresses) override {
    const auto mine = static_cast<std::size_t>(own_->rank);
    for (std::size_t peer = 0; peer < addresses.size(); ++peer) {
      if (peer == mine) continue;
      if (addresses[peer].size() != addresses.size() * address_bytes_) {
        return fail(ErrorCode::kCorrupt, "a member's addresses cannot be read");
      }
      const std::string_view theirs =
          std::string_view{addresses[peer]}.substr(mine * address_bytes_, address_bytes_);
      try {
        own_->getPair(static_cast<int>(peer))->connect({theirs.begin(), theirs.end()});
      } catch (const std::exception& error) {
        return fail(ErrorCode::kPeerLost, plain_gloo_text(error.what()));
      }
    }
    return {};
  }

  // gloo closes all connections of a context when a wait on it runs out of time, and has no other
  // way that its own waits hear of: so this waits for what nobody sends.
  void abandon() override {
    char nothing = 0;
    const auto buffer = own_->transport().inner().createUnboundBuffer(&nothing, sizeof nothing);
    try {
      buffer->waitRecv(1ms);
    } catch (const std::exception&) {
      own_->transport().wait().abandon();  // it was meant to throw
    }
  }
  void peer_died(std::size_t member) override {
    own_->transport().wait().peer_died(static_cast<int>(member));
  }

  [[nodiscard]] const std::shared_ptr<gloo::Context>& handle() const override { return handle_; }

 private:
  std::shared_ptr<OwnContext> own_;
  std::shared_ptr<gloo::Context> handle_;
  std::vector<std::vector<char>> listening_;
  std::size_t address_bytes_ = 0;
};

}  // namespace

Result<std::shared_ptr<gloo::transport::Device>> make_gloo_device(const std::string& host) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return gloo::transport::tcp::CreateDevice(gloo::transport::tcp::attr{host.c_str()});
  } catch (const std::exception& error) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("gloo at {}: {}", host, plain_gloo_text(error.what())));
  }
}

Result<std::unique_ptr<GlooContext>> GlooContext::listen(
    const std::shared_ptr<gloo::transport::Device>& device,
    std::size_t index,
    std::size_t size,
    std::chrono::nanoseconds connect_wait) {
  const auto timeout =
      std::max(std::chrono::ceil<std::chrono::milliseconds>(connect_wait / kConnectPatience), 1ms);
  try {
    return std::unique_ptr<GlooContext>{
        std::make_unique<JoinedContext>(std::make_shared<OwnContext>(
            device, static_cast<int>(index), static_cast<int>(size), timeout))};
  } catch (const std::exception& error) {
    return fail(ErrorCode::kCannotCreate, plain_gloo_text(error.what()));
  }
}

std::optional<std::string> gloo_words(const std::exception_ptr& thrown) {
  if (thrown == nullptr) return std::nullopt;
  try {
    std::rethrow_exception(thrown);
  } catch (const gloo::EnforceNotMet& error) {
    return plain_gloo_text(error.what());
  } catch (const gloo::Exception& error) {
    return plain_gloo_text(error.what());
  } catch (...) {
    return std::nullopt;
  }
}

std::string plain_gloo_text(std::string_view what) {
  // "[./gloo/transport/tcp/pair.cc:598] Connection closed by peer [127.0.0.1]:1234"
  const std::size_t end = what.find("] ");
  if (what.starts_with('[') && end != std::string_view::npos) what.remove_prefix(end + 2);
  return std::string{what.substr(0, what.find('\n'))};
}

}  // namespace radixbench
