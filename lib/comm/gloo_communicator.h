#pragma once

#include "comm/communicator.h"
#include "comm/gloo_context.h"
#include "comm/rendezvous.h"

#include <atomic>
#include <memory>

namespace radixbench {

// What a rank's groups have in common. Outlives them.
struct GlooRank {
  RendezvousClient* rendezvous = nullptr;
  Rank rank = 0;
  SiteNamer namer = nullptr;
  std::atomic<bool> is_interrupted = false;
  std::atomic<bool> has_broken_group = false;
};

// Of a group whose connections are made.
std::unique_ptr<Communicator> make_gloo_communicator(GlooRank& rank,
                                                     std::shared_ptr<GlooContext> context,
                                                     GroupSpec group);

}  // namespace radixbench
