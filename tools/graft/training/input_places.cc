// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/input_places.h"

#include <filesystem>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/data/table/table_paths.h"
#include "tools/graft/training/run_folder.h"
#include "tools/graft/usage_error.h"

namespace graft {
namespace {

namespace fs = std::filesystem;

// Without links and dots; empty if it cannot be known.
fs::path Resolve(const fs::path& path) {
  std::error_code error;
  fs::path resolved = fs::weakly_canonical(path, error);
  // "out/" and "out" are one folder.
  return resolved.has_filename() ? resolved : resolved.parent_path();
}

// Whether `path`, resolved, is the folder (if `whole`) or a file of a run in
// it.
bool IsReplaced(const fs::path& path, const fs::path& folder, bool whole) {
  const fs::path inside = path.lexically_relative(folder);
  if (inside.empty() || *inside.begin() == "..") return false;
  if (inside == ".") return whole;
  return IsRunFile(inside.begin()->string());
}

bool IsReplaced(const std::string& input, const fs::path& folder, bool whole) {
  // A link inside of the folder counts, and so does where it leads.
  const fs::path path = fs::path(input).lexically_normal();
  const fs::path named =
      Resolve(path.has_parent_path() ? path.parent_path() : fs::path("."));
  return IsReplaced(Resolve(path), folder, whole) ||
         (path.has_filename() &&
          IsReplaced(named / path.filename(), folder, whole));
}

}  // namespace

RunInputs InputsOf(const FinetuneOptions& options) {
  RunInputs inputs = {{"--model", options.model}};
  if (!options.teacher.empty())
    inputs.emplace_back("--teacher", options.teacher);
  for (const std::string& path : options.streams.front().paths)
    inputs.emplace_back("--train", path);
  for (const std::string& path : options.evaluations.front().paths)
    inputs.emplace_back("--dev", path);
  return inputs;
}

absl::Status CheckInputPlaces(const FinetuneOptions& options,
                              const RunInputs& inputs) {
  const fs::path folder = Resolve(options.output);
  if (folder.empty()) return absl::OkStatus();
  RunInputs all = inputs;
  if (!options.initial.empty()) all.emplace_back("--initial", options.initial);
  if (!options.adapter.empty()) all.emplace_back("--adapter", options.adapter);
  std::string reader;
  for (const auto& [option, input] : all) {
    if (IsStandardInput(input)) {
      if (!reader.empty())
        return UsageError(absl::StrCat(
            option, ": expects a file, got -, standard input, which ", reader,
            " reads"));
      reader = option;
    }
    const absl::StatusOr<std::vector<std::string>> paths =
        ExpandPaths(FileSystem::Posix(), {input});
    if (!paths.ok()) continue;
    for (const std::string& path : *paths)
      if (IsReplaced(path, folder, options.overwrite))
        return UsageError(absl::StrCat(
            option, ": expects an input that the run does not replace, got ",
            path, ", which --output ", options.output,
            options.overwrite ? " --overwrite" : "", " replaces"));
  }
  return absl::OkStatus();
}

}  // namespace graft
