#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "comm/rendezvous_socket.h"
#include "comm/run_secret.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace radixbench {

// What the supervisors of two hosts say to each other (docs/formats/hosts.md): frames of
//   u32 length of what follows | u8 word | payload
// all little-endian.
constexpr std::uint32_t kHostLinkVersion = 1;

enum class HostWord : std::uint8_t {
  kHello = 1,  // host: version, nonce
  kChallenge,  // leader: nonce, proof
  kProof,      // host: proof
  kRefused,    // either: code, text; the run is not to be
  kRanks,      // host: its name, clock, ranks, options
  kStart,      // leader: run, trace, meeting place of the transport
  kEnded,      // host: how one of its ranks ended
  kDead,       // leader: a rank of another host ended
  kInterrupt,  // either: give up; the signal that asked for it, or 0
  kKill,       // leader: end ranks that still run
  kAskRings,   // leader: number of the question
  kRing,       // host: number, rank, bytes
  kRingsEnd,   // host: number
  kAskFiles,   // leader
  kFile,       // host: rank, the next bytes of its file
  kFileEnd,    // host: rank, whether it is whole
  kFilesEnd,   // host
  kFinish,     // leader: the run's exit code
};

struct HostMessage {
  HostWord word = HostWord::kHello;
  std::string payload;
};

// One end of the connection. Nothing here blocks; a peer that is gone, cut off, or says what cannot
// be is lost, within kLostAfter of its last sign of life, which the kernels give also while the
// processes are busy.
class HostLink {
 public:
  static constexpr int kLostAfterSeconds = 6;
  static constexpr std::size_t kStrangerBytesMax = 512;
  static constexpr std::size_t kMessageBytesMax = std::size_t{256} * 1024 * 1024;

  explicit HostLink(Socket socket);

  // Queues, and sends what goes.
  void send(HostWord word, std::string_view payload = {});
  // Sends and receives what goes.
  void pump();
  // Also what came before the other end was lost.
  [[nodiscard]] std::optional<HostMessage> take();

  // The other end has proved itself: it may send long messages.
  void trust() { bytes_max_ = kMessageBytesMax; }
  // Gives the connection up.
  void drop(std::string_view reason);
  [[nodiscard]] bool is_lost() const { return !lost_because_.empty(); }
  [[nodiscard]] const std::string& lost_because() const { return lost_because_; }
  [[nodiscard]] std::size_t owed_bytes() const { return owed_.size() - sent_; }
  [[nodiscard]] std::size_t received_bytes() const { return received_; }
  [[nodiscard]] int descriptor() const { return socket_.descriptor(); }

 private:
  void flush();
  void receive();

  Socket socket_;
  std::string owed_;
  std::size_t sent_ = 0;  // of it
  std::string incoming_;
  std::size_t taken_ = 0;  // of it
  std::size_t received_ = 0;
  std::size_t bytes_max_ = kStrangerBytesMax;
  std::string lost_because_;
};

// Waits until one of the links has something to receive, or to send and can, or the deadline. Those
// that are null or lost are left out. `listener` may be -1.
void wait_for_links(std::span<const HostLink* const> links, int listener, Deadline deadline);

// What each side signs with the secret: a word for the side, and both nonces.
std::string host_proof(const RunSecret& secret,
                       std::string_view side,
                       std::string_view host_nonce,
                       std::string_view leader_nonce);
// In constant time.
bool is_host_proof(std::string_view given, std::string_view expected);
Result<std::string> make_host_nonce();

}  // namespace radixbench
