#include "record/recorder.h"

namespace radixbench {

std::string_view to_string(RankStatus status) {
  switch (status) {
    case RankStatus::kRunning: return "running";
    case RankStatus::kComplete: return "complete";
    case RankStatus::kAborted: return "aborted";
    case RankStatus::kRecovered: return "recovered";
  }
  return "unknown";
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kConsensus: return "consensus";
    case Phase::kDrain: return "drain";
    case Phase::kNeighbour: return "neighbour";
    case Phase::kPrefetch: return "prefetch";
  }
  return "unknown";
}

}  // namespace radixbench
