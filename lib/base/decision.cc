#include "base/decision.h"

namespace radixbench {

std::string_view to_string(Guard guard) {
  switch (guard) {
    case Guard::kNone: return "none";
    case Guard::kEnterWritingCheck: return "enter_writing_check";
    case Guard::kEnterLoadingCheck: return "enter_loading_check";
    case Guard::kEnterCanTerminate: return "enter_can_terminate";
    case Guard::kEnterResultSync: return "enter_result_sync";
    case Guard::kEnterAbortBarrier: return "enter_abort_barrier";
    case Guard::kExamineWaiting: return "examine_waiting";
    case Guard::kAdmit: return "admit";
    case Guard::kBackUp: return "back_up";
    case Guard::kStopRun: return "stop_run";
    case Guard::kFirstOther: break;
  }
  return "other";
}

}  // namespace radixbench
