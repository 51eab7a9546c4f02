#include "replay/leading_host.h"

#include "comm/rendezvous_wire.h"
#include "replay/host_link.h"
#include "replay/launched_job.h"
#include "replay/recorded_rank.h"
#include "replay/run_rings.h"
#include "watch/ring_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kLook = 100ms;
// To prove itself; a stranger that only connects is dropped after it.
constexpr auto kHandshakeWait = 5s;
constexpr std::size_t kStrangersMax = 64;
// After the first refusal: for the other hosts to come and be told.
constexpr auto kLateWait = 10s;
// For the rings of the other hosts, in the middle of a run.
constexpr auto kAnswerWait = 1s;
// Without a byte of the files that are awaited.
constexpr auto kStallWait = 10s;
// For the last word to come to the others, which then let go.
constexpr auto kFarewell = 2s;
constexpr std::size_t kFieldBytesMax = HostLink::kMessageBytesMax;

// One host, from its first byte.
struct Host {
  std::unique_ptr<HostLink> link;
  Deadline handshake_end;
  std::string nonce, leader_nonce;
  bool is_trusted = false;
  HostCard card;                    // once it has come
  std::int64_t clock_ahead_ns = 0;  // of this host's
  std::set<Rank> running;
  bool was_lost = false;
  std::map<Rank, std::string> rings;
  std::uint32_t rings_answered = 0;
  std::map<Rank, std::ofstream> files;
  bool has_sent_files = false;

  [[nodiscard]] bool has_come() const { return !card.ranks.empty(); }
  [[nodiscard]] bool is_there() const { return has_come() && !link->is_lost(); }
};

LaunchedMember member_of(const HostCard& card) {
  LaunchedMember member;
  member.rank = card.ranks.front();
  member.world_size = card.world_size;
  member.fields = card.fields;
  return member;
}

void shift(Recording& recording, std::int64_t by_ns) {
  recording.heartbeat_ns -= by_ns;
  for (RecordedEvent& event : recording.events) {
    event.enter_ns -= by_ns;
    if (event.exit_ns != 0) event.exit_ns -= by_ns;
  }
}

class Leader final : public LeadingHost {
 public:
  Leader(Socket listener, const HostMeeting& meeting)
      : listener_{std::move(listener)}, meeting_{meeting} {}

  Result<void> gather(const HostCard& own, Deadline deadline) override {
    own_ = own;
    for (const Rank rank : own.ranks) come_.insert(rank);
    std::optional<Error> refusal;
    while (come_.size() < own.world_size && !has_passed(deadline)) {
      wait(kLook);
      welcome();
      for (const std::unique_ptr<Host>& host : hosts_) {
        Result<void> fine = greet(*host);
        if (fine || refusal) continue;
        refusal = fine.error();
        deadline = std::min(deadline, deadline_after(kLateWait));
      }
      drop_strangers();
    }
    if (!refusal && come_.size() < own.world_size) refusal = come_too_few();
    if (!refusal) return {};
    for (const std::unique_ptr<Host>& host : hosts_) {
      if (host->has_come()) host->link->send(HostWord::kRefused, encode_error(*refusal));
    }
    return tl::unexpected(*refusal);
  }

  Result<void> begin(const ReplayPlan& plan, const HostStart& start) override {
    run_ = &plan;
    if (auto written = write_hosts(plan); !written) return written;
    listener_ = Socket{};
    std::erase_if(hosts_, [](const auto& host) { return !host->has_come(); });
    for (const std::unique_ptr<Host>& host : hosts_) {
      host->link->send(HostWord::kStart, encode(start));
    }
    return {};
  }

  HostNews take_news() override {
    for (const std::unique_ptr<Host>& host : hosts_) hear(*host);
    return std::exchange(news_, {});
  }
  [[nodiscard]] bool is_waited_for() const override {
    return std::ranges::any_of(hosts_, [](const auto& host) { return !host->running.empty(); });
  }
  void tell_ended(const RankReport& report) override { tell_dead(report.rank); }
  void tell_interrupt(int signal) override {
    if (std::exchange(was_interrupted_, true)) return;
    PayloadWriter writer;
    writer.put_u32(static_cast<std::uint32_t>(signal));
    tell_all(HostWord::kInterrupt, std::move(writer).take());
  }
  void tell_kill() override {
    if (!std::exchange(was_killed_, true)) tell_all(HostWord::kKill, {});
  }

  std::vector<Recording> recordings() override {
    ask_for_rings();
    std::vector<Recording> recordings;
    for (const std::unique_ptr<Host>& host : hosts_) {
      for (const auto& [rank, bytes] : host->rings) {
        Result<Recording> recording =
            read_ring(std::as_bytes(std::span{bytes}), ring_file(*run_, rank), true);
        if (!recording) continue;
        shift(*recording, host->clock_ahead_ns);
        recordings.push_back(*std::move(recording));
      }
    }
    return recordings;
  }

