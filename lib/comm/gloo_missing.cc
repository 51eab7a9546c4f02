#include "comm/gloo_world.h"

namespace radixbench {
namespace {

constexpr std::string_view kReason =
    "this build has no gloo: libgloo-dev was not found when it was configured";

}  // namespace

std::optional<std::string> why_no_gloo() { return std::string{kReason}; }

std::optional<std::string> gloo_words(const std::exception_ptr&) { return std::nullopt; }

Result<std::unique_ptr<World>> make_gloo_world(Rank, const GlooOptions&) {
  return fail(ErrorCode::kUnsupported, std::string{kReason});
}

Result<SharedGlooWorld> host_gloo_world(Rank,
                                        const GlooOptions&,
                                        const std::string&,
                                        const RunSecret&) {
  return fail(ErrorCode::kUnsupported, std::string{kReason});
}

Result<std::unique_ptr<World>> visit_gloo_world(Rank,
                                                const RendezvousAddress&,
                                                const RunSecret&,
                                                bool) {
  return fail(ErrorCode::kUnsupported, std::string{kReason});
}

Result<std::unique_ptr<Fabric>> join_gloo_world(const GlooMembership&,
                                                const RunSecret&,
                                                SiteNamer,
                                                Deadline) {
  return fail(ErrorCode::kUnsupported, std::string{kReason});
}

}  // namespace radixbench
