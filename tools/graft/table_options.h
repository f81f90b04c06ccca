// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Options of commands that read tables.

#ifndef GRAFT_TOOLS_GRAFT_TABLE_OPTIONS_H_
#define GRAFT_TOOLS_GRAFT_TABLE_OPTIONS_H_

#include <string>
#include <vector>

#include "runtime/data/example_table.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace graft {

// Adds an option that takes the file of a table, or several, by paths and
// patterns. As below.
CLI::Option* AddTableFiles(CLI::App& command, const std::string& name,
                           std::vector<std::string>& paths,
                           const std::string& description);
// Adds --text-column and the others; advice about tables goes to standard
// error. `options` must outlive the parsing.
void AddTableOptions(CLI::App& command, TableOptions& options);
// The same for commands of trained models, where a column that is not named
// stays empty: it is that of the training.
void AddTrainedTableOptions(CLI::App& command, TableOptions& options);
// The same for tables whose labels are not read: without --label-column.
void AddUnlabelledTableOptions(CLI::App& command, TableOptions& options);
// A usage error for the first option of a table that is given to `command`,
// which has another input, that of the option `instead`.
absl::Status CheckNoTableOptions(const CLI::App& command,
                                 absl::string_view instead);
// Adds --max-length of those commands; 0 is that of the training.
void AddMaxLengthOption(CLI::App& command, int64_t& max_length);
// INVALID_ARGUMENT: `output`, the value of `option`, is the artifact or one of
// the tables `data`, which may be patterns; errors of ExpandPaths. An empty
// output is nothing.
absl::Status CheckOutput(absl::string_view option, const std::string& output,
                         const std::string& artifact,
                         const std::vector<std::string>& data);
// Adds --features: the columns of a row of numbers.
void AddFeaturesOption(CLI::App& command, TableOptions& options);
// Adds --weight-column, for commands that train. As above.
void AddWeightOption(CLI::App& command, TableOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TABLE_OPTIONS_H_
