#include "watch/call_departure.h"

#include <algorithm>
#include <span>

namespace radixbench {
namespace {

using Tokens = std::span<const std::uint32_t>;

// As many calls in a row as show that a habit has been found again.
constexpr std::size_t kEnoughAlike = 6;
constexpr std::size_t kExtraMax = 64;

class Departure {
 public:
  Departure(const CallHistories& histories, Tokens before, Tokens did, Tokens usual)
      : histories_{histories}, before_{before}, did_{did}, usual_{usual} {}

  void classify(CallDeparture& departure) const {
    if (replaces_group(departure) || replaces_call(departure)) return;
    if (is_inverted(departure)) return;
    const std::size_t skipped = skipped_count();
    const std::size_t extra = extra_count();
    const bool is_novel = std::ranges::find(usual_, did_.front()) == usual_.end();
    const bool is_repeat = repeats_before(extra);
    const std::size_t skip_cost = skipped == 0 ? ~std::size_t{0} : questions(usual_.first(skipped));
    const std::size_t extra_cost = questions(did_.first(extra));
    const bool may_be_extra = extra < did_.size() || is_novel || is_repeat;
    if (skipped > 0 && (!may_be_extra || skip_cost <= extra_cost)) {
      departure.verdict = VerdictClass::kSkippedCall;
      departure.left_out.assign(usual_.begin(), usual_.begin() + static_cast<long>(skipped));
      return;
    }
    departure.verdict = VerdictClass::kExtraCall;
    departure.is_repeat = is_repeat;
    departure.made.assign(did_.begin(), did_.begin() + static_cast<long>(extra));
  }

 private:
  [[nodiscard]] const CallHistories::Token& token(std::uint32_t number) const {
    static constexpr CallHistories::Token kStart{};
    return number == kProgramStart ? kStart : histories_.token(number);
  }

  [[nodiscard]] bool goes_on_alike(Tokens did, Tokens usual) const {
    std::size_t alike = 0;
    while (alike < did.size() && alike < usual.size() && did[alike] == usual[alike]) ++alike;
    return alike == did.size() || alike >= kEnoughAlike;
  }

  [[nodiscard]] std::size_t question(Tokens tokens) const {
    return question_size(histories_, tokens);
  }
  [[nodiscard]] std::size_t questions(Tokens tokens) const {
    std::size_t count = 0;
    while (!tokens.empty()) {
      tokens = tokens.subspan(question(tokens));
      ++count;
    }
    return count;
  }

  // The usual question was put to another group.
  bool replaces_group(CallDeparture& departure) const {
    const CallHistories::Token& did = token(did_.front());
    const std::size_t asked = question(usual_);
    const std::size_t put = question(did_);
    const bool is_usual_group = std::ranges::any_of(
        usual_.first(asked), [&](std::uint32_t one) { return token(one).role == did.role; });
    if (is_usual_group || did.signature != token(usual_.front()).signature) return false;
    if (!goes_on_alike(did_.subspan(put), usual_.subspan(asked))) return false;
    // Who skips ahead to a call that comes anyhow has not mistaken the group.
    if (std::ranges::find(usual_, did_.front()) != usual_.end()) return false;
    departure.verdict = VerdictClass::kWrongGroupOther;
    departure.made.assign(did_.begin(), did_.begin() + static_cast<long>(put));
    departure.left_out.assign(usual_.begin(), usual_.begin() + static_cast<long>(asked));
    return true;
  }

  // The usual call of the usual group was made differently.
  bool replaces_call(CallDeparture& departure) const {
    const CallHistories::Token& did = token(did_.front());
    const CallHistories::Token& usual = token(usual_.front());
    if (did.role != usual.role || did.signature == usual.signature || did.peer != usual.peer) {
      return false;
    }
    if (did.site != usual.site || !goes_on_alike(did_.subspan(1), usual_.subspan(1))) return false;
    const bool is_known = std::ranges::find(usual_, did_.front()) != usual_.end();
    if (is_known && (did.site == 0 || did_.size() == 1)) return false;
    departure.verdict =
        mismatch_of(histories_.signature(did.signature), histories_.signature(usual.signature));
    departure.made = {did_.front()};
    departure.left_out = {usual_.front()};
    return true;
  }

