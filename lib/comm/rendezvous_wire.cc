#include "comm/rendezvous_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);
constexpr std::size_t kHeadBytes = 1 + sizeof(std::uint32_t);  // verb and request
constexpr std::size_t kMembersMax = 4096;
constexpr std::size_t kFieldsMax = 256;
constexpr std::size_t kErrorBytesMax = 4096;

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

void put_group(PayloadWriter& writer, const GroupSpec& group) {
  writer.put_u32(group.ordinal);
  writer.put_text(group.name);
  writer.put_u32(static_cast<std::uint32_t>(group.members.size()));
  for (const Rank member : group.members) writer.put_u32(member);
}

GroupSpec read_group(PayloadReader& reader) {
  GroupSpec group;
  group.ordinal = reader.u32();
  group.name = reader.text(kRendezvousKeyBytesMax);
  const std::size_t count = std::min<std::size_t>(reader.count(sizeof(Rank)), kMembersMax);
  for (std::size_t i = 0; i < count; ++i) group.members.push_back(reader.u32());
  return group;
}

void put_place(PayloadWriter& writer, const GroupBreak::Place& place) {
  writer.put_u32(place.rank);
  writer.put_u64(place.sequence);
  writer.put_u32(static_cast<std::uint32_t>(place.kind));
  writer.put_u32(place.is_cause ? 1 : 0);
}

GroupBreak::Place read_place(PayloadReader& reader) {
  GroupBreak::Place place;
  place.rank = reader.u32();
  place.sequence = reader.u64();
  constexpr auto kKindMax = static_cast<std::uint32_t>(CallKind::kRecv);
  place.kind = static_cast<CallKind>(std::min(reader.u32(), kKindMax));
  place.is_cause = reader.u32() != 0;
  return place;
}

// The payload of each request, after its patience.
struct RequestWriter {
  PayloadWriter& writer;
  Verb operator()(const SetRequest& set) const {
    writer.put_text(set.key);
    writer.put_text(set.value);
    return Verb::kSet;
  }
  Verb operator()(const GetRequest& get) const {
    writer.put_text(get.key);
    return Verb::kGet;
  }
  Verb operator()(const WorldRequest& world) const {
    writer.put_u32(static_cast<std::uint32_t>(world.fields.size()));
    for (const auto& [name, value] : world.fields) {
      writer.put_text(name);
      writer.put_text(value);
    }
    return Verb::kCheckWorld;
  }
  Verb operator()(const JoinRequest& join) const {
    put_group(writer, join.group);
    writer.put_text(join.value);
    return Verb::kJoinGroup;
  }
  Verb operator()(const BreakRequest& broken) const {
    put_group(writer, broken.group);
    put_place(writer, broken.place);
    return Verb::kReportBreak;
  }
  Verb operator()(const FinishRequest&) const { return Verb::kFinish; }
};

WorldRequest read_world(PayloadReader& reader) {
  WorldRequest world;
  const std::size_t count = std::min<std::size_t>(reader.count(2 * kLengthBytes), kFieldsMax);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = reader.text(kRendezvousKeyBytesMax);
    world.fields.emplace_back(std::move(name), reader.text(kRendezvousValueBytesMax));
  }
  return world;
}

// Nothing for a verb that is no request.
std::optional<RendezvousRequest::What> read_request(Verb verb, PayloadReader& reader) {
  if (verb == Verb::kSet) {
    SetRequest set{.key = reader.text(kRendezvousKeyBytesMax), .value = {}};
    set.value = reader.text(kRendezvousValueBytesMax);
    return set;
  }
  if (verb == Verb::kGet) return GetRequest{reader.text(kRendezvousKeyBytesMax)};
  if (verb == Verb::kCheckWorld) return read_world(reader);
  if (verb == Verb::kJoinGroup) {
    JoinRequest join{.group = read_group(reader), .value = {}};
    join.value = reader.text(kRendezvousValueBytesMax);
    return join;
  }
  if (verb == Verb::kReportBreak) {
    BreakRequest broken{.group = read_group(reader), .place = {}};
    broken.place = read_place(reader);
    return broken;
  }
  if (verb == Verb::kFinish) return FinishRequest{};
  return std::nullopt;
}

tl::unexpected<Error> refuse(std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("rendezvous: {}", what));
}

}  // namespace

std::string encode(const Frame& frame) {
  PayloadWriter writer;
  writer.put_u32(static_cast<std::uint32_t>(kHeadBytes + frame.payload.size()));
  std::string bytes = std::move(writer).take();
  bytes.push_back(static_cast<char>(frame.verb));
  PayloadWriter request;
  request.put_u32(frame.request);
  return bytes + std::move(request).take() + frame.payload;
}

Result<std::optional<Frame>> FrameBuffer::next(std::size_t bytes_max) {
  if (bytes_.size() < kLengthBytes) return std::nullopt;
  const std::string_view bytes{bytes_};
  const std::size_t length = read_number(bytes.substr(0, kLengthBytes));
  if (length < kHeadBytes || length > bytes_max) {
    return refuse(
        fmt::format("a message of {} bytes ({} to {} are taken)", length, kHeadBytes, bytes_max));
  }
  if (bytes.size() < kLengthBytes + length) return std::nullopt;
  const auto verb = static_cast<unsigned char>(bytes[kLengthBytes]);
  if (verb < static_cast<unsigned char>(Verb::kHello) ||
      verb > static_cast<unsigned char>(Verb::kInterrupted)) {
    return refuse(fmt::format("a message of unknown kind {}", verb));
  }
  const std::string_view request = bytes.substr(kLengthBytes + 1, sizeof(std::uint32_t));
  Frame frame{.verb = static_cast<Verb>(verb),
              .request = static_cast<std::uint32_t>(read_number(request)),
              .payload = std::string{bytes.substr(kLengthBytes + kHeadBytes, length - kHeadBytes)}};
  bytes_.erase(0, kLengthBytes + length);
  return frame;
}

