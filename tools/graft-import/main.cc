// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Reads a Hugging Face checkpoint directory and writes the model as readable
// MLIR. Exit codes: 0 done, 1 failed, 2 wrong usage.

#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "frontend/graph_builder.h"
#include "frontend/huggingface_import.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/MLIRContext.h"

namespace {

constexpr char kHelp[] =
    R"(usage: graft-import DIRECTORY [options]

Reads a Hugging Face checkpoint directory (config.json, model.safetensors,
tokenizer.json or vocab.txt) and writes the model as readable MLIR. The weights
stay where they are.

  -o FILE             where to write the model (standard output: -)
  --labels=N          a classifier of N labels; 1 is a regression
                      (the checkpoint's, or none)
  --label-names=A,B   their names, which also say how many they are
  --new-head          make a new classifier although the checkpoint has one
  --pooler=SOURCE     what a classifier reads: the checkpoint's pooler
                      (checkpoint), a new pooler (new), or the first token as
                      it is (none)
  --dropout=RATE      rate of every dropout (the checkpoint's); 0 for none
  --tokens=N          most tokens of a batch (8192)
  --sequences=N       most sequences of a batch (512)
  --name=NAME         symbol of the model (model)
  --help              this text

Example, a model that will be fine-tuned on 26 classes:
  graft-import all-MiniLM-L6-v2 --labels=26 -o model.mlir
)";

struct Arguments {
  std::string directory;
  std::string output = "-";
  graft::ImportOptions options;
  bool help = false;
};

// A value of `--flag=VALUE` or `--flag VALUE`; the usage errors begin with it.
class CommandLine {
 public:
  CommandLine(int argc, char** argv) : argv_(argv + 1, argv + argc) {}

  absl::StatusOr<Arguments> Parse() {
    Arguments result;
    while (next_ < argv_.size()) {
      if (absl::Status status = ParseOne(result); !status.ok()) return status;
    }
    if (!result.help && result.directory.empty())
      return absl::InvalidArgumentError("expects a directory, got none");
    return result;
  }

 private:
  absl::Status ParseOne(Arguments& result) {
    graft::ImportOptions& options = result.options;
    const std::string argument = argv_[next_++];
    if (argument.size() < 2 || argument[0] != '-') {
      if (!result.directory.empty())
        return absl::InvalidArgumentError(
            absl::StrCat("expects one directory, got ", result.directory,
                         " and ", argument));
      result.directory = argument;
      return absl::OkStatus();
    }
    const size_t equals = argument.find('=');
    const std::string flag = argument.substr(0, equals);
    if (flag == "--help" || flag == "-h" || flag == "--new-head") {
      if (equals != std::string::npos)
        return absl::InvalidArgumentError(
            absl::StrCat(flag, " expects no value, got ", argument));
      (flag == "--new-head" ? options.new_head : result.help) = true;
      return absl::OkStatus();
    }
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (next_ < argv_.size()) {
      value = argv_[next_++];
    } else {
      value.clear();
    }
    return Set(flag, value, result);
  }

  static absl::Status Set(const std::string& flag, const std::string& value,
                          Arguments& result) {
    graft::ImportOptions& options = result.options;
    if (flag == "--labels") return Number(flag, value, options.labels);
    if (flag == "--tokens") return Number(flag, value, options.token_bound);
    if (flag == "--sequences")
      return Number(flag, value, options.sequence_bound);
    if (flag == "--dropout") {
      double rate;
      // The importer checks the range.
      if (!absl::SimpleAtod(value, &rate))
        return absl::InvalidArgumentError(absl::StrCat(
            flag, " expects a rate in [0, 1), got \"", value, "\""));
      options.dropout = rate;
      return absl::OkStatus();
    }
    if (flag == "--pooler") return Pooler(value, options.pooler);
    std::string* text = flag == "-o"       ? &result.output
                        : flag == "--name" ? &options.name
                                           : nullptr;
    if (text == nullptr && flag != "--label-names")
      return absl::InvalidArgumentError(
          absl::StrCat("expects one of the options of --help, got ", flag));
    if (value.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(flag, " expects a value, got none"));
    if (text != nullptr) {
      *text = value;
    } else {
      options.label_names = absl::StrSplit(value, ',');
      if (options.labels == 0)
        options.labels = static_cast<int64_t>(options.label_names.size());
    }
    return absl::OkStatus();
  }

  static absl::Status Number(const std::string& flag, const std::string& value,
                             int64_t& result) {
    if (absl::SimpleAtoi(value, &result) && result > 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " expects a positive number, got \"", value, "\""));
  }

  static absl::Status Pooler(const std::string& value,
                             graft::PoolerSource& result) {
    if (value == "checkpoint") {
      result = graft::PoolerSource::kCheckpoint;
    } else if (value == "new") {
      result = graft::PoolerSource::kNew;
    } else if (value == "none") {
      result = graft::PoolerSource::kNone;
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "--pooler expects checkpoint, new or none, got \"", value, "\""));
    }
    return absl::OkStatus();
  }

  const std::vector<std::string> argv_;
  size_t next_ = 0;
};

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

int Fail(int code, const absl::Status& status) {
  std::fprintf(stderr, "graft-import: %s\n",
               std::string(status.message()).c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const absl::StatusOr<Arguments> arguments = CommandLine(argc, argv).Parse();
  if (!arguments.ok()) return Fail(2, arguments.status());
  if (arguments->help) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  mlir::MLIRContext context;
  const absl::StatusOr<graft::ImportedModel> model =
      graft::importHuggingFace(&context, graft::FileSystem::Posix(),
                               arguments->directory, arguments->options);
  if (!model.ok()) return Fail(1, model.status());
  const absl::Status written = Write(*arguments, model->module.get());
  if (!written.ok()) return Fail(1, written);
  if (!model->initialised.empty())
    std::fprintf(stderr, "graft-import: initialised %s\n",
                 absl::StrJoin(model->initialised, ", ").c_str());
  if (!model->skipped.empty())
    std::fprintf(stderr, "graft-import: skipped %s\n",
                 absl::StrJoin(model->skipped, ", ").c_str());
  return 0;
}
