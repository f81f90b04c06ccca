// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Reads a Hugging Face checkpoint directory and writes the model as readable
// MLIR, with the strategy of a recipe if asked for. Exit codes: 0 done, 1
// failed, 2 wrong usage.

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "frontend/flags.h"
#include "frontend/graph_builder.h"
#include "frontend/huggingface_import.h"
#include "frontend/recipes.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/MLIRContext.h"
#include "runtime/base/status_macros.h"

namespace {

constexpr char kHelp[] =
    R"(usage: graft-import DIRECTORY [options]

Reads a Hugging Face checkpoint directory (config.json, model.safetensors,
tokenizer.json or vocab.txt) and writes the model as readable MLIR. The weights
stay where they are.

  -o FILE             where to write the model (standard output: -)
)";

constexpr char kHelpRecipe[] =
    R"(  --help              this text

A recipe adds the strategy that adapts the model:

  --recipe=finetune   all of the following are its settings
)";

constexpr char kHelpExample[] = R"(
Example, a model that will be fine-tuned on 26 classes:
  graft-import all-MiniLM-L6-v2 --labels=26 --recipe=finetune -o model.mlir
)";

struct Arguments {
  std::string directory;
  std::string output = "-";
  graft::ImportOptions options;
  bool finetune = false;
  graft::FineTuneRecipe recipe;
  std::string recipe_flag;  // the last one seen
  bool help = false;
};

// One argument that is not `-o FILE`.
absl::Status ParseOne(const std::string& argument, Arguments& result) {
  if (argument.empty() || argument[0] != '-') {
    if (!result.directory.empty() || argument.empty())
      return absl::InvalidArgumentError(
          absl::StrCat("expects one directory, got \"", result.directory,
                       "\" and \"", argument, "\""));
    result.directory = argument;
    return absl::OkStatus();
  }
  const graft::Flag flag = graft::SplitFlag(argument);
  if (argument == "--help" || argument == "-h") {
    result.help = true;
    return absl::OkStatus();
  }
  if (flag.name == "--recipe") {
    if (flag.value != "finetune")
      return absl::InvalidArgumentError(absl::StrCat(
          "--recipe expects finetune, got \"", flag.value.value_or(""), "\""));
    result.finetune = true;
    return absl::OkStatus();
  }
  GRAFT_ASSIGN_OR_RETURN(bool known,
                         graft::SetImportFlag(flag, result.options));
  if (known) return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(known, graft::SetRecipeFlag(flag, result.recipe));
  if (!known)
    return absl::InvalidArgumentError(
        absl::StrCat("expects one of the options of --help, got ", flag.name));
  result.recipe_flag = flag.name;
  return absl::OkStatus();
}

absl::StatusOr<Arguments> Parse(int argc, char** argv) {
  Arguments result;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument != "-o") {
      GRAFT_RETURN_IF_ERROR(ParseOne(argument, result));
      continue;
    }
    if (++i == argc)
      return absl::InvalidArgumentError("-o expects a file, got none");
    result.output = argv[i];
  }
  if (result.help) return result;
  if (result.directory.empty())
    return absl::InvalidArgumentError("expects a directory, got none");
  if (!result.recipe_flag.empty() && !result.finetune)
    return absl::InvalidArgumentError(absl::StrCat(
        result.recipe_flag, " expects --recipe=finetune beside it, got none"));
  result.recipe.model = result.options.name;
  return result;
}

absl::Status Write(const Arguments& arguments, mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  graft::printModel(module, stream);
  if (arguments.output != "-") {
    return graft::WriteFile(graft::FileSystem::Posix(), arguments.output, text);
  }
  llvm::outs() << text;
  llvm::outs().flush();
  if (!llvm::outs().has_error()) return absl::OkStatus();
  const std::string message = llvm::outs().error().message();
  llvm::outs().clear_error();
  return absl::DataLossError(
      absl::StrCat("standard output: cannot write: ", message));
}

absl::Status Run(const Arguments& arguments) {
  mlir::MLIRContext context;
  GRAFT_ASSIGN_OR_RETURN(
      const graft::ImportedModel model,
      graft::importHuggingFace(&context, graft::FileSystem::Posix(),
                               arguments.directory, arguments.options));
  if (arguments.finetune) {
    GRAFT_RETURN_IF_ERROR(
        graft::addFineTuneStrategy(model.module.get(), arguments.recipe));
  }
  GRAFT_RETURN_IF_ERROR(Write(arguments, model.module.get()));
  if (!model.initialised.empty())
    std::fprintf(stderr, "graft-import: initialised %s\n",
                 absl::StrJoin(model.initialised, ", ").c_str());
  if (!model.skipped.empty())
    std::fprintf(stderr, "graft-import: skipped %s\n",
                 absl::StrJoin(model.skipped, ", ").c_str());
  return absl::OkStatus();
}

int Fail(int code, const absl::Status& status) {
  std::fprintf(stderr, "graft-import: %s\n",
               std::string(status.message()).c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const absl::StatusOr<Arguments> arguments = Parse(argc, argv);
  if (!arguments.ok()) return Fail(2, arguments.status());
  if (arguments->help) {
    std::printf("%s%s%s%s%s", kHelp, graft::kImportFlagsHelp, kHelpRecipe,
                graft::kRecipeFlagsHelp, kHelpExample);
    return 0;
  }
  const absl::Status status = Run(*arguments);
  return status.ok() ? 0 : Fail(1, status);
}
