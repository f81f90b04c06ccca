// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/table_options.h"

#include "CLI/App.hpp"

namespace graft {

void AddTableOptions(CLI::App& command, TableOptions& options) {
  command.add_option("--text-column", options.text_column)
      ->capture_default_str();
  command.add_option("--pair-column", options.pair_column,
                     "column of the second text, for pairs");
  command.add_option("--label-column", options.label_column)
      ->capture_default_str();
  command.add_flag("--strict", options.strict,
                   "refuse texts that are too long instead of truncating them");
}

void AddWeightOption(CLI::App& command, TableOptions& options) {
  command.add_option("--weight-column", options.weight_column,
                     "column with the weight of each row, by which losses "
                     "count it");
}

}  // namespace graft
