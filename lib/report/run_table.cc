#include "report/run_table.h"

#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace radixbench {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kIndent = 2;
constexpr char kHeld = '\x1F';  // a blank at which no line breaks

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", with_separators(count), noun, count == 1 ? "" : "s");
}

// Words that stay on one line.
std::string held(std::string words) {
  std::replace(words.begin(), words.end(), ' ', kHeld);
  return words;
}

// Breaks at blanks; lines after the first are indented by `indent`.
std::string wrapped(std::string_view sentence, std::size_t indent) {
  std::string text;
  std::size_t column = indent;
  while (!sentence.empty()) {
    const std::size_t end = std::min(sentence.find(' '), sentence.size());
    if (column + end > kWidth && column > indent) {
      text.back() = '\n';
      text.append(indent, ' ');
      column = indent;
    }
    text += fmt::format("{} ", sentence.substr(0, end));
    column += end + 1;
    sentence.remove_prefix(std::min(end + 1, sentence.size()));
  }
  text.back() = '\n';
  std::replace(text.begin(), text.end(), kHeld, ' ');
  return text;
}

// label and text, as "  label        text that goes on".
std::string entry(std::string_view label, std::string_view sentence) {
  constexpr std::size_t kLabelWidth = 14;
  return fmt::format(
      "{:{}}{:<{}}{}", "", kIndent, label, kLabelWidth - kIndent, wrapped(sentence, kLabelWidth));
}

class RunTable {
 public:
  explicit RunTable(const RunReport& report)
      : report_{report},
        heading_{report.heading},
        summary_{report.summary},
        is_crowded_{report.summary.ranks + report.heading.ranks_missing > report.heading.cores} {}

  std::string text() {
    return heading() + requests() + tiers() + fates() + times() + sites() + last_ranks() +
           identities() + reading() + divergences() + files();
  }

 private:
  // Where ranks outnumber cores, tails tell of the machine.
  [[nodiscard]] std::string mark() const { return is_crowded_ ? "*" : ""; }

  [[nodiscard]] std::string heading() const {
    std::string text = wrapped(
        fmt::format("radixbench replay of {}, run {}", heading_.trace, heading_.run_id), kIndent);
    text += entry("layout",
                  fmt::format("{}: {} = attention TP {} x CP {} x replicas {} x stages {}",
                              heading_.layout,
                              plural(summary_.ranks, "rank"),
                              heading_.attn_tp,
                              heading_.attn_cp,
                              heading_.replicas,
                              heading_.stages));
    text += entry("protocol",
                  fmt::format("rules {}, agreement {}, prefetch policy {}",
                              heading_.rules,
                              heading_.agreement,
                              heading_.policy));
    text += entry("run",
                  fmt::format("transport {}, clock {}, page size {}, storage {}, output "
                              "blocks {}, {}",
                              heading_.transport,
                              heading_.clock,
                              heading_.page_size,
                              heading_.storage,
                              heading_.output_blocks,
                              held(fmt::format("seed {}", heading_.seed))));
    std::string others;
    for (const auto& [name, value] : heading_.options) {
      others += fmt::format("{}{} {}", others.empty() ? "" : ", ", name, value);
    }
    if (!others.empty()) text += entry("with", others);
    return text;
  }

  [[nodiscard]] std::string requests() const {
    const std::uint64_t ended =
        summary_.requests_served + summary_.requests_aborted + summary_.requests_rejected;
    std::string text =
        fmt::format("\nRequests: {} = {} served + {} aborted + {} rejected; {} generated\n",
                    with_separators(ended),
                    with_separators(summary_.requests_served),
                    with_separators(summary_.requests_aborted),
                    with_separators(summary_.requests_rejected),
                    plural(summary_.tokens.output, "token"));
    const TraceRows& rows = report_.rows;
    if (rows.skipped + rows.left > 0) {
      text += entry("trace",
                    fmt::format("{} read = {} replayed + {} malformed and skipped + {} "
                                "beyond --limit",
                                plural(rows.read, "row"),
                                with_separators(rows.replayed),
                                with_separators(rows.skipped),
                                with_separators(rows.left)));
    }
    return text;
  }

  [[nodiscard]] std::string tiers() const {
    const TierTokens& tokens = summary_.tokens;
    const auto row = [&](const char* name, std::uint64_t count) {
      return std::vector<std::string>{
          name, with_separators(count), share_text(count, tokens.input)};
    };
    TextTable table{{"input tokens by tier", "tokens", "of input"}};
    table.add(row("device", tokens.device));
    table.add(row("host", tokens.host));
    table.add(row("storage", tokens.storage));
    table.add(row("computed", tokens.computed));
    table.add(row("  of them the last token", tokens.last_token));
    table.add(row("  of them below a page", tokens.below_page));
    table.add(row("  of them load-back refused", tokens.load_back_refused));
    table.add(row("  of them prefetch cut", tokens.prefetch_cut));
    table.add(row("input", tokens.input));
    return "\n" + table.text(0);
  }

