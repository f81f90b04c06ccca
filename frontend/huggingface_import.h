// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Hugging Face checkpoint directories as modules of the `graft` dialect. The
// tensors themselves stay in the directory's files; the module says under which
// names.

#ifndef GRAFT_FRONTEND_HUGGINGFACE_IMPORT_H_
#define GRAFT_FRONTEND_HUGGINGFACE_IMPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontend/checkpoint.h"
#include "frontend/model_family.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/base/file.h"

namespace graft {

// Where the pooler below a head comes from, in families that have one.
enum class PoolerSource {
  kCheckpoint,  // an error where the checkpoint has none
  kNew,         // newly initialised
  kNone,        // the head reads what the pooler would read
};

struct ImportOptions {
  std::string name = "model";  // symbol of the graft.model
  // Columns of the logits: 0 takes the checkpoint's head, or none where it has
  // none; 1 is a regression. Where the checkpoint has no head, or `new_head` is
  // set, a head is newly initialised.
  int64_t labels = 0;
  // One name per label for the configuration; empty keeps the checkpoint's. A
  // head that is kept must have the same, in this order, or default names.
  std::vector<std::string> label_names;
  bool new_head = false;
  // Whether each of several labels is there by itself, any number of them.
  bool sets = false;
  bool head = true;  // false: no head even if the checkpoint has one
  // Whether @pooled is there without a head, too, with the pooler below it.
  bool pooled = false;
  bool taps = false;  // whether layers have the ops that strategies tap
  PoolerSource pooler = PoolerSource::kCheckpoint;
  // Layers of the checkpoint that the model has, in its order; empty: all.
  std::vector<int64_t> layers;
  // Rate of every dropout of the graph in place of the checkpoint's; the
  // configuration keeps its own.
  std::optional<double> dropout;
  AdapterSource adapters;  // that the checkpoint begins with
  // Whether every tensor that is used is read, to refuse NaN and infinity.
  bool check_values = false;
  int64_t token_capacity = 8192;    // most tokens of a batch
  int64_t sequence_capacity = 512;  // most sequences of a batch
};

struct ImportedModel {
  mlir::OwningOpRef<mlir::ModuleOp> module;  // verified
  // As read, with the head's labels and problem type, and as many layers as
  // the model has.
  std::unique_ptr<ModelDescription> description;
  std::string weights;  // path of the safetensors file, or of the index
  // The tokenizer's file: tokenizer.json or else vocab.txt.
  std::string tokenizer;
  std::vector<std::string> skipped;      // tensors of the file without a use
  std::vector<std::string> initialised;  // parameters that the file lacks
  std::optional<AdapterFacts> adapters;
  std::optional<AdapterSet> adapter_set;
};

// Reads `directory`/config.json by its family and checks every tensor of its
// weights that the model needs, by name, shape and type. The context may hold
// other modules and must outlive the result. Errors name the file, the field or
// tensor, what was expected and what was found: NOT_FOUND for a file or tensor
// that is not there, INVALID_ARGUMENT for a wrong shape, type or option, for
// labels in another order than those of a head that is kept, or for a value
// that is not finite, UNIMPLEMENTED for a model that no family takes.
absl::StatusOr<ImportedModel> importHuggingFace(mlir::MLIRContext* context,
                                                const FamilyRegistry& families,
                                                FileSystem& files,
                                                const std::string& directory,
                                                const ImportOptions& options);

}  // namespace graft

#endif  // GRAFT_FRONTEND_HUGGINGFACE_IMPORT_H_
