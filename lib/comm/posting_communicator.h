#pragma once

#include "comm/communicator.h"

#include <memory>

namespace radixbench {

// Gives `inner`, whose library only blocks, the non-blocking forms: a posted call runs on a thread
// of the wrapper's own, which is started by the first post(). `inner` is then called from that
// thread and the owner's in turn, never at once.
std::unique_ptr<Communicator> make_posting_communicator(std::unique_ptr<Communicator> inner);

}  // namespace radixbench