  [[nodiscard]] std::string fates() const {
    const PrefetchFates& fates = summary_.fates;
    const auto row = [&](const char* name, std::uint64_t count) {
      return std::vector<std::string>{
          name, with_separators(count), share_text(count, fates.requested)};
    };
    TextTable table{{"prefetched tokens by fate", "tokens", "of requested"}};
    table.add(row("inserted and used", fates.used));
    table.add(row("inserted, not used", fates.inserted - std::min(fates.used, fates.inserted)));
    table.add(row("brought, already there", fates.existing));
    table.add(row("cut: not on every rank in time", fates.cut));
    table.add(row("below the threshold", fates.below_threshold));
    table.add(row("not in storage", fates.not_in_storage));
    table.add(row("aborted", fates.aborted));
    table.add(row("no room on the host", fates.no_room));
    table.add(row("requested", fates.requested));
    return "\n" + table.text(0) +
           fmt::format("{} prefetches, {} of them moved pages\n",
                       with_separators(fates.prefetches),
                       with_separators(fates.prefetches_that_moved));
  }

  [[nodiscard]] std::vector<std::string> time_row(const char* name,
                                                  const Distribution& shown) const {
    const auto cell = [&](std::int64_t ns) {
      return shown.count == 0 ? std::string{"-"} : duration_text(static_cast<double>(ns));
    };
    return {name,
            cell(shown.p50),
            cell(shown.p95),
            cell(shown.p99),
            cell(shown.max),
            with_separators(shown.count)};
  }

  [[nodiscard]] std::string times() const {
    TextTable table{{"time", "p50", "p95" + mark(), "p99" + mark(), "max" + mark(), "of"}};
    table.add(time_row("agreement, a step of a rank", summary_.agreement_ns));
    table.add(time_row("wait for the last rank, an operation", summary_.wait_ns));
    table.add(time_row("wire, an operation", summary_.wire_ns));
    table.add(time_row("drain, a step of a rank", summary_.drain_ns));
    table.add(time_row("scheduler blocked, a step of a rank", summary_.blocked_ns));
    table.add(time_row(report_.clock.is_virtual ? "confirm delay, a prefetch (virtual time)"
                                                : "confirm delay, a prefetch",
                       summary_.confirm_ns));
    return "\n" + table.text(0);
  }

  [[nodiscard]] std::string sites() const {
    const auto a_step = [&](std::uint64_t count) {
      if (summary_.rank_steps == 0) return std::string{"-"};
      return ratio_text(static_cast<double>(count) / static_cast<double>(summary_.rank_steps));
    };
    TextTable table{{"site, all ranks",
                     "agreements",
                     "a step",
                     "wire ops",
                     "a step",
                     "wait p50",
                     "wire p50",
                     "wire p99" + mark()}};
    for (const SiteSummary& site : summary_.sites) {
      const auto time = [&](const Distribution& shown, std::int64_t ns) {
        return shown.count == 0 ? std::string{"-"} : duration_text(static_cast<double>(ns));
      };
      table.add({site.site.name,
                 site.site.is_control ? with_separators(site.agreements) : "-",
                 site.site.is_control ? a_step(site.agreements) : "-",
                 with_separators(site.wire_ops),
                 a_step(site.wire_ops),
                 time(site.wait_ns, site.wait_ns.p50),
                 time(site.wire_ns, site.wire_ns.p50),
                 time(site.wire_ns, site.wire_ns.p99)});
    }
    table.add({"scheduler, in all",
               with_separators(summary_.agreements),
               a_step(summary_.agreements),
               with_separators(summary_.wire_ops),
               a_step(summary_.wire_ops),
               "",
               "",
               ""});
    return fmt::format("\n{} a rank\n", plural(summary_.steps, "step")) + table.text(0);
  }

  [[nodiscard]] std::string last_ranks() const {
    std::uint64_t operations = 0;
    for (const std::uint64_t count : summary_.last_count) operations += count;
    if (operations == 0) return "";
    std::string shares;
    for (std::size_t rank = 0; rank < summary_.last_count.size(); ++rank) {
      const std::string share = share_text(summary_.last_count[rank], operations);
      shares += (rank == 0 ? "" : ", ") + held(fmt::format("rank {} {}", rank, share));
    }
    return "\n" +
           wrapped(
               fmt::format(
                   "last to arrive{}, of {}: {}", mark(), plural(operations, "operation"), shares),
               kIndent);
  }

