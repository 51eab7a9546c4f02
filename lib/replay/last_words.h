#pragma once

#include "record/recorder.h"
#include "replay/rank_status.h"

namespace radixbench {

// For a rank whose library may end its process from a thread of the library's own, where nobody can
// catch what it throws. While this lives, such an end (std::terminate with one of gloo's
// exceptions) first tells `status` why and has the recorder write out what it has, and then aborts.
// What a thread of the rank was inside of stays an open call in its ring. Any other end by
// std::terminate is as it was. One at a time in a process; it must be made before the library has a
// thread and outlive that.
class LastWords {
 public:
  explicit LastWords(RankStatusSink& status);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

  // Whose rows are to be kept; null once it is about to close.
  void keep(Recorder* recorder);
};

}  // namespace radixbench
