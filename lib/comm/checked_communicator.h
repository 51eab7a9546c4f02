#pragma once

#include "comm/communicator.h"

#include <memory>

namespace radixbench {

// Puts a second look before every collective of `inner`: its members first tell each other what
// they are about to call, and where site, kind, operator, element type, length or root differ,
// every one of them fails with kMismatch and both sides' call, instead of computing something or
// waiting for ever. Costs an all-gather a call; sends and receives are not looked at. A group whose
// calls differed is to be used no more.
std::unique_ptr<Communicator> check_calls(std::unique_ptr<Communicator> inner, SiteNamer namer);

// The same for every group that is opened through it. `inner` must outlive it.
std::unique_ptr<Fabric> check_calls(Fabric& inner, SiteNamer namer);

}  // namespace radixbench