  std::vector<std::string> collect(const ReplayPlan& plan) override {
    tell_all(HostWord::kAskFiles, {});
    std::size_t received = received_bytes();
    Deadline stall = deadline_after(kStallWait);
    while (awaits_files() && !has_passed(stall)) {
      wait(kLook);
      for (const std::unique_ptr<Host>& host : hosts_) hear(*host);
      if (received_bytes() == received) continue;
      received = received_bytes();
      stall = deadline_after(kStallWait);
    }
    return store(plan);
  }

  void finish(int exit_code) override {
    const Deadline late = deadline_after(own_.world_size == come_.size() ? 0ns : kLateWait);
    while (run_ == nullptr && listener_.is_open() && !has_passed(late)) {
      wait(kLook);
      welcome();
      for (const std::unique_ptr<Host>& host : hosts_) static_cast<void>(greet(*host));
      if (come_.size() == own_.world_size) break;
    }
    PayloadWriter writer;
    writer.put_u32(static_cast<std::uint32_t>(exit_code));
    tell_all(HostWord::kFinish, std::move(writer).take());
    part();
  }

 private:
  void wait(std::chrono::nanoseconds most) {
    std::vector<const HostLink*> links;
    links.reserve(hosts_.size());
    for (const std::unique_ptr<Host>& host : hosts_) links.push_back(host->link.get());
    wait_for_links(links, listener_.descriptor(), deadline_after(most));
  }

  // Until the others have let go: where this end did first, with something of theirs unread, the
  // connection would be reset, and what they were told last could be lost on the way.
  void part() {
    listener_ = Socket{};
    const Deadline end = deadline_after(kFarewell);
    const auto is_there = [](const auto& host) { return host->is_there(); };
    while (std::ranges::any_of(hosts_, is_there) && !has_passed(end)) {
      wait(kLook);
      for (const std::unique_ptr<Host>& host : hosts_) {
        host->link->pump();
        while (host->link->take()) {
        }
      }
    }
  }

  void welcome() {
    const auto strangers =
        std::ranges::count_if(hosts_, [](const auto& host) { return !host->is_trusted; });
    if (!listener_.is_open() || static_cast<std::size_t>(strangers) >= kStrangersMax) return;
    Socket accepted = accept_from(listener_);
    if (!accepted.is_open()) return;
    auto host = std::make_unique<Host>();
    host->link = std::make_unique<HostLink>(std::move(accepted));
    host->handshake_end = deadline_after(kHandshakeWait);
    hosts_.push_back(std::move(host));
  }

  void drop_strangers() {
    std::erase_if(hosts_, [this](const auto& host) {
      const bool is_late = !host->is_trusted && has_passed(host->handshake_end);
      const bool goes = !host->has_come() && (is_late || host->link->is_lost());
      if (goes && !host->is_trusted && !host->leader_nonce.empty()) ++unproven_count_;
      return goes;
    });
  }

  // What a host says before the run begins. Fails only where the run is not to be.
  Result<void> greet(Host& host) {
    host.link->pump();
    while (const auto message = host.link->take()) {
      if (message->word == HostWord::kHello && !host.is_trusted) {
        challenge(host, message->payload);
      } else if (message->word == HostWord::kProof && !host.is_trusted) {
        check_proof(host, message->payload);
      } else if (message->word == HostWord::kRanks && host.is_trusted && !host.has_come()) {
        if (auto fine = add(host, message->payload); !fine) return fine;
      } else if (message->word == HostWord::kRefused && host.is_trusted) {
        return tl::unexpected(decode_error(message->payload).while_doing("another host"));
      } else {
        host.link->drop("a message out of turn");
      }
    }
    return {};
  }

  void challenge(Host& host, std::string_view payload) {
    PayloadReader reader{payload};
    const std::uint32_t version = reader.u32();
    host.nonce = reader.text(sizeof(RunSecret::Nonce));
    const Result<std::string> nonce = make_host_nonce();
    if (!reader.is_whole() || host.nonce.size() != sizeof(RunSecret::Nonce) || !nonce) {
      return host.link->drop("a greeting that cannot be read");
    }
    if (version != kHostLinkVersion) {
      return refuse(host,
                    {ErrorCode::kMismatch,
                     fmt::format("this host speaks version {} to other hosts, rank 0's version {}",
                                 version,
                                 kHostLinkVersion)});
    }
    host.leader_nonce = *nonce;
    PayloadWriter writer;
    writer.put_text(host.leader_nonce);
    writer.put_text(host_proof(meeting_.secret, "leader", host.nonce, host.leader_nonce));
    host.link->send(HostWord::kChallenge, std::move(writer).take());
  }