  bool is_inverted(CallDeparture& departure) const {
    // A question that began with what it should have ended with.
    const std::size_t asked = question(usual_);
    const Tokens rest = usual_.subspan(1, asked - 1);
    if (did_.size() == 1 && std::ranges::find(rest, did_.front()) != rest.end()) {
      return invert(departure, asked);
    }
    if (did_.size() >= asked && asked > 1 &&
        std::ranges::is_permutation(did_.first(asked), usual_.first(asked))) {
      return invert(departure, asked);
    }
    // Or two questions changed places.
    const Tokens second = usual_.subspan(asked).first(question(usual_.subspan(asked)));
    const std::size_t both = asked + second.size();
    if (second.empty() || did_.size() < both) return false;
    const bool is_swapped =
        goes_on_alike(did_.subspan(both), usual_.subspan(both)) &&
        std::ranges::equal(did_.first(second.size()), second) &&
        std::ranges::equal(did_.subspan(second.size(), asked), usual_.first(asked));
    return is_swapped && invert(departure, both);
  }
  bool invert(CallDeparture& departure, std::size_t size) const {
    departure.verdict = VerdictClass::kOrderInversion;
    const std::size_t made = std::min(size, did_.size());
    departure.made.assign(did_.begin(), did_.begin() + static_cast<long>(made));
    departure.left_out.assign(usual_.begin(), usual_.begin() + static_cast<long>(size));
    return true;
  }

  // How many of the usual calls were passed over to get to what it did; 0 where that leads nowhere.
  [[nodiscard]] std::size_t skipped_count() const {
    for (std::size_t count = 1; count < usual_.size(); ++count) {
      if (usual_[count] == did_.front() && goes_on_alike(did_, usual_.subspan(count))) return count;
    }
    return 0;
  }
  // How many calls it made before it found its habit again; all, if it never did.
  [[nodiscard]] std::size_t extra_count() const {
    for (std::size_t count = 1; count < std::min(did_.size(), kExtraMax); ++count) {
      if (did_[count] == usual_.front() && goes_on_alike(did_.subspan(count), usual_)) return count;
    }
    return std::min(did_.size(), kExtraMax);
  }
  [[nodiscard]] bool repeats_before(std::size_t count) const {
    const std::size_t site_calls = std::min(before_.size(), std::max(count, std::size_t{1}) + 4);
    const Tokens recent = before_.last(site_calls);
    return std::ranges::all_of(
               did_.first(count),
               [&](std::uint32_t one) { return std::ranges::find(recent, one) != recent.end(); }) &&
           !before_.empty() && token(before_.back()).site == token(did_.front()).site &&
           token(before_.back()).signature == token(did_.front()).signature;
  }

  const CallHistories& histories_;
  Tokens before_;
  Tokens did_;
  Tokens usual_;
};

}  // namespace

std::size_t question_size(const CallHistories& histories, std::span<const std::uint32_t> tokens) {
  if (tokens.empty() || tokens.front() == kProgramStart)
    return std::min<std::size_t>(1, tokens.size());
  const CallHistories::Token& first = histories.token(tokens.front());
  std::set<std::uint32_t> roles;
  std::size_t size = 0;
  while (size < tokens.size() && tokens[size] != kProgramStart) {
    const CallHistories::Token& one = histories.token(tokens[size]);
    // A group that is asked again is asked another question.
    if (one.site != first.site || one.signature != first.signature) break;
    if (!roles.insert(one.role).second) break;
    ++size;
  }
  return size;
}

VerdictClass mismatch_of(const RecordedSignature& left, const RecordedSignature& right) {
  if (left.kind != right.kind) return VerdictClass::kMismatchKind;
  if (left.type != right.type) return VerdictClass::kMismatchDtype;
  return VerdictClass::kMismatchShape;
}

std::optional<CallDeparture> classify_departure(const CallHistories& histories,
                                                CallHabit& habit,
                                                const CallProgram& program,
                                                std::size_t index) {
  if (index >= program.tokens.size()) return std::nullopt;
  std::optional<HabitForecast> usual = habit.forecast(program, index);
  if (!usual || usual->continuation.empty()) return std::nullopt;
  if (std::ranges::find(usual->next, program.tokens[index]) != usual->next.end()) {
    return std::nullopt;
  }
  const Tokens tokens{program.tokens};
  CallDeparture departure{.verdict = VerdictClass::kExtraCall,
                          .rank = program.rank,
                          .thread = 0,
                          .index = index,
                          .made = {},
                          .left_out = {},
                          .is_repeat = false,
                          .usual = std::move(*usual)};
  Departure{histories, tokens.first(index), tokens.subspan(index), departure.usual.continuation}
      .classify(departure);
  return departure;
}

}  // namespace radixbench
