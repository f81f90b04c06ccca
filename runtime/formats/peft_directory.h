// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Directories of low-rank adapters as Hugging Face PEFT has them:
// adapter_config.json and adapter_model.safetensors.

#ifndef GRAFT_RUNTIME_FORMATS_PEFT_DIRECTORY_H_
#define GRAFT_RUNTIME_FORMATS_PEFT_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"
#include "runtime/formats/config.h"
#include "runtime/formats/hf_directory.h"
#include "runtime/formats/safetensors.h"

namespace graft {

// The matrix of `module`, [out, in], stands for base + scale * b a. With
// `magnitude`, the norms of its rows are those.
struct PeftModule {
  // Path of the linear layer in the model of Transformers, such as
  // "bert.encoder.layer.0.attention.self.query".
  std::string module;
  const TensorView* a = nullptr;          // [r, in]
  const TensorView* b = nullptr;          // [out, r]
  const TensorView* magnitude = nullptr;  // [out]; null without DoRA
};

// Opened adapters, without their values.
struct PeftAdapters {
  std::string directory;
  std::string config;  // path of adapter_config.json
  int64_t rank = 0;
  double alpha = 0;
  double scale = 0;   // alpha / rank, or alpha / sqrt(rank) of rsLoRA
  bool dora = false;  // weight-decomposed: each module has a magnitude
  // target_modules: names that the ends of modules have. Empty: a pattern.
  std::vector<std::string> targets;
  std::unique_ptr<SafetensorsFile> file;
  std::vector<PeftModule> modules;  // sorted, at least one
  // Parameters of modules_to_save, by their names in the model: those of the
  // file without "base_model.model.".
  std::vector<std::pair<std::string, const TensorView*>> saved;
};

// Files of such a directory, for messages and hashes.
inline constexpr absl::string_view kPeftConfig = "adapter_config.json";
inline constexpr absl::string_view kPeftWeights = "adapter_model.safetensors";

// Opens `directory` and checks everything but values. Errors name the file, the
// key or tensor, what was expected and what was found: NOT_FOUND, a file;
// UNIMPLEMENTED, adapters that are no plain LoRA or DoRA beside unchanged
// weights; INVALID_ARGUMENT, what no PEFT writes.
absl::StatusOr<PeftAdapters> ReadPeftDirectory(FileSystem& files,
                                               const std::string& directory);

// A matrix that is adapted: parameters of the model in memory, borrowed.
struct AdaptedTensor {
  std::string name;  // of the matrix, "NAME.weight"
  const ModelTensor* a = nullptr;
  const ModelTensor* b = nullptr;
  const ModelTensor* magnitude = nullptr;  // null: LoRA
};

struct PeftContent {
  ModelConfig config;  // of the model
  // base_model_name_or_path; empty: none is named.
  std::string base;
  std::vector<std::string> parameters;  // all of the model, without adapters
  std::vector<AdaptedTensor> adapted;   // of one rank, at least one
  float scale = 0;                      // of b a
  // Other parameters that were trained. PEFT saves whole modules: with one
  // parameter of a module all of it must be here.
  std::vector<const ModelTensor*> saved;
  // Of a head that is saved: PEFT has no place for them, so that they are a
  // file of their own, labels.json (see ReadLabels). Empty: none.
  std::vector<std::string> labels;
};

// Creates `directory` (see WriteNewDirectory) with both files, under the names
// of NameInFile. INVALID_ARGUMENT: ranks differ.
absl::Status WritePeftDirectory(FileSystem& files, const std::string& directory,
                                const PeftContent& content, DType dtype);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_PEFT_DIRECTORY_H_