  void check_proof(Host& host, std::string_view proof) {
    const bool was_challenged = !host.leader_nonce.empty();
    if (!was_challenged ||
        !is_host_proof(proof, host_proof(meeting_.secret, "host", host.nonce, host.leader_nonce))) {
      return refuse(host, {ErrorCode::kConfiguration, "this host does not know the run's secret"});
    }
    host.is_trusted = true;
    host.link->trust();
  }

  static void refuse(Host& host, const Error& error) {
    host.link->send(HostWord::kRefused, encode_error(error));
  }

  Result<void> add(Host& host, std::string_view payload) {
    Result<HostCard> card = decode_host_card(payload);
    if (!card) {
      host.link->drop(card.error().message);
      return {};
    }
    host.clock_ahead_ns = card->clock_ns - monotonic_ns();
    host.card = *std::move(card);
    host.running.insert(host.card.ranks.begin(), host.card.ranks.end());
    Result<void> fine;
    for (const Rank rank : host.card.ranks) {
      if (come_.insert(rank).second || !fine) continue;
      fine = fail(ErrorCode::kConfiguration,
                  fmt::format("rank {} is on two hosts, one of them {}", rank, host.card.name));
    }
    if (auto same = compare_members(member_of(own_), member_of(host.card)); !same) return same;
    return fine;
  }

  [[nodiscard]] Error come_too_few() const {
    std::vector<Rank> missing;
    for (Rank rank = 0; rank < own_.world_size; ++rank) {
      if (!come_.contains(rank)) missing.push_back(rank);
    }
    const std::string unproven =
        unproven_count_ == 0
            ? std::string{}
            : fmt::format("; {} that came did not know the run's secret", unproven_count_);
    return {ErrorCode::kTimeout,
            fmt::format("the hosts of ranks {} did not come to {}{}",
                        fmt::join(missing, ", "),
                        to_string(meeting_.address),
                        unproven)};
  }

  [[nodiscard]] Result<void> write_hosts(const ReplayPlan& plan) const {
    std::ofstream file{hosts_file(plan.options.output_directory)};
    file << "run " << plan.run_id << '\n';
    file << fmt::format("{}: ranks {}\n", own_.name, fmt::join(own_.ranks, ","));
    for (const std::unique_ptr<Host>& host : hosts_) {
      if (!host->has_come()) continue;
      file << fmt::format("{}: ranks {}\n", host->card.name, fmt::join(host->card.ranks, ","));
    }
    file.close();
    if (file) return {};
    return fail(ErrorCode::kCannotCreate,
                hosts_file(plan.options.output_directory) + ": cannot write");
  }

  // What a host says while its ranks run and after.
  void hear(Host& host) {
    host.link->pump();
    while (const auto message = host.link->take()) {
      PayloadReader reader{message->payload};
      switch (message->word) {
        case HostWord::kEnded: take_end(host, message->payload); break;
        case HostWord::kInterrupt: news_.signal = static_cast<int>(reader.u32()); break;
        case HostWord::kRefused: give_up_on(host, decode_error(message->payload)); break;
        case HostWord::kRing: {
          reader.u32();
          const Rank rank = reader.u32();
          host.rings[rank] = reader.text(kFieldBytesMax);
          break;
        }
        case HostWord::kRingsEnd: host.rings_answered = reader.u32(); break;
        case HostWord::kFile:
        case HostWord::kFileEnd: take_file(host, *message); break;
        case HostWord::kFilesEnd: host.has_sent_files = true; break;
        default: host.link->drop("a message out of turn"); break;
      }
    }
    if (host.link->is_lost() && !std::exchange(host.was_lost, true)) lose(host);
  }

  void take_end(Host& host, std::string_view payload) {
    Result<RankReport> report = decode_rank_report(payload);
    if (!report || host.running.erase(report->rank) == 0) {
      return host.link->drop("it sent a rank's end that cannot be");
    }
    if (report->failed_ns != 0) report->failed_ns -= host.clock_ahead_ns;
    tell_dead(report->rank);
    news_.ended.push_back(*std::move(report));
  }

  // A host that could not start its ranks, and says why.
  void give_up_on(Host& host, const Error& error) {
    for (const Rank rank : std::exchange(host.running, {})) {
      RankReport report;
      report.rank = rank;
      report.error = Error{error}.while_doing(host.card.name);
      report.exit_code = 1;
      tell_dead(rank);
      news_.ended.push_back(std::move(report));
    }
  }

