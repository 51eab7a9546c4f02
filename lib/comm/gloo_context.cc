#include "comm/gloo_context.h"

#include "comm/gloo_world.h"

#include <fmt/format.h>
#include <gloo/common/error.h>
#include <gloo/common/logging.h>
#include <gloo/context.h>
#include <gloo/transport/context.h>
#include <gloo/transport/tcp/attr.h>
#include <gloo/transport/tcp/device.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// gloo waits for a connection five times as long as it is told.
constexpr int kConnectPatience = 5;

// gloo's context, whose parts its own rendezvous would put together.
class OwnContext final : public gloo::Context {
 public:
  OwnContext(const std::shared_ptr<gloo::transport::Device>& device,
             int index,
             int member_count,
             std::chrono::milliseconds connect_timeout)
      : gloo::Context{index, member_count} {
    device_ = device;
    transportContext_ = device->createContext(index, member_count);
    transportContext_->setTimeout(connect_timeout);
    for (int peer = 0; peer < member_count; ++peer) {
      if (peer != index) transportContext_->createPair(peer);
    }
  }
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
    const auto buffer = own_->createUnboundBuffer(&nothing, sizeof nothing);
    try {
      buffer->waitRecv(1ms);
    } catch (const std::exception&) {
      return;  // as it was meant to
    }
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
