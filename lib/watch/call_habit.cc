#include "watch/call_habit.h"

#include <algorithm>

namespace radixbench {
namespace {

constexpr std::size_t kContextMax = 48;
constexpr std::size_t kRepeatsWanted = 3;
constexpr std::size_t kContinuationMax = 256;
constexpr std::size_t kTwinsMax = 6;
constexpr std::size_t kTwinsLookedAtMax = 96;

struct Match {
  std::size_t at = 0;      // of what followed
  std::size_t length = 0;  // of what came before it alike
};

// Places in `where` before `end` that come after the same as `context` ends with.
std::vector<Match> matches(const std::vector<std::uint32_t>& where,
                           std::size_t end,
                           const std::vector<std::uint32_t>& context,
                           std::size_t context_end) {
  std::vector<Match> found;
  if (context_end == 0) return found;
  for (std::size_t at = 1; at < end; ++at) {
    if (where[at - 1] != context[context_end - 1]) continue;
    std::size_t length = 1;
    while (length < kContextMax && length < at && length < context_end &&
           where[at - 1 - length] == context[context_end - 1 - length]) {
      ++length;
    }
    found.push_back({at, length});
  }
  return found;
}

HabitForecast forecast_of(const std::vector<Match>& found,
                          const std::vector<std::uint32_t>& where) {
  HabitForecast forecast;
  std::vector<std::size_t> lengths;
  lengths.reserve(found.size());
  for (const Match& match : found) lengths.push_back(match.length);
  std::ranges::sort(lengths, std::greater<>{});
  forecast.length = lengths[std::min(kRepeatsWanted, lengths.size()) - 1];
  if (lengths.size() < kRepeatsWanted) forecast.length = lengths.front();
  std::map<std::uint32_t, std::size_t> counts;
  for (const Match& match : found) {
    if (match.length < forecast.length) continue;
    ++forecast.support;
    ++counts[where[match.at]];
  }
  std::uint32_t usual = counts.begin()->first;
  for (const auto& [token, count] : counts) {
    forecast.next.push_back(token);
    if (count > counts[usual]) usual = token;
  }
  std::size_t from = 0;
  for (const Match& match : found) {
    if (match.length >= forecast.length && where[match.at] == usual) from = match.at;
  }
  forecast.continuation.assign(
      where.begin() + static_cast<std::ptrdiff_t>(from),
      where.begin() + static_cast<std::ptrdiff_t>(std::min(where.size(), from + kContinuationMax)));
  return forecast;
}

}  // namespace

std::size_t CallProgram::index_of(std::uint32_t position) const {
  // The start has a position beyond all others.
  const std::size_t first = !positions.empty() && positions.front() == kNoPosition ? 1 : 0;
  const auto found = std::lower_bound(
      positions.begin() + static_cast<std::ptrdiff_t>(first), positions.end(), position);
  return static_cast<std::size_t>(found - positions.begin());
}

const CallProgram& CallHabit::program(Rank rank, std::uint16_t thread) {
  const auto [found, is_new] = programs_.try_emplace({rank, thread});
  CallProgram& program = found->second;
  if (!is_new) return program;
  program.rank = rank;
  const RankHistory* history = histories_.find(rank);
  if (history == nullptr) return program;
  if (!history->is_cut()) {
    program.tokens.push_back(kProgramStart);
    program.positions.push_back(kNoPosition);
  }
  for (std::uint32_t position = 0; position < history->calls.size(); ++position) {
    if (history->calls[position].thread != thread) continue;
    program.tokens.push_back(history->calls[position].token);
    program.positions.push_back(position);
  }
  return program;
}

std::optional<HabitForecast> CallHabit::forecast(const CallProgram& program, std::size_t index) {
  const std::vector<Match> own = matches(program.tokens, index, program.tokens, index);
  std::optional<HabitForecast> best;
  if (!own.empty()) {
    // What it did from here on is no habit.
    const std::vector<std::uint32_t> before{
        program.tokens.begin(), program.tokens.begin() + static_cast<std::ptrdiff_t>(index)};
    best = forecast_of(own, before);
    const std::size_t round = best->continuation.size();
    // A habit goes on as it came to where it is now.
    for (std::size_t i = 0; round > 0 && best->continuation.size() < kContinuationMax; ++i) {
      best->continuation.push_back(best->continuation[i]);
    }
    if (best->is_strong()) return best;
  }
  if (index == 0 || program.tokens.empty()) return best;
  for (const Rank twin : twins(program, program.tokens[index - 1])) {
    const RankHistory& history = *histories_.find(twin);
    std::set<std::uint16_t> threads;
    for (const HistoryCall& call : history.calls) threads.insert(call.thread);
    for (const std::uint16_t thread : threads) {
      const CallProgram& other = this->program(twin, thread);
      const std::vector<Match> found =
          matches(other.tokens, other.tokens.size(), program.tokens, index);
      if (found.empty()) continue;
      HabitForecast forecast = forecast_of(found, other.tokens);
      forecast.is_own = false;
      if (!best || forecast.length > best->length) best = std::move(forecast);
    }
  }
  return best;
}

bool CallHabit::departs(const CallProgram& program, std::size_t index) {
  if (index >= program.tokens.size()) return false;
  const std::optional<HabitForecast> usual = forecast(program, index);
  if (!usual || !usual->is_strong()) return false;
  if (std::ranges::find(usual->next, program.tokens[index]) != usual->next.end()) return false;
  return !is_done_again(program, index, usual->length);
}

// What is done again and again later on was only new when it was done first.
bool CallHabit::is_done_again(const CallProgram& program, std::size_t index, std::size_t length) {
  const std::vector<std::uint32_t>& tokens = program.tokens;
  for (std::size_t at = index + 1; at < tokens.size(); ++at) {
    if (tokens[at] != tokens[index]) continue;
    std::size_t alike = 0;
    while (alike < length && alike < index && tokens[at - 1 - alike] == tokens[index - 1 - alike]) {
      ++alike;
    }
    if (alike == std::min(length, index)) return true;
  }
  return false;
}

std::optional<std::size_t> CallHabit::last_departure(const CallProgram& program,
                                                     std::size_t index,
                                                     std::size_t window) {
  for (std::size_t back = 0; back <= window && back < index; ++back) {
    if (departs(program, index - back)) return index - back;
  }
  return std::nullopt;
}

// Ranks that make the call, too: those with the longest histories first of some that are looked at.
std::vector<Rank> CallHabit::twins(const CallProgram& program, std::uint32_t token) {
  std::vector<std::pair<std::size_t, Rank>> found;
  const std::vector<RankHistory>& ranks = histories_.ranks();
  const std::size_t stride = std::max<std::size_t>(1, ranks.size() / kTwinsLookedAtMax);
  for (std::size_t at = 0; at < ranks.size(); at += stride) {
    if (ranks[at].rank == program.rank) continue;
    const std::vector<std::uint32_t>& known = vocabulary(ranks[at].rank);
    if (token != kProgramStart && !std::ranges::binary_search(known, token)) continue;
    found.emplace_back(ranks[at].calls.size(), ranks[at].rank);
  }
  std::ranges::stable_sort(
      found, [](const auto& left, const auto& right) { return left.first > right.first; });
  std::vector<Rank> twins;
  for (const auto& [size, rank] : found) {
    if (twins.size() < kTwinsMax) twins.push_back(rank);
  }
  return twins;
}

const std::vector<std::uint32_t>& CallHabit::vocabulary(Rank rank) {
  const auto [found, is_new] = vocabularies_.try_emplace(rank);
  if (!is_new) return found->second;
  std::set<std::uint32_t> tokens;
  for (const HistoryCall& call : histories_.find(rank)->calls) tokens.insert(call.token);
  found->second.assign(tokens.begin(), tokens.end());
  return found->second;
}

}  // namespace radixbench
