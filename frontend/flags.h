// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The flags of an import and of a recipe, shared by the tools that take them.

#ifndef GRAFT_FRONTEND_FLAGS_H_
#define GRAFT_FRONTEND_FLAGS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontend/huggingface_import.h"
#include "frontend/recipes.h"

namespace graft {

// Text of --help for the flags of each function below, two columns wide.
extern const char kImportFlagsHelp[];
extern const char kRecipeFlagsHelp[];

// One argument of a command line: `--flag=value`, or `--flag` without value.
struct Flag {
  std::string name;  // "--labels"
  std::optional<std::string> value;
};
// Splits at the first '='.
Flag SplitFlag(const std::string& argument);

// Applies `flag` if it is one of the import; false if it is not.
// INVALID_ARGUMENT for a value that the flag cannot have: a usage error.
absl::StatusOr<bool> SetImportFlag(const Flag& flag, ImportOptions& options);

// The same for the flags of fine-tuning.
absl::StatusOr<bool> SetRecipeFlag(const Flag& flag, FineTuneRecipe& recipe);

}  // namespace graft

#endif  // GRAFT_FRONTEND_FLAGS_H_
