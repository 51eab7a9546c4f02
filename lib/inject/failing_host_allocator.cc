#include "inject/failing_host_allocator.h"

#include <utility>

namespace radixbench {
namespace {

class FailingHostAllocator final : public HostAllocator {
 public:
  FailingHostAllocator(std::unique_ptr<HostAllocator> inner, HostUse use, std::uint64_t nth)
      : inner_{std::move(inner)}, use_{use}, left_{nth} {}

  std::vector<PageId> allocate(HostUse use, std::size_t wanted, std::size_t least) override {
    if (use == use_ && left_ > 0 && --left_ == 0) return {};
    return inner_->allocate(use, wanted, least);
  }

 private:
  std::unique_ptr<HostAllocator> inner_;
  HostUse use_;
  std::uint64_t left_;
};

}  // namespace

std::unique_ptr<HostAllocator> make_failing_host_allocator(std::unique_ptr<HostAllocator> inner,
                                                           HostUse use,
                                                           std::uint64_t nth) {
  return std::make_unique<FailingHostAllocator>(std::move(inner), use, nth);
}

}  // namespace radixbench
