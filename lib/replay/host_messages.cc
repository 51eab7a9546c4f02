#include "replay/host_messages.h"

#include "comm/rendezvous_wire.h"

#include <algorithm>

namespace radixbench {
namespace {

constexpr std::size_t kTextBytesMax = std::size_t{1} << 20U;
constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);

tl::unexpected<Error> refuse(const char* what) {
  return fail(ErrorCode::kCorrupt, std::string{"another host's "} + what + " cannot be read");
}

void put_number(PayloadWriter& writer, std::optional<int> number) {
  writer.put_u32(number ? 1 : 0);
  writer.put_u32(static_cast<std::uint32_t>(number.value_or(0)));
}

std::optional<int> read_number(PayloadReader& reader) {
  const bool is_there = reader.u32() != 0;
  const auto number = static_cast<int>(reader.u32());
  return is_there ? std::optional{number} : std::nullopt;
}

void put_texts(PayloadWriter& writer, const std::vector<std::string>& texts) {
  writer.put_u32(static_cast<std::uint32_t>(texts.size()));
  for (const std::string& text : texts) writer.put_text(text);
}

std::vector<std::string> read_texts(PayloadReader& reader) {
  const std::uint32_t count = reader.count(kLengthBytes);
  std::vector<std::string> texts;
  texts.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) texts.push_back(reader.text(kTextBytesMax));
  return texts;
}

}  // namespace

std::string encode(const HostCard& card) {
  PayloadWriter writer;
  writer.put_text(card.name);
  writer.put_u64(static_cast<std::uint64_t>(card.clock_ns));
  writer.put_u32(card.world_size);
  writer.put_u32(static_cast<std::uint32_t>(card.ranks.size()));
  for (const Rank rank : card.ranks) writer.put_u32(rank);
  writer.put_u32(static_cast<std::uint32_t>(card.fields.size()));
  for (const auto& [name, value] : card.fields) {
    writer.put_text(name);
    writer.put_text(value);
  }
  return std::move(writer).take();
}

Result<HostCard> decode_host_card(std::string_view payload) {
  PayloadReader reader{payload};
  HostCard card;
  card.name = reader.text(kTextBytesMax);
  card.clock_ns = static_cast<std::int64_t>(reader.u64());
  card.world_size = reader.u32();
  const std::uint32_t rank_count = reader.count(sizeof(Rank));
  card.ranks.reserve(rank_count);
  for (std::uint32_t i = 0; i < rank_count; ++i) card.ranks.push_back(reader.u32());
  const std::uint32_t field_count = reader.count(2 * kLengthBytes);
  card.fields.reserve(field_count);
  for (std::uint32_t i = 0; i < field_count; ++i) {
    std::string name = reader.text(kTextBytesMax);
    card.fields.emplace_back(std::move(name), reader.text(kTextBytesMax));
  }
  const bool is_sound =
      reader.is_whole() && !card.ranks.empty() &&
      std::ranges::all_of(card.ranks, [&](Rank rank) { return rank < card.world_size; });
  if (!is_sound) return refuse("list of ranks");
  return card;
}

std::string encode(const HostStart& start) {
  PayloadWriter writer;
  writer.put_text(start.run_id);
  writer.put_text(start.trace_sha256);
  writer.put_text(start.meeting ? start.meeting->host : "");
  writer.put_u32(start.meeting ? start.meeting->port : 0U);
  return std::move(writer).take();
}

Result<HostStart> decode_host_start(std::string_view payload) {
  PayloadReader reader{payload};
  HostStart start;
  start.run_id = reader.text(kTextBytesMax);
  start.trace_sha256 = reader.text(kTextBytesMax);
  RendezvousAddress meeting;
  meeting.host = reader.text(kTextBytesMax);
  meeting.port = static_cast<std::uint16_t>(reader.u32());
  if (!reader.is_whole() || start.run_id.empty()) return refuse("start");
  if (!meeting.host.empty()) start.meeting = std::move(meeting);
  return start;
}

std::string encode(const RankReport& report) {
  PayloadWriter writer;
  writer.put_u32(report.rank);
  writer.put_u32(static_cast<std::uint32_t>(report.phase));
  writer.put_text(report.error ? encode_error(*report.error) : "");
  put_number(writer, report.signal);
  writer.put_text(report.words_of_library.value_or(""));
  writer.put_u32(report.was_given_up ? 1 : 0);
  writer.put_u32(report.was_stopped ? 1 : 0);
  put_texts(writer, report.violations);
  put_number(writer, report.exit_code);
  writer.put_u64(static_cast<std::uint64_t>(report.failed_ns));
  put_texts(writer, report.last_calls);
  return std::move(writer).take();
}

Result<RankReport> decode_rank_report(std::string_view payload) {
  PayloadReader reader{payload};
  RankReport report;
  report.rank = reader.u32();
  report.phase =
      static_cast<RankPhase>(std::min(reader.u32(), static_cast<std::uint32_t>(RankPhase::kDone)));
  if (const std::string error = reader.text(kTextBytesMax); !error.empty()) {
    report.error = decode_error(error);
  }
  report.signal = read_number(reader);
  if (std::string words = reader.text(kTextBytesMax); !words.empty()) {
    report.words_of_library = std::move(words);
  }
  report.was_given_up = reader.u32() != 0;
  report.was_stopped = reader.u32() != 0;
  report.violations = read_texts(reader);
  report.exit_code = read_number(reader);
  report.failed_ns = static_cast<std::int64_t>(reader.u64());
  report.last_calls = read_texts(reader);
  if (!reader.is_whole()) return refuse("word of a rank's end");
  return report;
}

}  // namespace radixbench
