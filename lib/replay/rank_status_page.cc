#include "replay/rank_status_page.h"

#include "base/clock.h"
#include "layout/sites.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string_view>

namespace radixbench {
namespace {

// As much of `text` as fits, ended by a zero.
void copy_text(std::string_view text, std::span<char> to) {
  const std::size_t size = std::min(text.size(), to.size() - 1);
  std::copy_n(text.begin(), size, to.begin());
  to[size] = '\0';
}

CallNote to_note(const CallRecord& record) {
  const GroupSpec& group = *record.group;
  CallNote note{.sequence = record.sequence, .key = record.call.key, .site = record.call.site};
  note.member_count = static_cast<std::uint32_t>(group.members.size());
  const std::size_t kept = std::min(group.members.size(), note.members.size());
  for (std::size_t i = 0; i < kept; ++i) {
    note.members[i] = static_cast<std::uint16_t>(group.members[i]);
  }
  note.name_size = static_cast<std::uint16_t>(std::min(group.name.size(), note.name.size()));
  std::copy_n(group.name.begin(), note.name_size, note.name.begin());
  return note;
}

std::string describe(const CallNote& note) {
  const std::size_t kept = std::min<std::size_t>(note.member_count, note.members.size());
  return fmt::format("{} #{} on {}{{{}{}}}",
                     to_string(static_cast<Site>(note.site)),
                     note.sequence,
                     std::string_view{note.name.data(), note.name_size},
                     fmt::join(std::span{note.members}.first(kept), ","),
                     kept < note.member_count ? ",..." : "");
}

}  // namespace

RankStatusPage::Progress RankStatusPage::progress() const {
  return {.phase = phase_.load(),
          .step = step_.load(),
          .now_ns = now_ns_.load(),
          .requests_ended = requests_ended_.load()};
}

void RankStatusPage::read(RankReport& report) const {
  report.phase = phase_.load();
  report.failed_ns = failed_ns_.load();
  if (report.failed_ns != 0) report.error = Error{error_code_, error_text_.data()};
  if (was_ended_by_library_.load()) report.words_of_library = text_of_library_.data();
  const std::size_t count = std::min(violation_count_.load(), kViolationsMax);
  report.violations.clear();
  for (const Violation& violation : std::span{violations_}.first(count)) {
    report.violations.emplace_back(violation.text.data());
  }
  report.last_calls.clear();
  for (const SharedNote<CallNote>& call : calls_) {
    if (const auto note = call.read()) report.last_calls.push_back(describe(*note));
  }
}

void PageStatusSink::reached(RankPhase phase) { page_.phase_.store(phase); }

void PageStatusSink::entered(const CallRecord& record) {
  const auto thread = contract_of(static_cast<Site>(record.call.site)).thread;
  page_.calls_[static_cast<std::size_t>(thread)].write(to_note(record));
}

void PageStatusSink::stepped(std::uint64_t step,
                             std::int64_t now_ns,
                             std::uint64_t requests_ended) {
  page_.step_.store(step, std::memory_order_relaxed);
  page_.now_ns_.store(now_ns, std::memory_order_relaxed);
  page_.requests_ended_.store(requests_ended, std::memory_order_relaxed);
}

void PageStatusSink::violated(const std::string& what) {
  const std::lock_guard lock{mutex_};
  const std::size_t count = page_.violation_count_.load();
  if (count < RankStatusPage::kViolationsMax) copy_text(what, page_.violations_[count].text);
  page_.violation_count_.store(count + 1);
}

void PageStatusSink::ended_by_library(const std::string& words) {
  copy_text(words, page_.text_of_library_);
  page_.was_ended_by_library_.store(true);
}

void PageStatusSink::failed(const Error& error) {
  const std::lock_guard lock{mutex_};
  if (page_.has_failed()) return;
  page_.error_code_ = error.code;
  copy_text(error.message, page_.error_text_);
  page_.failed_ns_.store(monotonic_ns());
}

}  // namespace radixbench
