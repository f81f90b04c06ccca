// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/finetune_options.h"

#include <cmath>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/byte_size.h"

namespace graft {
namespace {

std::string CheckNotEmpty(const std::string& text) {
  return text.empty() ? "expects a value, got an empty one" : "";
}

// The error of a value that is no power of two. The program knows the range.
std::string CheckPowerOfTwo(const std::string& text) {
  double value = 0;
  int exponent = 0;
  if (absl::SimpleAtod(text, &value) && std::frexp(value, &exponent) == 0.5)
    return "";
  return absl::StrCat("expects a power of two, got ", text);
}

}  // namespace

void AddModelOptions(CLI::App& command, FinetuneOptions& options) {
  command.add_option("--model", options.model,
                     "directory with config.json, model.safetensors and the "
                     "tokenizer");
  command.add_option("--train", options.train,
                     "table to train on (.tsv, .jsonl)");
  command.add_option("--dev", options.dev, "table to evaluate on");
  AddDataOptions(command, options);
}

void AddDataOptions(CLI::App& command, FinetuneOptions& options) {
  AddTableOptions(command, options.table);
  AddWeightOption(command, options.table);
  command
      .add_option("--max-length", options.max_length,
                  "maximum tokens per text (default: the model's)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--max-tokens", options.max_tokens,
                  "maximum tokens per launch; larger batches are split into "
                  "micro-batches (default: the largest batch)")
      ->check(CLI::PositiveNumber);
}

void AddLayersOption(CLI::App& command, FinetuneOptions& options) {
  command
      .add_option("--student-layers", options.student_layers,
                  "layers that a trained model keeps of its checkpoint, such "
                  "as 0,2,4 (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber);
}

void AddTaskOption(CLI::App& command, FinetuneOptions& options) {
  command.add_option("--task", options.task, "classification or regression")
      ->check(CLI::IsMember({"classification", "regression"}))
      ->capture_default_str();
}

void AddTrainingOptions(CLI::App& command, FinetuneOptions& options) {
  RunSettings& training = options.training;
  command
      .add_option("--max-steps", training.max_steps,
                  "stop after this many steps; the schedule stays that of all "
                  "epochs")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--batch-size", training.batch_size, "examples per step")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--dropout", options.dropout,
                  "rate of all dropouts (default: the model's)")
      ->check(CLI::Range(0.0, 0.999));
  command.add_flag("--freeze-embeddings", options.freeze_embeddings);
  command
      .add_option(
          "--freeze-layers", options.freeze_layers,
          "number of first layers to freeze; freezes the embeddings, too")
      ->check(CLI::NonNegativeNumber);
  command.add_flag("--linear-probe", options.linear_probe,
                   "train the head only");
  command.add_flag("--shuffle", training.shuffle,
                   "shuffle the examples in each epoch");
  command
      .add_option("--seed", training.seed,
                  "seed of new heads, dropout and shuffling")
      ->capture_default_str();
  command.add_option("--initial", options.initial,
                     "safetensors file with initial values of parameters");
  command
      .add_option("--targets", options.targets,
                  "what to compile for: host, all, or a list of avx2, avx512, "
                  "avx512_bf16, amx_bf16, aarch64 and what plug-ins bring")
      ->check(CLI::Validator(CheckNotEmpty, ""))
      ->capture_default_str();
  command
      .add_option("--precision", options.precision,
                  "fp32; bf16: GEMMs, attention and most activations in bf16, "
                  "which takes less memory, while weights, gradients, norms "
                  "and losses stay fp32; fp16: the same in fp16 with loss "
                  "scaling")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}))
      ->capture_default_str();
  command
      .add_option(
          "--memory-budget", options.memory_budget,
          "limit for the activations of the largest batch, such as 200MB "
          "or 1.2GiB (graft plan shows them); those that do not fit are "
          "recomputed, with the same results; 0: no limit")
      ->transform(AsBytes())
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--loss-scale", training.loss_scale,
                  "initial loss scale of fp16, a power of two")
      ->check(CLI::Validator(CheckPowerOfTwo, "POWER OF TWO"))
      ->capture_default_str();
  command
      .add_option("--plugin", options.plugins,
                  "shared library with ops, passes, families of models and "
                  "targets, for the compiler; may be repeated")
      ->check(CLI::Validator(CheckNotEmpty, ""))
      ->allow_extra_args(false);
  command.add_option("--graph-passes", options.graph_passes,
                     "pipeline, builtin.module(...), that the compiler runs "
                     "before differentiation");
}

}  // namespace graft
