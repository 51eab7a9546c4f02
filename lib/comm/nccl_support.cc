#include "comm/nccl_support.h"

#include "base/clock.h"
#include "comm/nccl_library.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <new>
#include <string_view>
#include <thread>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr auto kProbeWait = 60s;
constexpr auto kLook = 1ms;
constexpr std::size_t kGpusMax = 64;

template <std::size_t kSize>
void put(std::array<char, kSize>& text, std::string_view from) {
  const std::size_t count = std::min(from.size(), kSize - 1);
  std::copy_n(from.begin(), count, text.begin());
  text[count] = '\0';
}

// What the asking process leaves for the one that sent it.
struct Refusal {
  bool is_refused = false;
  ErrorCode code = ErrorCode::kUnsupported;
  std::array<char, 2048> message{};

  void set(const Error& error) {
    is_refused = true;
    code = error.code;
    put(message, error.message);
  }
  [[nodiscard]] tl::unexpected<Error> get() const { return fail(code, message.data()); }
};

struct Answers {
  struct Entry {
    std::array<char, 256> name{};
    std::size_t memory_bytes = 0;
    int capability_major = 0;
    int capability_minor = 0;
  };
  Refusal gpu_refusal;
  int driver_version = 0;
  std::size_t gpu_count = 0;
  std::array<Entry, kGpusMax> gpus{};
  Refusal nccl_refusal;
  std::array<char, 1024> nccl_path{};
  int nccl_version = 0;
};

void answer(Answers& answers) {
  if (const auto nccl = NcclLibrary::load()) {
    put(answers.nccl_path, (*nccl)->path);
    answers.nccl_version = (*nccl)->version;
  } else {
    answers.nccl_refusal.set(nccl.error());
  }
  const Result<GpuInventory> inventory = list_gpus();
  if (!inventory) return answers.gpu_refusal.set(inventory.error());
  answers.driver_version = inventory->driver_version;
  answers.gpu_count = std::min(inventory->gpus.size(), kGpusMax);
  for (std::size_t i = 0; i < answers.gpu_count; ++i) {
    const GpuInventory::Entry& gpu = inventory->gpus[i];
    put(answers.gpus[i].name, gpu.name);
    answers.gpus[i].memory_bytes = gpu.memory_bytes;
    answers.gpus[i].capability_major = gpu.capability_major;
    answers.gpus[i].capability_minor = gpu.capability_minor;
  }
}

GpuSupport read(const Answers& answers) {
  GpuSupport support;
  if (answers.gpu_refusal.is_refused) {
    support.gpus = answers.gpu_refusal.get();
  } else {
    support.gpus->driver_version = answers.driver_version;
    for (std::size_t i = 0; i < answers.gpu_count; ++i) {
      const Answers::Entry& gpu = answers.gpus[i];
      support.gpus->gpus.push_back({.name = gpu.name.data(),
                                    .memory_bytes = gpu.memory_bytes,
                                    .capability_major = gpu.capability_major,
                                    .capability_minor = gpu.capability_minor});
    }
  }
  if (answers.nccl_refusal.is_refused) {
    support.nccl = answers.nccl_refusal.get();
  } else {
    support.nccl = NcclFound{answers.nccl_path.data(), answers.nccl_version};
  }
  return support;
}

GpuSupport unasked(std::string_view why) {
  const Error error{ErrorCode::kUnsupported, "asking CUDA what there is: " + std::string{why}};
  return {.gpus = tl::unexpected(error), .nccl = tl::unexpected(error)};
}

// True if the child ended by itself and well within its time; it is gone either way.
bool await_child(pid_t child) {
  const Deadline deadline = deadline_after(kProbeWait);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (has_passed(deadline)) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return false;
    }
    std::this_thread::sleep_for(kLook);
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

GpuSupport probe_gpu_support() {
  void* const memory =
      mmap(nullptr, sizeof(Answers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return unasked("no shared memory");
  auto& answers = *new (memory) Answers;
  GpuSupport support = unasked("no process for it");
  if (const pid_t child = fork(); child == 0) {
    answer(answers);
    _exit(0);
  } else if (child > 0) {
    support = await_child(child) ? read(answers) : unasked("it ended badly, or not in a minute");
  }
  munmap(memory, sizeof(Answers));
  return support;
}

}  // namespace radixbench
