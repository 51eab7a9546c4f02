#include "report/visibility_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace radixbench {
namespace {

using Row = std::array<std::string_view, 6>;

constexpr std::array<Row, 20> kRows = {
    {{{"class", "ring", "nccl", "no stacks", "gloo", "only active"}},
     {{"wrong_group/too_large", "yes", "yes", "yes", "yes", "open"}},
     {{"wrong_group/too_small", "yes", "no", "no", "no", "no"}},
     {{"wrong_group/other", "yes", "yes", "yes", "yes", "open"}},
     {{"skipped_call, extra_call", "yes", "yes", "sizes", "yes", "open"}},
     {{"call_count", "yes", "yes", "sizes", "yes", "open"}},
     {{"order_inversion", "yes", "yes", "sizes", "yes", "open"}},
     {{"mismatch/kind, /shape, /dtype", "yes", "yes", "guess", "yes", "open"}},
     {{"mismatch/reduce_op, /root", "yes", "no", "no", "no", "no"}},
     {{"decision_divergence", "yes", "no", "no", "no", "no"}},
     {{"rank_died", "yes", "guess", "guess", "guess", "guess"}},
     {{"thread_died, thread_race", "yes", "no", "no", "no", "no"}},
     {{"late/host", "yes", "yes", "yes", "guess", "yes"}},
     {{"late/device", "no", "yes", "yes", "no", "yes"}},
     {{"stalled_unrecorded", "yes", "guess", "guess", "guess", "no"}},
     {{"group_create/membership", "yes", "yes", "yes", "no", "yes"}},
     {{"group_create/order, /count, /name", "yes", "no", "no", "no", "no"}},
     {{"group_not_initialised", "yes", "no", "no", "no", "no"}},
     {{"timeout_misconfigured", "yes", "no", "no", "no", "no"}},
     {{"transport", "yes", "yes", "yes", "no", "yes"}}}};

constexpr std::string_view kLegend = R"(
ring         the recorder of this tool and of radixwatch
nccl         a dump of PyTorch's flight recorder over nccl and its kin, with stacks
no stacks    the same without stacks, its JSON form for one
gloo         a dump over gloo
only active  a dump of unfinished calls alone

yes    shown, as far as the calls before it are still there
guess  likely at best: an absent dump may be of a rank that lives; the next call is guessed
sizes  where calls differ in kind, element type or size; calls alike in all can't be told apart
open   where the call is still open; what was over is not in the file
no     never claimed, and never said to be absent

PyTorch's dumps hold no results, no reduce operator, no root, no decision and no creation of a
group. A communicator is created at a group's first call before anything is recorded: a rank that
is stuck there is stalled_unrecorded. Members of groups are not in gloo's dumps: a layout gives
them, else they are inferred from who used them. Sends and receives are in dumps over nccl alone,
and pair by count where nothing was overwritten, else by what is open. A dump that went round its
ring shows no first difference older than itself.
)";

}  // namespace

std::string visibility_table() {
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : kRows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : kRows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text.append(kLegend);
}

}  // namespace radixbench