void PayloadWriter::put(std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    payload_.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
  }
}

std::uint64_t PayloadReader::take(std::size_t bytes) {
  if (rest_.size() < bytes) {
    is_sound_ = false;
    rest_ = {};
    return 0;
  }
  const std::uint64_t value = read_number(rest_.substr(0, bytes));
  rest_.remove_prefix(bytes);
  return value;
}

std::string PayloadReader::text(std::size_t bytes_max) {
  const std::uint32_t size = u32();
  if (size > rest_.size() || size > bytes_max) {
    is_sound_ = false;
    rest_ = {};
    return {};
  }
  std::string text{rest_.substr(0, size)};
  rest_.remove_prefix(size);
  return text;
}

std::uint32_t PayloadReader::count(std::size_t bytes_each) {
  const std::uint32_t count = u32();
  if (count <= rest_.size() / bytes_each) return count;
  is_sound_ = false;
  rest_ = {};
  return 0;
}

Frame encode_request(const RendezvousRequest& request, std::uint32_t number) {
  PayloadWriter writer;
  writer.put_u64(static_cast<std::uint64_t>(std::max<std::int64_t>(request.patience.count(), 0)));
  const Verb verb = std::visit(RequestWriter{writer}, request.what);
  return {.verb = verb, .request = number, .payload = std::move(writer).take()};
}

Result<RendezvousRequest> decode_request(const Frame& frame) {
  PayloadReader reader{frame.payload};
  constexpr std::uint64_t kPatienceMax = std::uint64_t{1} << 50U;  // 35 years
  const std::uint64_t patience = std::min(reader.u64(), kPatienceMax);
  auto what = read_request(frame.verb, reader);
  if (!what) return refuse(fmt::format("no request has kind {}", static_cast<int>(frame.verb)));
  if (!reader.is_whole()) {
    return refuse(fmt::format("a request of kind {} cannot be read", static_cast<int>(frame.verb)));
  }
  return RendezvousRequest{.what = *std::move(what),
                           .patience = std::chrono::microseconds{patience}};
}

std::string encode_values(std::span<const std::string> values) {
  PayloadWriter writer;
  writer.put_u32(static_cast<std::uint32_t>(values.size()));
  for (const std::string& value : values) writer.put_text(value);
  return std::move(writer).take();
}

Result<std::vector<std::string>> decode_values(std::string_view payload) {
  PayloadReader reader{payload};
  std::vector<std::string> values;
  const std::uint32_t count = reader.count(kLengthBytes);
  for (std::uint32_t i = 0; i < count; ++i) values.push_back(reader.text(kRendezvousValueBytesMax));
  if (!reader.is_whole()) return refuse("an answer cannot be read");
  return values;
}

std::string encode_break(const GroupBreak& broken) {
  PayloadWriter writer;
  put_place(writer, broken.first);
  writer.put_u32(static_cast<std::uint32_t>(broken.failed.size()));
  for (const GroupBreak::Place& place : broken.failed) put_place(writer, place);
  writer.put_u32(static_cast<std::uint32_t>(broken.dead.size()));
  for (const Rank rank : broken.dead) writer.put_u32(rank);
  return std::move(writer).take();
}

Result<GroupBreak> decode_break(std::string_view payload) {
  PayloadReader reader{payload};
  GroupBreak broken;
  broken.first = read_place(reader);
  const std::uint32_t failed = reader.count(2 * sizeof(std::uint64_t));
  for (std::uint32_t i = 0; i < failed; ++i) broken.failed.push_back(read_place(reader));
  const std::uint32_t dead = reader.count(sizeof(Rank));
  for (std::uint32_t i = 0; i < dead; ++i) broken.dead.push_back(reader.u32());
  if (!reader.is_whole()) return refuse("an answer cannot be read");
  return broken;
}

std::string encode_error(const Error& error) {
  PayloadWriter writer;
  writer.put_u32(static_cast<std::uint32_t>(error.code));
  writer.put_text(std::string_view{error.message}.substr(0, kErrorBytesMax));
  return std::move(writer).take();
}

Error decode_error(std::string_view payload) {
  PayloadReader reader{payload};
  const std::uint32_t code = reader.u32();
  const std::string text = reader.text(kErrorBytesMax);
  const bool is_known = code <= static_cast<std::uint32_t>(ErrorCode::kInterrupted);
  if (!reader.is_whole() || !is_known) {
    return {ErrorCode::kCorrupt, "rendezvous: an answer cannot be read"};
  }
  return {static_cast<ErrorCode>(code), text};
}

std::string signed_text(std::string_view side,
                        const RunSecret::Nonce& rank_nonce,
                        const RunSecret::Nonce& server_nonce,
                        RendezvousClient::Identity identity) {
  PayloadWriter writer;
  writer.put_text(side);
  for (const RunSecret::Nonce& nonce : {rank_nonce, server_nonce}) {
    for (const std::uint8_t byte : nonce) writer.put_u32(byte);
  }
  writer.put_u32(identity.rank);
  writer.put_u32(identity.world_size);
  return std::move(writer).take();
}

}  // namespace radixbench