  void lose(Host& host) {
    for (const Rank rank : std::exchange(host.running, {})) {
      RankReport report;
      report.rank = rank;
      report.unseen = fmt::format("host {} is lost: {}", host.card.name, host.link->lost_because());
      tell_dead(rank);
      news_.ended.push_back(std::move(report));
    }
  }

  void tell_dead(Rank rank) {
    PayloadWriter writer;
    writer.put_u32(rank);
    const std::string payload = std::move(writer).take();
    for (const std::unique_ptr<Host>& host : hosts_) {
      const std::vector<Rank>& own = host->card.ranks;
      const bool is_its_own = std::ranges::find(own, rank) != own.end();
      if (host->is_there() && !is_its_own) host->link->send(HostWord::kDead, payload);
    }
  }

  void tell_all(HostWord word, const std::string& payload) {
    for (const std::unique_ptr<Host>& host : hosts_) {
      if (host->is_there()) host->link->send(word, payload);
    }
  }

  void ask_for_rings() {
    PayloadWriter writer;
    writer.put_u32(++rings_asked_);
    tell_all(HostWord::kAskRings, std::move(writer).take());
    const Deadline deadline = deadline_after(kAnswerWait);
    const auto is_awaited = [&](const auto& host) {
      return host->is_there() && host->rings_answered != rings_asked_;
    };
    while (std::ranges::any_of(hosts_, is_awaited) && !has_passed(deadline)) {
      wait(kAnswerWait);
      for (const std::unique_ptr<Host>& host : hosts_) hear(*host);
    }
  }

  [[nodiscard]] std::size_t received_bytes() const {
    std::size_t bytes = 0;
    for (const std::unique_ptr<Host>& host : hosts_) bytes += host->link->received_bytes();
    return bytes;
  }
  [[nodiscard]] bool awaits_files() const {
    return std::ranges::any_of(
        hosts_, [](const auto& host) { return host->is_there() && !host->has_sent_files; });
  }

  void take_file(Host& host, const HostMessage& message) {
    PayloadReader reader{message.payload};
    const Rank rank = reader.u32();
    if (std::ranges::find(host.card.ranks, rank) == host.card.ranks.end()) {
      return host.link->drop("it sent the file of a rank that it does not have");
    }
    const std::string path = rank_file(*run_, rank);
    if (message.word == HostWord::kFile) {
      std::ofstream& file = host.files[rank];
      if (!file.is_open()) file.open(path + ".part", std::ios::binary);
      const std::string bytes = reader.text(kFieldBytesMax);
      file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      return;
    }
    std::ofstream& file = host.files[rank];
    file.close();
    std::error_code ignored;
    if (reader.u32() != 0 && file) fs::rename(path + ".part", path, ignored);
    host.files.erase(rank);
  }

  // What came only in part goes; rings that came are files from here on.
  std::vector<std::string> store(const ReplayPlan& plan) {
    std::vector<std::string> notes;
    std::error_code ignored;
    for (const std::unique_ptr<Host>& host : hosts_) {
      for (const Rank rank : host->card.ranks) {
        fs::remove(rank_file(plan, rank) + ".part", ignored);
        const std::string path = ring_file(plan, rank);
        const auto ring = host->rings.find(rank);
        if (ring == host->rings.end() || fs::exists(path, ignored)) continue;
        std::ofstream file{path, std::ios::binary};
        file.write(ring->second.data(), static_cast<std::streamsize>(ring->second.size()));
      }
      if (host->has_sent_files) continue;
      notes.push_back(fmt::format("host {} did not send the files of ranks {}",
                                  host->card.name,
                                  fmt::join(host->card.ranks, ", ")));
    }
    return notes;
  }

  Socket listener_;
  HostMeeting meeting_;
  HostCard own_;
  std::set<Rank> come_;
  std::size_t unproven_count_ = 0;
  std::vector<std::unique_ptr<Host>> hosts_;
  const ReplayPlan* run_ = nullptr;
  HostNews news_;
  std::uint32_t rings_asked_ = 0;
  bool was_interrupted_ = false;
  bool was_killed_ = false;
};

}  // namespace

Result<std::unique_ptr<LeadingHost>> LeadingHost::listen(const HostMeeting& meeting) {
  Result<Socket> listener = listen_at({.host = meeting.bind, .port = meeting.address.port});
  if (!listener) return tl::unexpected(listener.error());
  return std::unique_ptr<LeadingHost>{std::make_unique<Leader>(*std::move(listener), meeting)};
}

std::string hosts_file(const std::string& directory) { return directory + "/hosts.txt"; }

bool holds_run(const std::string& directory, const std::string& run_id) {
  std::ifstream file{hosts_file(directory)};
  std::string line;
  return std::getline(file, line) && line == "run " + run_id;
}

}  // namespace radixbench
