#include "replay/launched_job.h"

#include "base/sha256.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 5ms;
// A hello is options and some variables; more than this is none.
constexpr std::uint32_t kHelloBytesMax = 1U << 20U;
constexpr auto kHelloWait = 10s;
// After the first was refused: for the others to come and be told.
constexpr auto kLateWait = 2s;

// Closes what it holds.
class Socket {
 public:
  explicit Socket(int file = -1) : file_{file} {}
  Socket(Socket&& other) noexcept : file_{std::exchange(other.file_, -1)} {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~Socket() {
    if (file_ >= 0) close(file_);
  }
  [[nodiscard]] int file() const { return file_; }
  [[nodiscard]] bool is_open() const { return file_ >= 0; }

  [[nodiscard]] bool is_readable_within(std::chrono::nanoseconds wait) const {
    pollfd ready{.fd = file_, .events = POLLIN, .revents = 0};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
    return poll(&ready, 1, static_cast<int>(ms)) > 0;
  }

 private:
  int file_;
};

struct Address {
  sockaddr_un address{};
  socklen_t size = 0;
};
// Without a file: the name begins with a zero.
Address address_of(const std::string& name) {
  Address result;
  result.address.sun_family = AF_UNIX;
  const std::size_t length = std::min(name.size(), sizeof result.address.sun_path - 1);
  std::copy_n(name.begin(), length, result.address.sun_path + 1);
  result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  return result;
}

bool is_same_user(const Socket& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket.file(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         peer.uid == geteuid();
}

// A hello as bytes: its length, then texts of which each begins with its own.
class Packer {
 public:
  void add(std::string_view text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    bytes_.append(reinterpret_cast<const char*>(&size), sizeof size);
    bytes_.append(text);
  }
  void add(const std::vector<std::pair<std::string, std::string>>& pairs) {
    add(std::to_string(pairs.size()));
    for (const auto& [name, value] : pairs) {
      add(name);
      add(value);
    }
  }
  [[nodiscard]] std::string message() const {
    const auto size = static_cast<std::uint32_t>(bytes_.size());
    return std::string{reinterpret_cast<const char*>(&size), sizeof size} + bytes_;
  }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_{bytes} {}
  std::string text() {
    std::uint32_t size = 0;
    if (bytes_.size() < sizeof size) return fail_text();
    std::memcpy(&size, bytes_.data(), sizeof size);
    bytes_.remove_prefix(sizeof size);
    if (bytes_.size() < size) return fail_text();
    std::string taken{bytes_.substr(0, size)};
    bytes_.remove_prefix(size);
    return taken;
  }
  Rank number() {
    const std::string digits = text();
    char* end = nullptr;
    const unsigned long value = std::strtoul(digits.c_str(), &end, 10);
    if (digits.empty() || *end != '\0') is_whole_ = false;
    return static_cast<Rank>(value);
  }
  std::vector<std::pair<std::string, std::string>> pairs() {
    std::vector<std::pair<std::string, std::string>> all;
    for (Rank left = number(); left > 0 && is_whole_; --left) {
      std::string name = text();
      all.emplace_back(std::move(name), text());
    }
    return all;
  }
  [[nodiscard]] bool is_whole() const { return is_whole_ && bytes_.empty(); }

 private:
  std::string fail_text() {
    is_whole_ = false;
    return {};
  }
  std::string_view bytes_;
  bool is_whole_ = true;
};

std::string pack(const LaunchedMember& member) {
  Packer packer;
  packer.add(std::to_string(member.rank));
  packer.add(std::to_string(member.world_size));
  packer.add(std::to_string(member.process_id));
  packer.add(member.fields);
  packer.add(member.variables);
  return packer.message();
}

std::optional<LaunchedMember> unpack(std::string_view bytes) {
  Unpacker unpacker{bytes};
  LaunchedMember member;
  member.rank = unpacker.number();
  member.world_size = unpacker.number();
  member.process_id = static_cast<int>(unpacker.number());
  member.fields = unpacker.pairs();
  member.variables = unpacker.pairs();
  if (!unpacker.is_whole()) return std::nullopt;
  return member;
}

// Exactly `bytes`, or nothing where the other end is gone or too slow.
bool receive(const Socket& socket, std::span<char> bytes, Deadline deadline) {
  while (!bytes.empty()) {
    if (has_passed(deadline)) return false;
    if (!socket.is_readable_within(100ms)) continue;
    const ssize_t came = recv(socket.file(), bytes.data(), bytes.size(), 0);
    if (came <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(came));
  }
  return true;
}

bool send_all(const Socket& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket.file(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<LaunchedMember> receive_hello(const Socket& socket, Deadline deadline) {
  std::uint32_t size = 0;
  if (!receive(socket, {reinterpret_cast<char*>(&size), sizeof size}, deadline))
    return std::nullopt;
  if (size > kHelloBytesMax) return std::nullopt;
  std::string bytes(size, '\0');
  if (!receive(socket, bytes, deadline)) return std::nullopt;
  return unpack(bytes);
}

struct Follower {
  LaunchedMember member;
  Socket socket;
  cpu_set_t cores{};
  bool has_cores = false;
  bool is_gone = false;
};

}  // namespace

Result<void> compare_members(const LaunchedMember& first, const LaunchedMember& other) {
  const auto differ = [&](std::string_view name, std::string_view a, std::string_view b) {
    return fail(
        ErrorCode::kMismatch,
        fmt::format(
            "{} is '{}' to rank {} but '{}' to rank {}", name, a, first.rank, b, other.rank));
  };
  if (first.world_size != other.world_size) {
    return differ("world size", std::to_string(first.world_size), std::to_string(other.world_size));
  }
  for (std::size_t i = 0; i < std::max(first.fields.size(), other.fields.size()); ++i) {
    const bool has_both = i < first.fields.size() && i < other.fields.size();
    if (!has_both || first.fields[i].first != other.fields[i].first) {
      return differ("the list of options", "of one length", "of another");
    }
    if (first.fields[i].second != other.fields[i].second) {
      return differ(first.fields[i].first, first.fields[i].second, other.fields[i].second);
    }
  }
  return {};
}

namespace {

class LeadingJob final : public LaunchedJob {
 public:
  LeadingJob(Socket listener, LaunchedMember own) : listener_{std::move(listener)} {
    followers_.emplace_back();
    followers_.front().member = std::move(own);
    read_cores(followers_.front());
  }

  Result<void> gather(Rank count, Deadline deadline) override {
    count_ = count;
    while (followers_.size() < count) {
      if (has_passed(deadline)) return come_too_few(count);
      if (!listener_.is_readable_within(100ms)) continue;
      Socket socket{accept4(listener_.file(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!socket.is_open() || !is_same_user(socket)) continue;
      std::optional<LaunchedMember> member = receive_hello(socket, deadline_after(kHelloWait));
      if (!member) continue;
      Follower follower;
      follower.member = *std::move(member);
      follower.socket = std::move(socket);
      read_cores(follower);
      followers_.push_back(std::move(follower));
      if (auto fine = check_newest(); !fine) return fine;
    }
    std::ranges::sort(
        followers_, {}, [](const Follower& follower) { return follower.member.rank; });
    for (const Follower& follower : followers_) members_.push_back(follower.member);
    return {};
  }

  [[nodiscard]] const std::vector<LaunchedMember>& members() const override { return members_; }

  void take_place(Rank rank) const override {
    for (const Follower& follower : followers_) {
      if (follower.member.rank != rank || !follower.has_cores) continue;
      sched_setaffinity(0, sizeof follower.cores, &follower.cores);
    }
  }

  void supervise(const RankProcesses& ranks) override {
    for (Follower& follower : followers_) {
      if (!follower.socket.is_open() || follower.is_gone) continue;
      // It says nothing after its hello: what can be read is its end.
      if (!follower.socket.is_readable_within(0ms)) continue;
      follower.is_gone = true;
      const int process = ranks.process_id(follower.member.rank);
      if (process != 0) kill(process, SIGKILL);
    }
  }

  void finish(int exit_code) override {
    // Those that had not been asked in when the job was refused are told too, after their hello:
    // who is still sending it when this end closes could not read its answer.
    const Deadline deadline = deadline_after(kLateWait);
    while (members_.empty() && followers_.size() < count_ && !has_passed(deadline)) {
      if (!listener_.is_readable_within(kLook)) continue;
      Follower late;
      late.socket = Socket{accept4(listener_.file(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!late.socket.is_open() || !is_same_user(late.socket)) continue;
      if (receive_hello(late.socket, deadline)) followers_.push_back(std::move(late));
    }
    const auto byte = static_cast<char>(exit_code);
    for (const Follower& follower : followers_) {
      if (follower.socket.is_open()) send_all(follower.socket, {&byte, 1});
    }
  }

 private:
  static void read_cores(Follower& follower) {
    CPU_ZERO(&follower.cores);
    follower.has_cores =
        sched_getaffinity(follower.member.process_id, sizeof follower.cores, &follower.cores) == 0;
  }

  Result<void> check_newest() {
    const LaunchedMember& newest = followers_.back().member;
    for (const Follower& follower : followers_) {
      if (&follower.member == &newest || follower.member.rank != newest.rank) continue;
      return fail(ErrorCode::kConfiguration,
                  fmt::format("two processes of this job are rank {}", newest.rank));
    }
    return compare_members(followers_.front().member, newest);
  }

  Result<void> come_too_few(Rank count) const {
    std::vector<Rank> come;
    for (const Follower& follower : followers_) come.push_back(follower.member.rank);
    std::ranges::sort(come);
    return fail(ErrorCode::kTimeout,
                fmt::format("{} of {} launched processes came to rank {} on this host: ranks {}",
                            come.size(),
                            count,
                            followers_.front().member.rank,
                            fmt::join(come, ", ")));
  }

  Socket listener_;
  Rank count_ = 1;
  std::vector<Follower> followers_;  // the first process itself among them, without a socket
  std::vector<LaunchedMember> members_;
};

}  // namespace

std::string LaunchedJob::meeting_name(const LaunchContext& context,
                                      const EnvironmentMap& environment) {
  std::string about = fmt::format("{} {} {} {}",
                                  geteuid(),
                                  to_string(context.launcher),
                                  context.world_size,
                                  context.rendezvous);
  bool is_named = !context.rendezvous.empty();
  for (const std::string_view name : {"PMIX_NAMESPACE",
                                      "OMPI_MCA_orte_hnp_uri",
                                      "TORCHELASTIC_RUN_ID",
                                      "MASTER_ADDR",
                                      "MASTER_PORT",
                                      "SLURM_JOB_ID",
                                      "SLURM_STEP_ID",
                                      "PMI_PORT",
                                      "RADIXBENCH_JOB"}) {
    const auto found = environment.find(name);
    if (found == environment.end()) continue;
    about += fmt::format(" {}={}", name, found->second);
    is_named = true;
  }
  if (!is_named) about += fmt::format(" session {}", getsid(0));
  const std::string digits = to_hex(sha256({}, std::as_bytes(std::span{about})));
  return "radixbench." + digits.substr(0, 32);
}

Result<std::unique_ptr<LaunchedJob>> LaunchedJob::lead(const std::string& name,
                                                       LaunchedMember own) {
  Socket listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const Address at = address_of(name);
  if (!listener.is_open() ||
      bind(listener.file(), reinterpret_cast<const sockaddr*>(&at.address), at.size) != 0 ||
      listen(listener.file(), SOMAXCONN) != 0) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("the processes of this job can't meet on this host: {} (another job "
                            "with the same variables? RADIXBENCH_JOB tells jobs apart)",
                            std::strerror(errno)));
  }
  return std::make_unique<LeadingJob>(std::move(listener), std::move(own));
}

Result<int> LaunchedJob::follow(const std::string& name,
                                const LaunchedMember& own,
                                Deadline deadline) {
  // The first process decides how a run is given up; a launcher sends these to everyone.
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, SIG_IGN);
  const Address at = address_of(name);
  Socket leader;
  while (true) {
    leader = Socket{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connect(leader.file(), reinterpret_cast<const sockaddr*>(&at.address), at.size) == 0) break;
    if (has_passed(deadline)) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("rank {}: the first process of this host did not come", own.rank));
    }
    std::this_thread::sleep_for(kLook);
  }
  const auto lost = [&] {
    return fail(
        ErrorCode::kPeerLost,
        fmt::format("rank {}: the first process of this host ended without a word", own.rank));
  };
  if (!is_same_user(leader) || !send_all(leader, pack(own))) return lost();
  // However long a run takes, its supervisor bounds it; and should that end, this end can be read.
  while (!leader.is_readable_within(10s)) {
  }
  char byte = 0;
  if (recv(leader.file(), &byte, 1, 0) != 1) return lost();
  return static_cast<unsigned char>(byte);
}

}  // namespace radixbench
