// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/finetune_options.h"

#include <limits>

#include "absl/algorithm/container.h"
#include "tools/option_checks.h"

namespace graft {

size_t HeadLabelSet(const FinetuneOptions& options) {
  const auto found =
      absl::c_find_if(options.label_sets,
                      [](const LabelSet& labels) { return labels.of_models; });
  return found == options.label_sets.end()
             ? 0
             : static_cast<size_t>(found - options.label_sets.begin());
}

size_t LabelStream(const FinetuneOptions& options) {
  return options.label_sets[HeadLabelSet(options)].stream;
}

bool ReadsTexts(const FinetuneOptions& options) {
  return absl::c_any_of(options.streams,
                        [](const StreamInput& stream) { return stream.texts; });
}

bool HasEvaluation(const FinetuneOptions& options) {
  return absl::c_any_of(options.evaluations,
                        [](const EvaluationInput& evaluation) {
                          return !evaluation.paths.empty();
                        });
}

void AddModelOptions(CLI::App& command, FinetuneOptions& options) {
  command
      .add_option("--model", options.model,
                  "directory with config.json, model.safetensors and the "
                  "tokenizer")
      ->type_name("DIRECTORY");
  AddTrainingFiles(command, options);
  AddDataOptions(command, options);
}

void AddTrainingFiles(CLI::App& command, FinetuneOptions& options) {
  AddTableFiles(command, "--train", options.streams.front().paths,
                "table to train on");
  AddTableFiles(command, "--dev", options.evaluations.front().paths,
                "table to evaluate on");
}

void AddDataOptions(CLI::App& command, FinetuneOptions& options) {
  AddTableOptions(command, options.table);
  AddWeightOption(command, options.table);
  command
      .add_option("--task-column", options.task_columns,
                  "[STREAM=]COLUMN: each batch of the stream has the rows of "
                  "one task, which that column names; of several streams "
                  "those of the same one. May be repeated for other streams")
      ->allow_extra_args(false);
  command
      .add_option("--max-length", options.max_length,
                  "maximum tokens per text (default: the tokenizer's or the "
                  "model's)")
      ->check(WholeNumber(1));
  command
      .add_option("--max-tokens", options.max_tokens,
                  "maximum tokens per launch; larger batches are split into "
                  "micro-batches (default: the largest batch)")
      ->check(WholeNumber(1));
}

void AddLayersOption(CLI::App& command, FinetuneOptions& options) {
  command
      .add_option("--student-layers", options.student_layers,
                  "layers that a trained model keeps of its checkpoint, such "
                  "as 0,2,4 (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(WholeNumber(0));
}

void AddTaskOption(CLI::App& command, FinetuneOptions& options) {
  command.add_option("--task", options.task, "classification or regression")
      ->check(OneOf({"classification", "regression"}))
      ->capture_default_str();
}

void AddTrainingOptions(CLI::App& command, FinetuneOptions& options) {
  RunSettings& training = options.training;
  command
      .add_option("--max-steps", training.max_steps,
                  "stop after this many steps; the schedule stays that of all "
                  "epochs (default, and 0: all epochs)")
      ->check(WholeNumber(0));
  command.add_option("--batch-size", training.batch_size, "examples per step")
      ->check(WholeNumber(1))
      ->capture_default_str();
  command
      .add_option("--dropout", options.dropout,
                  "rate of all dropouts (default: the model's)")
      ->check(Number(0, 0.999));
  command.add_flag("--new-head", options.new_head,
                   "create a new head even if the checkpoint has one that "
                   "fits");
  command.add_flag("--freeze-embeddings", options.freeze_embeddings,
                   "train no embeddings");
  command
      .add_option(
          "--freeze-layers", options.freeze_layers,
          "number of first layers to freeze; freezes the embeddings, too")
      ->check(WholeNumber(0));
  command.add_flag("--linear-probe", options.linear_probe,
                   "train the head only");
  command.add_flag("--shuffle", training.shuffle,
                   "shuffle the examples in each epoch");
  command
      .add_option("--seed", training.seed,
                  "seed of new heads, dropout and shuffling")
      ->check(WholeNumber(0, std::numeric_limits<uint64_t>::max()))
      ->capture_default_str();
  command
      .add_option("--initial", options.initial,
                  "safetensors file with initial values of parameters, under "
                  "the names that `graft inspect` shows or those of a "
                  "checkpoint, such as best.safetensors")
      ->type_name("FILE");
  command
      .add_option(
          "--adapter", options.adapter,
          "directory of Hugging Face PEFT with LoRA or DoRA adapters "
          "that the model begins with: lora and dora train them on, for "
          "other pages they become part of the matrices")
      ->type_name("DIRECTORY");
  command
      .add_option("--targets", options.targets,
                  "what to compile for: host, all, or a list of avx2, avx512, "
                  "avx512_bf16, amx_bf16, aarch64 and what plug-ins bring")
      ->capture_default_str();
  command
      .add_option("--precision", options.precision,
                  "fp32; bf16: GEMMs, attention and most activations in bf16, "
                  "which takes less memory, while weights, gradients, norms "
                  "and losses stay fp32; fp16: the same in fp16 with loss "
                  "scaling")
      ->check(OneOf({"fp32", "bf16", "fp16"}))
      ->capture_default_str();
  command
      .add_option(
          "--memory-budget", options.memory_budget,
          "limit for the activations of the largest batch, such as 200MB "
          "or 1.2GiB (graft plan shows them); those that do not fit are "
          "recomputed, with the same results; 0: no limit")
      ->transform(ByteSize())
      ->capture_default_str();
  command
      .add_option("--loss-scale", training.loss_scale,
                  "initial loss scale of fp16, a power of two")
      ->check(PowerOfTwo())
      ->capture_default_str();
  command
      .add_option("--plugin", options.plugins,
                  "shared library with ops, passes, families of models and "
                  "targets, for the compiler; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_option("--graph-passes", options.graph_passes,
                     "pipeline, builtin.module(...), that the compiler runs "
                     "before differentiation");
}

}  // namespace graft
