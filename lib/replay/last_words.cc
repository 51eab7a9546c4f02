#include "replay/last_words.h"

#include "base/check.h"
#include "base/clock.h"
#include "comm/gloo_world.h"

#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <string>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// For the recorder's thread to write out what it has, on a machine with more ranks than cores.
constexpr auto kSaveWait = 500ms;

// As with a failed check, there is no caller to hand these in. Who ends the process keeps the
// mutex, so that nobody takes away what it uses.
struct Listeners {
  std::mutex mutex;
  RankStatusSink* status = nullptr;
  Recorder* recorder = nullptr;
  std::terminate_handler before = nullptr;
};

Listeners& listeners() {
  static Listeners the_listeners;
  return the_listeners;
}

void end_process() {
  Listeners& told = listeners();
  told.mutex.lock();
  const std::optional<std::string> words = gloo_words(std::current_exception());
  if (words && told.status != nullptr) told.status->ended_by_library(*words);
  if (words && told.recorder != nullptr) told.recorder->save(deadline_after(kSaveWait));
  told.before();  // which aborts
}

}  // namespace

LastWords::LastWords(RankStatusSink& status) {
  Listeners& told = listeners();
  const std::lock_guard lock{told.mutex};
  RADIXBENCH_CHECK(told.status == nullptr);
  told.status = &status;
  told.before = std::set_terminate(end_process);
}

LastWords::~LastWords() {
  Listeners& told = listeners();
  const std::lock_guard lock{told.mutex};
  std::set_terminate(told.before);
  told.status = nullptr;
}

void LastWords::keep(Recorder* recorder) {
  Listeners& told = listeners();
  const std::lock_guard lock{told.mutex};
  told.recorder = recorder;
}

}  // namespace radixbench
