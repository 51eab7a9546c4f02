#pragma once

#include "base/result.h"
#include "comm/communicator.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Who must make a site's calls: every rank of its axes, once a step; every rank of its axes, for
// each key that one of them has; or whoever likes (then a call that others lack is one too many).
enum class ContractMembers : std::uint8_t { kEveryStep, kPerKey, kOptional };

// What a call site asks of the ranks, by name, so that users can say it of their own sites.
struct Contract {
  std::string site;
  std::string axes;  // "attn_cp x attention_tp", "tp", "world"; empty: not known
  ContractMembers members = ContractMembers::kOptional;
  std::string thread;    // the owner; empty: any
  std::string key_name;  // rid, node, ...: verdicts write rid:7
  std::optional<CallKind> kind;
  std::optional<ReduceOp> op;
  std::optional<std::int64_t> outcome;  // of decisions at the site, where only one is right
  bool creates_group = false;           // a rank that leaves it out never gets the group
};

// The sites of lib/layout.
std::vector<Contract> builtin_contracts();

// A contract file: a line a site, `#` begins a comment.
//   site NAME [axes=attn_cp*attention_tp] [members=every_step|per_key|optional] [thread=NAME]
//        [key=NAME] [kind=all_reduce|...] [op=min|max|sum] [outcome=N] [creates_group]
// kCorrupt naming `source` and line. A site of the same name in `into` is replaced.
Result<void> parse_contracts(std::string_view text,
                             std::string_view source,
                             std::vector<Contract>& into);
// One such line; for formats that have them among others.
Result<Contract> parse_contract_line(std::string_view line);

const Contract* find_contract(std::span<const Contract> contracts, std::string_view site);

}  // namespace radixbench
