#pragma once

#include "layout/layout.h"
#include "watch/contract.h"
#include "watch/recording.h"
#include "watch/verdict.h"

#include <cstdint>
#include <span>
#include <vector>

namespace radixbench {

struct DiagnoseOptions {
  std::vector<Contract> contracts;  // builtin_contracts() and the user's
  const Layout* layout = nullptr;   // none: no expected groups, no twins
  // Whoever arrives this much after the first is late, once nothing else is wrong.
  std::int64_t late_after_ns = 1'000'000'000;
  // What a group's timeout must not exceed; 0: not known.
  std::int64_t watchdog_ns = 0;
  // A look at ranks that still run: who is inside a call may be about to leave it, so only what
  // cannot be undone is a verdict.
  bool is_live = false;
};

// One diagnosis of two sources of the same job.
Diagnosis merge_diagnoses(Diagnosis rings, Diagnosis histories);

// Pure: the same recordings in any order give the same diagnosis. Calls are aligned by group,
// sequence number, site and key, never by record number and never by a clock across ranks.
Diagnosis diagnose(std::span<const Recording> recordings, const DiagnoseOptions& options);

}  // namespace radixbench
