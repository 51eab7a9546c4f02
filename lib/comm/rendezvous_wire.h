#pragma once

#include "base/result.h"
#include "comm/communicator.h"
#include "comm/rendezvous.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace radixbench {

// How the two ends of a rendezvous talk (docs/formats/rendezvous.md): frames of
//   u32 length of what follows | u8 verb | u32 request | payload
// all little-endian; in payloads, a text is a u32 length and its bytes.

constexpr std::uint32_t kRendezvousVersion = 1;
// Longest frame that each side takes: before a rank has proved itself, from a rank, from the
// server (the values of all members of a group).
constexpr std::size_t kHandshakeFrameBytesMax = 512;
constexpr std::size_t kRequestFrameBytesMax = std::size_t{128} * 1024;
constexpr std::size_t kAnswerFrameBytesMax = std::size_t{32} * 1024 * 1024;

enum class Verb : std::uint8_t {
  kHello = 1,    // rank: version, nonce
  kChallenge,    // server: nonce, proof
  kProof,        // rank: rank, world size, proof
  kWelcome,      // server
  kRefused,      // server: code, text; the connection ends
  kSet,          // rank: requests
  kGet,          //
  kCheckWorld,   //
  kJoinGroup,    //
  kReportBreak,  //
  kFinish,       //
  kAnswer,       // server: what the request's kind says
  kFailure,      // server: code, text
  kDied,         // server, unasked: rank
  kBroken,       // server, unasked: ordinal of a group
  kInterrupted   // server, unasked
};

struct Frame {
  Verb verb = Verb::kHello;
  std::uint32_t request = 0;
  std::string payload;
};
std::string encode(const Frame& frame);

// Bytes as they come in, and the frames in them.
class FrameBuffer {
 public:
  void append(std::string_view bytes) { bytes_.append(bytes); }
  // The next whole frame, if it is there; kCorrupt for one that is longer than `bytes_max` or has
  // no such verb.
  Result<std::optional<Frame>> next(std::size_t bytes_max);

 private:
  std::string bytes_;
};

class PayloadWriter {
 public:
  void put_u32(std::uint32_t value) { put(value, sizeof value); }
  void put_u64(std::uint64_t value) { put(value, sizeof value); }
  void put_text(std::string_view text) {
    put_u32(static_cast<std::uint32_t>(text.size()));
    payload_.append(text);
  }
  std::string take() && { return std::move(payload_); }

 private:
  void put(std::uint64_t value, std::size_t bytes);
  std::string payload_;
};

// Reads what a writer wrote. After the first thing that is not there, everything is empty and
// is_sound() false.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view payload) : rest_{payload} {}
  std::uint32_t u32() { return static_cast<std::uint32_t>(take(sizeof(std::uint32_t))); }
  std::uint64_t u64() { return take(sizeof(std::uint64_t)); }
  std::string text(std::size_t bytes_max);
  // A number of things that are `bytes_each` or longer: never more than the payload can hold.
  std::uint32_t count(std::size_t bytes_each);
  // Sound, and read to its end.
  [[nodiscard]] bool is_whole() const { return is_sound_ && rest_.empty(); }

 private:
  std::uint64_t take(std::size_t bytes);
  std::string_view rest_;
  bool is_sound_ = true;
};

// What ranks ask.
struct SetRequest {
  std::string key;
  std::string value;
};
struct GetRequest {
  std::string key;
};
struct WorldRequest {
  RendezvousClient::Fields fields;
};
struct JoinRequest {
  GroupSpec group;
  std::string value;
};
struct BreakRequest {
  GroupSpec group;
  GroupBreak::Place place;
};
struct FinishRequest {};
struct RendezvousRequest {
  using What =
      std::variant<SetRequest, GetRequest, WorldRequest, JoinRequest, BreakRequest, FinishRequest>;
  What what;
  std::chrono::microseconds patience{};  // of the rank, from when it asked
};
Frame encode_request(const RendezvousRequest& request, std::uint32_t number);
// kCorrupt where the frame is no request, or says what cannot be (a group of no members, ...).
Result<RendezvousRequest> decode_request(const Frame& frame);

std::string encode_values(std::span<const std::string> values);
Result<std::vector<std::string>> decode_values(std::string_view payload);
std::string encode_break(const GroupBreak& broken);
Result<GroupBreak> decode_break(std::string_view payload);
std::string encode_error(const Error& error);
Error decode_error(std::string_view payload);

// What each side signs with the secret: a word for the side, both nonces, and who the rank is.
std::string signed_text(std::string_view side,
                        const RunSecret::Nonce& rank_nonce,
                        const RunSecret::Nonce& server_nonce,
                        RendezvousClient::Identity identity);

}  // namespace radixbench
