#include "source_revision.h"

#include "git_revision.h"

namespace radixbench {

NamedValues source_revision() {
  return {{"git_sha", RADIXBENCH_GIT_SHA},
          {"git_describe", RADIXBENCH_GIT_DESCRIBE},
          {"git_dirty", RADIXBENCH_GIT_DIRTY}};
}

}  // namespace radixbench