  [[nodiscard]] std::string identities() const {
    std::string text = "\nIdentities\n";
    std::vector<IdentityCheck> all = summary_.identities;
    all.insert(all.end(), report_.more_identities.begin(), report_.more_identities.end());
    for (const IdentityCheck& identity : all) {
      const std::string verdict =
          identity.broken == 0
              ? fmt::format("holds ({} checked)", with_separators(identity.checked))
              : fmt::format("BROKEN {} of {} times, first for {}",
                            with_separators(identity.broken),
                            with_separators(identity.checked),
                            identity.example);
      text += fmt::format("{:{}}{}: {}\n", "", kIndent, identity.name, verdict);
    }
    for (const Divergence& divergence : report_.divergences) {
      text +=
          fmt::format("{:{}}digests of replica {}, ranks {}: {}\n",
                      "",
                      kIndent,
                      divergence.replica,
                      to_text(divergence.ranks),
                      divergence.first_differing_step
                          ? fmt::format("DIFFER from step {} on", *divergence.first_differing_step)
                          : fmt::format("equal on {}", plural(divergence.steps_compared, "step")));
    }
    return text;
  }

  [[nodiscard]] std::string reading() const {
    const std::uint32_t ranks = summary_.ranks + heading_.ranks_missing;
    std::string text = "\nReading it\n";
    const std::string crowd = fmt::format("{} on {}: {:.3g} a core",
                                          plural(ranks, "rank"),
                                          plural(heading_.cores, "core"),
                                          static_cast<double>(ranks) / heading_.cores);
    text += entry("cores",
                  is_crowded_ ? "* " + crowd +
                                    ". Ranks wait for a core as much as for one another: tails and "
                                    "last ranks (marked *) tell of the machine, not of the "
                                    "protocol, and no noisy metric may be gated. Exact counts are "
                                    "not touched."
                              : crowd + ". Every rank can run when it wants to.");
    text += entry("clock", clock());
    text += entry("times",
                  "nearest-rank percentiles. wait = last enter - own enter, wire = exit - "
                  "last enter, agreement = the sum of wire over a step's agreements.");
    if (summary_.operations_unjoined + summary_.confirm_missing > 0) {
      text += entry("missing",
                    fmt::format("{} and {} enter no time, since some rank's row is missing",
                                plural(summary_.operations_unjoined, "operation row"),
                                plural(summary_.confirm_missing, "confirm delay")));
    }
    if (heading_.ranks_missing > 0) {
      text += entry(
          "missing",
          fmt::format("the files of {} can't be read", plural(heading_.ranks_missing, "rank")));
    }
    // A virtual run waits for its recorder and drops nothing.
    if (summary_.rows_dropped > 0 || !report_.clock.is_virtual) {
      text += entry(
          "dropped",
          fmt::format("{} found the recorder's queue full", plural(summary_.rows_dropped, "row")));
    }
    return text;
  }

  [[nodiscard]] std::string clock() const {
    const auto run_ns = static_cast<double>(summary_.run_ns);
    const auto wall_ns = static_cast<double>(summary_.wall_ns);
    if (report_.clock.is_virtual) {
      const std::string factor =
          wall_ns > 0 ? fmt::format(" ({:.3g} times as fast)", run_ns / wall_ns) : "";
      return fmt::format(
          "{} of virtual time in {} of wall time{}; virtual time waits for the work, "
          "so it kept up",
          duration_text(run_ns),
          duration_text(wall_ns),
          factor);
    }
    const std::string span = fmt::format("{} of wall time", duration_text(run_ns));
    if (report_.clock.late_ns_max < 0) return span + "; whether it kept up was not recorded";
    if (report_.clock.late_steps == 0) return span + "; the run kept up with its clock";
    return fmt::format("{}; the run DID NOT KEEP UP with its clock: {} began late, by {} at most",
                       span,
                       plural(report_.clock.late_steps, "step"),
                       duration_text(static_cast<double>(report_.clock.late_ns_max)));
  }

  [[nodiscard]] std::string divergences() const {
    std::string text;
    for (const Divergence& divergence : report_.divergences) {
      const std::string sentence = to_sentence(divergence, report_.sites);
      if (!sentence.empty()) text += "\n" + wrapped("DIVERGED: " + sentence, kIndent);
    }
    return text;
  }

  [[nodiscard]] std::string files() const {
    return heading_.files.empty() ? "" : fmt::format("\nfiles: {}\n", heading_.files);
  }

  const RunReport& report_;
  const RunHeading& heading_;
  const RunSummary& summary_;
  bool is_crowded_;
};

}  // namespace

std::string run_table(const RunReport& report) { return RunTable{report}.text(); }

}  // namespace radixbench
