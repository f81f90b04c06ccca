// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a family of models tells the rest of Graft: how its config.json is read,
// the module that is built from it, and how checkpoints spell its parameters.
// Families are in models/ and in plug-ins; nothing outside of them knows a
// field of a configuration or the name of a parameter.

#ifndef GRAFT_FRONTEND_MODEL_FAMILY_H_
#define GRAFT_FRONTEND_MODEL_FAMILY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/formats/config.h"

namespace graft {

/// Where the parts of a model lie among the names of its parameters. Patterns
/// are POSIX extended regular expressions, found anywhere in a name.
struct ModelScopes {
  /// The linear layer that makes the logits: `<head>.weight` [labels, width]
  /// and what else begins with `<head>.`.
  std::string head = "classifier";
  /// Files of a model with a head may put `<base>.` before all other names;
  /// empty: none do.
  std::string base;
  /// Layers below the head that a checkpoint may lack; all begin with
  /// `<pooler>.`. Empty: the family has none.
  std::string pooler;
  /// Begins the names of all parameters below the first layer.
  std::string embeddings = "embeddings";
  /// Patterns of the parameters that decay when not all do, and of exceptions
  /// (layer normalisation); the second may be empty.
  std::string decayed = "weight$";
  std::string not_decayed;
};

/// What code outside of the family needs to know of a model.
struct ModelFacts {
  int64_t vocabulary = 0;           // ids are below it
  int64_t max_positions = 0;        // most tokens of a sequence; 0: any number
  int64_t types = 0;                // of tokens; 0: any number
  int64_t layers = 0;               // of `graft.layers`; 0: the model has none
  double initial_deviation = 0.02;  // of a new head's weights
  /// Whether the head of the checkpoint, where the file has its tensors, has
  /// one row of logits per sequence.
  bool has_sequence_head = true;
  ModelScopes scopes;
};

struct BuildOptions {
  std::string name = "model";  // symbol of the graft.model
  std::string weights;  // path of the weights or of their index; may be empty
  /// Columns of the logits; 0 builds no head. One label is a regression.
  int64_t labels = 0;
  /// Whether the head reads through the pooler, in families that have one.
  bool pooler = true;
  /// Whether @pooled is built without a head, too.
  bool pooled = false;
  /// Whether the layers have graft.tap ops, in families that have layers.
  bool taps = false;
  /// Rate in [0, 1) of every dropout in place of the configuration's.
  std::optional<double> dropout;
  int64_t token_capacity = 8192;    // most tokens of a batch
  int64_t sequence_capacity = 512;  // most sequences of a batch
};

/// INVALID_ARGUMENT: a capacity is not in [1, INT32_MAX].
absl::Status checkCapacities(const BuildOptions& options);

/// The model of one config.json. Thread-compatible.
class ModelDescription {
 public:
  explicit ModelDescription(const ModelConfig& config) : config_(config) {}
  virtual ~ModelDescription() = default;

  const ModelFacts& facts() const { return facts_; }
  /// An import sets `layers` to the number of layers that it keeps.
  ModelFacts& facts() { return facts_; }

  /// Labels and problem type of the head, as read or as an import chooses them.
  const std::vector<std::string>& labels() const { return config_.labels(); }
  const std::string& problemType() const { return config_.problem_type(); }
  /// What is wrong with the labels as read (ModelConfig::CheckLabels).
  absl::Status checkLabels() const { return config_.CheckLabels(); }
  /// As read, such as BertForMaskedLM.
  const std::vector<std::string>& architectures() const {
    return config_.architectures();
  }
  void setHead(std::vector<std::string> labels, llvm::StringRef problemType);
  /// What Transformers calls the task of a head of so many labels: with one a
  /// regression, else one of them for each text or, for `sets`, any number.
  static const char* problemTypeOf(size_t labels, bool sets = false);

  /// The names that files may have for `parameter`, the usual one first; by
  /// default its own. What is put before the names of a whole model is no part
  /// of them (tensor_names.h).
  virtual std::vector<std::string> spellings(llvm::StringRef parameter) const;

  /// Builds a module of one model with the functions
  ///   @encode(...) -> hidden [T, H]   (or another result)
  ///   @pooled(...) -> pooled [S, H]   (with a head, or options.pooled)
  ///   @classify(pooled, ...) -> logits [S, labels]   (with a head)
  ///   @logits(...) -> logits [S, labels]   (with a head): classify of pooled
  /// whose arguments are fields of a batch by their `graft.name`: any of "ids"
  /// and "types" (tensor<?xi32, T>), and "segments". Strategies call them; the
  /// parameters of the head are read in @classify alone. With options.taps,
  /// `graft.tap` names "hidden", what a layer returns and the first one reads,
  /// and "query", "key" and "value" of its attention. INVALID_ARGUMENT names
  /// the field of the configuration or the option that has no graph.
  virtual absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> build(
      mlir::MLIRContext* context, const BuildOptions& options) const = 0;

  /// The configuration of the model as its facts, labels and problem type now
  /// are; equal models give equal bytes. By default the fields that were read.
  /// A family with layers writes their number.
  virtual ModelConfig config() const { return config_; }

 private:
  ModelConfig config_;
  ModelFacts facts_;
};

/// Reads the configurations of some model types. Stateless.
class ModelFamily {
 public:
  virtual ~ModelFamily() = default;

  virtual llvm::StringRef name() const = 0;
  /// Values of `model_type` in config.json.
  virtual std::vector<std::string> modelTypes() const = 0;
  /// How all architectures of files begin that are too old for a model type;
  /// empty: there are none.
  virtual std::string architecturePrefix() const { return ""; }

  /// INVALID_ARGUMENT names file, field, expected and found value;
  /// UNIMPLEMENTED an option that the family has no graph for.
  virtual absl::StatusOr<std::unique_ptr<ModelDescription>> read(
      const ModelConfig& config) const = 0;
};

/// The families that a compilation knows. Thread-compatible.
class FamilyRegistry {
 public:
  void add(std::unique_ptr<ModelFamily> family);

  /// Reads `config` by the family of its model type. UNIMPLEMENTED: no family
  /// takes that type. INVALID_ARGUMENT: several do, or the file has neither a
  /// model type nor architectures; and errors of the family.
  absl::StatusOr<std::unique_ptr<ModelDescription>> read(
      const ModelConfig& config) const;

 private:
  absl::StatusOr<const ModelFamily*> find(const ModelConfig& config) const;

  std::vector<std::unique_ptr<ModelFamily>> families_;
};

}  // namespace graft

#endif  // GRAFT_FRONTEND_MODEL_FAMILY_H_
