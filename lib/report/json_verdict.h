#pragma once

#include "watch/verdict.h"

#include <string>

namespace radixbench {

// docs/formats/verdict.schema.json: the fields of the first verdict, then all verdicts, warnings
// and waits. Texts that a verdict does not have are left out.
std::string diagnosis_json(const Diagnosis& diagnosis);

}  // namespace radixbench
