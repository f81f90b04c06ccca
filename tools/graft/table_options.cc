// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/table_options.h"

#include <cstdio>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/table_format.h"
#include "runtime/data/table/table_paths.h"
#include "tools/graft/usage_error.h"
#include "tools/option_checks.h"
#include "tools/same_file.h"

namespace graft {
namespace {

std::vector<std::string> FormatNames() {
  std::vector<std::string> names;
  for (const TableFormat* format : TableFormats())
    names.emplace_back(format->name);
  return names;
}

}  // namespace

CLI::Option* AddTableFiles(CLI::App& command, const std::string& name,
                           std::vector<std::string>& paths,
                           const std::string& description) {
  return command
      .add_option(name, paths,
                  absl::StrCat(description,
                               " (.tsv, .csv, .jsonl, also .gz and .zst; - is "
                               "standard input); may be repeated, and may be a "
                               "pattern such as 'part-*.tsv'"))
      ->type_name("FILE")
      ->allow_extra_args(false);
}

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
  command
      .add_option("--format", options.format,
                  "format of the tables: tsv, csv or jsonl (default: by the "
                  "end of their names)")
      ->check(OneOf(FormatNames()));
  command.add_flag("--skip-bad-rows", options.skip_bad_rows,
                   "skip and count rows that cannot be read instead of "
                   "stopping there");
  options.tell = [](const std::string& text) {
    std::fprintf(stderr, "graft: %s\n", text.c_str());
  };
}

void AddTrainedTableOptions(CLI::App& command, TableOptions& options) {
  options.text_column.clear();
  options.label_column.clear();
  AddTableOptions(command, options);
  AddFeaturesOption(command, options);
  for (const char* name :
       {"--text-column", "--pair-column", "--label-column", "--features"}) {
    CLI::Option* option = command.get_option(name);
    option->default_str("");
    option->description(absl::StrCat(option->get_description(),
                                     " (default: that of the training)"));
  }
}

void AddUnlabelledTableOptions(CLI::App& command, TableOptions& options) {
  AddTrainedTableOptions(command, options);
  command.remove_option(command.get_option("--label-column"));
}

absl::Status CheckNoTableOptions(const CLI::App& command,
                                 absl::string_view instead) {
  for (const char* name : {"--text-column", "--pair-column", "--features",
                           "--format", "--skip-bad-rows"})
    if (command.count(name) > 0)
      return UsageError(absl::StrCat(name, ": has no effect beside ", instead));
  return absl::OkStatus();
}

void AddMaxLengthOption(CLI::App& command, int64_t& max_length) {
  command
      .add_option("--max-length", max_length,
                  "maximum tokens per text (default: that of the training)")
      ->check(WholeNumber(1));
}

absl::Status CheckOutput(absl::string_view option, const std::string& output,
                         const std::string& artifact,
                         const std::vector<std::string>& data) {
  if (output.empty()) return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> inputs,
                         ExpandPaths(FileSystem::Posix(), data));
  inputs.push_back(artifact);
  return CheckNoInput(option, output, inputs);
}

void AddFeaturesOption(CLI::App& command, TableOptions& options) {
  command
      .add_option("--features", options.feature_columns,
                  "columns of numbers, such as x,y, in their order")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void AddWeightOption(CLI::App& command, TableOptions& options) {
  command.add_option("--weight-column", options.weight_column,
                     "column with the weight of each row, by which losses "
                     "count it");
}

}  // namespace graft
