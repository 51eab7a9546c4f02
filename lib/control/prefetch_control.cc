#include "control/prefetch_control.h"

#include "base/check.h"
#include "base/range.h"

#include <algorithm>
#include <array>
#include <utility>

namespace radixbench {

PrefetchControl::PrefetchControl(ControlContext& context,
                                 const PrefetchControlOptions& options,
                                 PrefetchPipeline& pipeline,
                                 StorageIndex& storage)
    : context_{context}, options_{options}, pipeline_{pipeline}, storage_{storage} {}

void PrefetchControl::start(RequestId request, const Key& key) {
  const Match match = context_.tree.match(key);
  const auto key_pages = static_cast<std::uint32_t>(key.tokens.size() / context_.page_tokens);
  const std::uint32_t pages = key_pages - match.device_pages - match.host_pages;
  const std::uint64_t tokens = std::uint64_t{pages} * context_.page_tokens;
  if (tokens == 0 || tokens < context_.rules.prefetch_threshold_tokens) {
    ++context_.counts.prefetches_too_short;
    return;
  }
  if (occupied_tokens_ >= options_.capacity_tokens) {
    ++context_.counts.prefetches_rate_limited;
    return;
  }
  // Pages can only hang on a node that the host holds. Which nodes it holds depends on whether this
  // rank found room for their backup, so the repaired rules let a rank without take part with
  // nothing.
  const bool has_anchor =
      match.best_node == kRootNode || context_.tree.view(match.best_node).is_on_host;
  if (!has_anchor) ++context_.counts.prefetches_without_anchor;
  if (has_anchor || context_.rules.contributes_neutral) {
    launch(request, key, match, has_anchor, pages);
  }
}

void PrefetchControl::launch(
    RequestId request, const Key& key, const Match& match, bool has_anchor, std::uint32_t pages) {
  const NodeId host_locked = context_.tree.host_lock(match.best_node);
  const std::uint32_t page_tokens = context_.page_tokens;
  const std::uint32_t least =
      (std::max(context_.rules.prefetch_threshold_tokens, page_tokens) + page_tokens - 1) /
      page_tokens;
  std::vector<PageId> host_pages;
  if (has_anchor) {
    host_pages =
        context_.host_allocator.allocate(HostUse::kPrefetch, pages, std::min(least, pages));
  }
  const bool has_room = !host_pages.empty();
  if (!has_room) {
    ++context_.counts.prefetches_without_room;
    // J: this rank alone goes on without a prefetch that its peers are about to vote on.
    if (!context_.rules.contributes_neutral) return context_.tree.host_unlock(host_locked);
  }
  const std::uint32_t from_page = match.device_pages + match.host_pages;
  const std::uint32_t asked = has_room ? static_cast<std::uint32_t>(host_pages.size()) : pages;
  Running running;
  running.anchor = match.best_node;
  running.host_locked = host_locked;
  running.name_space = key.name_space;
  running.from_page = from_page;
  if (context_.tree.stores_hashes()) {
    const auto hashes = key.hashes.subspan(from_page, asked);
    running.hashes.assign(hashes.begin(), hashes.end());
  }
  const auto asked_tokens =
      key.tokens.subspan(std::size_t{from_page} * page_tokens, std::size_t{asked} * page_tokens);
  running.tokens.assign(asked_tokens.begin(), asked_tokens.end());

  auto op = std::make_shared<PrefetchOp>();
  op->request = request;
  op->started_step = context_.step;
  op->started_ns = context_.now_ns;
  const auto storage_hashes = key.storage_hashes.subspan(from_page, asked);
  op->hashes.assign(storage_hashes.begin(), storage_hashes.end());
  op->host_pages = std::move(host_pages);
  op->backups_needed = storage_.backups().mark(context_.now_ns);
  op->agreed_at_ns = agreed_at_ns(request, asked);
  op->page_ns = std::max<std::int64_t>(1, context_.latency.page_read_ns(context_.rank, request));
  op->read_start_ns = context_.latency.page_read_start_ns();

  running.report.request = request;
  running.report.started_step = context_.step;
  running.report.started_ns = context_.now_ns;
  running.report.requested = pages * page_tokens;
  running.report.no_room = has_room ? (pages - asked) * page_tokens : pages * page_tokens;
  running.op = op;
  // Counted alike with and without room, so that the rate limit stays equal on all ranks.
  occupied_tokens_ += std::uint64_t{asked} * page_tokens;
  ++context_.counts.prefetches;
  running_.emplace(request, std::move(running));
  pipeline_.start(std::move(op));
}

// The prefetch thread takes one op at a time and can't go on before every rank has answered, so the
// slowest rank's query decides for all. Every rank works this out for every rank.
std::int64_t PrefetchControl::agreed_at_ns(RequestId request, std::size_t pages) {
  const std::int64_t begin_ns = std::max(context_.now_ns, last_agreed_ns_);
  std::int64_t longest_ns = 0;
  for (const Rank rank : options_.replica) {
    longest_ns = std::max(longest_ns, context_.latency.hit_query_ns(rank, request, pages));
  }
  last_agreed_ns_ = begin_ns + longest_ns;
  return last_agreed_ns_;
}

Result<bool> PrefetchControl::check_progress(RequestId request) {
  const auto found = running_.find(request);
  context_.note(Guard::kEnterCanTerminate,
                Site::kCanTerminatePrefetch,
                request,
                found != running_.end(),
                {running_.size()});
  if (found == running_.end()) return true;
  Running& running = found->second;
  Result<bool> may_stop = can_terminate(request, running);
  if (!may_stop || !*may_stop) return may_stop;
  ++answered_count_;
  Result<std::uint32_t> completed = pipeline_.terminate(*running.op, context_.now_ns);
  if (!completed) return tl::unexpected(completed.error());
  const Result<std::uint32_t> agreed = agree_on_completed(request, *completed);
  if (!agreed) return tl::unexpected(agreed.error());
  apply(running, *agreed, *completed);
  finish(request, running);
  ++context_.counts.prefetches_answered;
  return true;
}

Result<bool> PrefetchControl::can_terminate(RequestId request, Running& running) {
  if (options_.policy == PrefetchPolicy::kBestEffort) return true;
  ++examined_count_;
  PrefetchOp& op = *running.op;
  const Result<std::uint32_t> completed = pipeline_.completed_pages(op, context_.now_ns);
  if (!completed) return tl::unexpected(completed.error());
  const bool has_room = !op.host_pages.empty();
  const std::uint32_t wanted = PrefetchPipeline::agreed_pages(op, context_.now_ns);
  const bool is_complete = wanted > 0 && *completed == wanted;
  const bool may_stop =
      is_complete || (options_.policy == PrefetchPolicy::kTimeout && is_over_limit(op));
  const bool is_terminated = op.is_terminated || op.is_broken;
  // [not ready, terminated]; a rank without room takes no side.
  std::array<std::int32_t, 2> votes = {has_room && !may_stop ? 1 : 0,
                                       has_room && is_terminated ? 1 : 0};
  if (Result<void> agreed =
          context_.agreement.reduce(Site::kCanTerminatePrefetch, request, votes, ReduceOp::kMax);
      !agreed) {
    return tl::unexpected(agreed.error());
  }
  return votes[0] == 0 || votes[1] == 1;
}

bool PrefetchControl::is_over_limit(const PrefetchOp& op) const {
  const std::int64_t pages = PrefetchPipeline::agreed_pages(op, context_.now_ns);
  const std::int64_t limit_ns =
      context_.rules.prefetch_timeout_base_ns +
      pages * context_.page_tokens * context_.rules.prefetch_timeout_per_ki_token_ns / 1024;
  return context_.latency.local_now_ns(context_.rank, context_.now_ns) - op.started_ns > limit_ns;
}

Result<std::uint32_t> PrefetchControl::agree_on_completed(RequestId request,
                                                          std::uint32_t completed_pages) {
  const bool enters = context_.rules.syncs_results_always || context_.agreement.tp_cache_size() > 1;
  context_.note(Guard::kEnterResultSync,
                Site::kCheckPrefetchProgress,
                request,
                enters,
                {context_.agreement.tp_cache_size()});
  if (!enters) return completed_pages;
  std::array<std::int32_t, 1> tokens = {
      static_cast<std::int32_t>(completed_pages * context_.page_tokens)};
  if (Result<void> agreed =
          context_.agreement.reduce(Site::kCheckPrefetchProgress, request, tokens, ReduceOp::kMin);
      !agreed) {
    return tl::unexpected(agreed.error());
  }
  const std::uint32_t pages =
      static_cast<std::uint32_t>(std::max(0, tokens[0])) / context_.page_tokens;
  return std::min(pages, completed_pages);
}

void PrefetchControl::apply(Running& running,
                            std::uint32_t agreed_pages,
                            std::uint32_t completed_pages) {
  PrefetchOp& op = *running.op;
  const std::uint32_t page_tokens = context_.page_tokens;
  const auto pages_of = [&](std::uint32_t begin, std::uint32_t end) {
    return std::vector<PageId>{op.host_pages.begin() + begin, op.host_pages.begin() + end};
  };
  std::uint32_t existing = 0;
  if (agreed_pages > 0) {
    const Key key{
        .name_space = running.name_space,
        .tokens = std::span{running.tokens}.first(std::size_t{agreed_pages} * page_tokens),
        .hashes = std::span{running.hashes}.first(running.hashes.empty() ? 0 : agreed_pages),
        .storage_hashes = std::span{op.hashes}.first(agreed_pages)};
    const std::vector<PageId> host_pages = pages_of(0, agreed_pages);
    existing = context_.tree.insert_host(running.anchor, key, host_pages).existing_pages;
    context_.host.give_back(std::span{host_pages}.first(existing));
  }
  if (completed_pages > agreed_pages) {
    pipeline_.release(context_.now_ns, pages_of(agreed_pages, completed_pages));
  }
  PrefetchReport& report = running.report;
  const std::uint32_t hits = PrefetchPipeline::agreed_pages(op, context_.now_ns);
  const bool is_hit_known = op.agreed_at_ns <= context_.now_ns;
  const std::uint32_t asked = report.requested - report.no_room;
  report.not_in_storage = is_hit_known ? asked - std::min(asked, hits * page_tokens) : 0;
  report.existing = existing * page_tokens;
  report.inserted = (agreed_pages - existing) * page_tokens;
  report.cut = asked - report.not_in_storage - report.existing - report.inserted;
  report.inserted_from = (running.from_page + existing) * page_tokens;
  report.own_completed = completed_pages * page_tokens;
  if (agreed_pages > 0) report.last_page_ns = op.io_begin_ns + agreed_pages * op.page_ns;
  context_.counts.pages_prefetched += agreed_pages - existing;
}

void PrefetchControl::finish(RequestId request, Running& running) {
  running.report.applied_step = context_.step;
  running.report.applied_ns = context_.now_ns;
  context_.tree.host_unlock(running.host_locked);
  occupied_tokens_ -= std::min<std::uint64_t>(occupied_tokens_, running.tokens.size());
  reports_.push_back(running.report);
  running_.erase(request);
}

Result<void> PrefetchControl::release_aborted(RequestId request) {
  const auto found = running_.find(request);
  context_.note(Guard::kEnterAbortBarrier,
                Site::kReleaseAbortedRequest,
                request,
                found != running_.end(),
                {running_.size()});
  if (found == running_.end()) return {};
  Running& running = found->second;
  Result<std::uint32_t> completed = pipeline_.terminate(*running.op, context_.now_ns);
  if (!completed) return tl::unexpected(completed.error());
  // Nobody may give pages back while a peer could still apply the same prefetch.
  if (Result<void> met = context_.agreement.barrier(Site::kReleaseAbortedRequest, request); !met) {
    return met;
  }
  const auto& pages = running.op->host_pages;
  if (*completed > 0) {
    pipeline_.release(context_.now_ns, {pages.begin(), pages.begin() + *completed});
  }
  running.report.aborted = running.report.requested - running.report.no_room;
  running.report.own_completed = *completed * context_.page_tokens;
  ++context_.counts.prefetches_aborted;
  finish(request, running);
  return {};
}

Result<void> PrefetchControl::drain(WriteThrough& write_through) {
  const Range range{"drain"};
  const Result<std::size_t> stored = write_through.stored_count();
  if (!stored) return tl::unexpected(stored.error());
  const std::size_t revoked = pipeline_.revoked_count(context_.now_ns);
  const std::size_t released = pipeline_.released_count(context_.now_ns);
  std::array<std::int32_t, 3> sizes = {static_cast<std::int32_t>(revoked),
                                       static_cast<std::int32_t>(*stored),
                                       static_cast<std::int32_t>(released)};
  if (Result<void> agreed =
          context_.agreement.reduce(Site::kDrainStorageControlQueues, 0, sizes, ReduceOp::kMin);
      !agreed) {
    return agreed;
  }
  // Wrongly paired calls can say anything; J stops early at an empty queue.
  const auto taken = [](std::int32_t agreed, std::size_t own) {
    return std::min(static_cast<std::size_t>(std::max(0, agreed)), own);
  };
  for (std::size_t i = taken(sizes[0], revoked); i > 0; --i) revoke(pipeline_.pop_revoked());
  write_through.pop_stored(taken(sizes[1], *stored));
  std::vector<PageId> pages = pipeline_.pop_released(taken(sizes[2], released));
  std::erase(pages, kNoPage);
  context_.host.give_back(pages);
  context_.counts.pages_released += pages.size();
  return {};
}

void PrefetchControl::revoke(RequestId request) {
  const auto found = running_.find(request);
  if (found == running_.end()) return;  // answered or aborted before: the pages went back anyway
  Running& running = found->second;
  PrefetchReport& report = running.report;
  const std::uint32_t asked = report.requested - report.no_room;
  report.below_threshold =
      std::min(asked, running.op->agreed_hit_pages.load() * context_.page_tokens);
  report.not_in_storage = asked - report.below_threshold;
  ++context_.counts.prefetches_revoked;
  finish(request, running);
}

std::vector<PrefetchReport> PrefetchControl::take_reports() { return std::exchange(reports_, {}); }

}  // namespace radixbench
