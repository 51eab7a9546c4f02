#pragma once

#include "commands.h"

namespace radixbench {

// report FORMAT INPUT: a gate's JSON, or a run, once more in another form. Judges nothing.
void add_report_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench
