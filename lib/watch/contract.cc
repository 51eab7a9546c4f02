#include "watch/contract.h"

#include "layout/sites.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace radixbench {
namespace {

constexpr std::string_view kBlanks = " \t\r";

// The next word of `rest`, which it is taken from; empty at the end or before a comment.
std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  if (rest.empty() || rest.front() == '#') return rest = {};
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(word.size());
  return word;
}

bool set_members(std::string_view text, ContractMembers& members) {
  if (text == "every_step") members = ContractMembers::kEveryStep;
  if (text == "per_key") members = ContractMembers::kPerKey;
  if (text == "optional") members = ContractMembers::kOptional;
  return text == "every_step" || text == "per_key" || text == "optional";
}

std::string spelt_axes(std::string_view text) {
  std::string axes;
  for (const char letter : text) {
    if (letter == '*') {
      axes += " x ";
    } else {
      axes += letter;
    }
  }
  return axes;
}

bool set_field(std::string_view key, std::string_view value, Contract& contract) {
  if (key == "axes") contract.axes = spelt_axes(value);
  if (key == "thread") contract.thread = value;
  if (key == "key") contract.key_name = value;
  if (key == "axes" || key == "thread" || key == "key") return !value.empty();
  if (key == "members") return set_members(value, contract.members);
  if (key == "kind") return (contract.kind = parse_call_kind(value)).has_value();
  if (key == "op") return (contract.op = parse_reduce_op(value)).has_value();
  if (key == "outcome") {
    std::int64_t outcome = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), outcome);
    contract.outcome = outcome;
    return error == std::errc{} && end == value.data() + value.size() && !value.empty();
  }
  return false;
}

bool is_per_request(Site site) {
  return site == Site::kCanTerminatePrefetch || site == Site::kCheckPrefetchProgress ||
         site == Site::kReleaseAbortedRequest || site == Site::kPrefetchHitCount;
}

}  // namespace

std::vector<Contract> builtin_contracts() {
  std::vector<Contract> contracts;
  for (const SiteContract& site : site_contracts()) {
    Contract contract;
    contract.site = site.name;
    // An engine receives and computes over several groups in turn, and which is its own affair.
    if (site.is_control) contract.axes = site.axes;
    contract.members = site.members == SiteMembers::kEveryStep ? ContractMembers::kEveryStep
                                                               : ContractMembers::kPerKey;
    contract.thread = site.thread == SiteThread::kPrefetch ? "prefetch" : "scheduler";
    if (is_per_request(site.site)) contract.key_name = "rid";
    contracts.push_back(std::move(contract));
  }
  return contracts;
}

Result<Contract> parse_contract_line(std::string_view line) {
  std::string_view rest = line;
  if (next_word(rest) != "site") {
    return fail(ErrorCode::kCorrupt, "a contract begins with 'site'");
  }
  Contract contract;
  contract.site = next_word(rest);
  if (contract.site.empty()) return fail(ErrorCode::kCorrupt, "'site' without a name");
  for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
    if (word == "creates_group") {
      contract.creates_group = true;
      continue;
    }
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos ||
        !set_field(word.substr(0, equals), word.substr(equals + 1), contract)) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("'{}' does not belong into the contract of {}", word, contract.site));
    }
  }
  return contract;
}

Result<void> parse_contracts(std::string_view text,
                             std::string_view source,
                             std::vector<Contract>& into) {
  std::size_t line_number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++line_number;
    std::string_view rest = line;
    if (next_word(rest).empty()) continue;
    Result<Contract> contract = parse_contract_line(line);
    if (!contract) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}:{}: {}", source, line_number, contract.error().message));
    }
    std::erase_if(into, [&](const Contract& known) { return known.site == contract->site; });
    into.push_back(std::move(*contract));
  }
  return {};
}

const Contract* find_contract(std::span<const Contract> contracts, std::string_view site) {
  const auto found = std::ranges::find(contracts, site, &Contract::site);
  return found == contracts.end() ? nullptr : &*found;
}

}  // namespace radixbench
