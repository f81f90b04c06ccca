// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/table_options.h"

#include "CLI/App.hpp"
#include "absl/strings/str_cat.h"
#include "tools/option_checks.h"

namespace graft {

void AddTableOptions(CLI::App& command, TableOptions& options) {
  command.add_option("--text-column", options.text_column, "column of texts")
      ->capture_default_str();
  command.add_option("--pair-column", options.pair_column,
                     "column of the second text, for pairs");
  command
      .add_option("--label-column", options.label_column, "column of labels")
      ->capture_default_str();
  command.add_flag("--strict", options.strict,
                   "refuse texts that are too long instead of truncating them");
}

void AddTrainedTableOptions(CLI::App& command, TableOptions& options) {
  options.text_column.clear();
  options.label_column.clear();
  AddTableOptions(command, options);
  for (const char* name :
       {"--text-column", "--pair-column", "--label-column"}) {
    CLI::Option* option = command.get_option(name);
    option->default_str("");
    option->description(absl::StrCat(option->get_description(),
                                     " (default: that of the training)"));
  }
}

void AddMaxLengthOption(CLI::App& command, int64_t& max_length) {
  command
      .add_option("--max-length", max_length,
                  "maximum tokens per text (default: that of the training)")
      ->check(WholeNumber(1));
}

void AddWeightOption(CLI::App& command, TableOptions& options) {
  command.add_option("--weight-column", options.weight_column,
                     "column with the weight of each row, by which losses "
                     "count it");
}

}  // namespace graft
