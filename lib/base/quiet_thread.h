#pragma once

#include <functional>
#include <thread>

namespace radixbench {

// A thread that no signal of the process is delivered to, so that whoever waits for signals gets
// them.
std::thread start_quiet_thread(std::function<void()> body);

}  // namespace radixbench
