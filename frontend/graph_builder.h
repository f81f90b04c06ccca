// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Writes a model in the authoring form of the `graft` dialect: what the
// builders in models/ are made of.

#ifndef GRAFT_FRONTEND_GRAPH_BUILDER_H_
#define GRAFT_FRONTEND_GRAPH_BUILDER_H_

#include <cstdint>

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace graft {

/// Random ids in the body of `graft.repeat` begin here and stay below twice
/// this; ids outside are below it. Turn i of an unrolled repeat has the id of
/// the body plus i times this, so no two ops of a model share an id, and the
/// ids of the first layers do not change with the depth.
inline constexpr int64_t kRandomIdStride = 64;

/// Builds a module with one `graft.model`. A parameter is declared where it is
/// first read, so shapes are written once. Values carry names (as NameLoc),
/// which `printModel` prints. Arguments are trusted: a builder checks its
/// configuration first. Not thread-safe.
class GraphBuilder {
 public:
  /// Loads the dialects it needs into `context`. `weights`, the path of the
  /// model's safetensors file, may be empty.
  GraphBuilder(mlir::MLIRContext* context, llvm::StringRef model,
               llvm::StringRef weights);

  /// Declares the size `name`; before any function uses it.
  void declareSize(llvm::StringRef name, int64_t bound);

  struct Argument {
    llvm::StringRef name;
    mlir::Type type;
  };
  /// Adds a function to the model: `body` gets the arguments and returns the
  /// result, both of which keep their names as `graft.name` attributes.
  void addFunction(llvm::StringRef name, llvm::ArrayRef<Argument> arguments,
                   llvm::StringRef resultName,
                   llvm::function_ref<mlir::Value(mlir::ValueRange)> body);

  /// `count` equal layers whose parameters are `<scope>.<turn>.<name>`. Within
  /// `body`, parameters are those of the layer.
  mlir::Value repeat(int64_t count, llvm::StringRef scope, mlir::Value input,
                     llvm::function_ref<mlir::Value(mlir::Value)> body);

  /// The value of the parameter `name` with this f32 shape.
  mlir::Value parameter(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);

  /// Applies `<scope>.weight` [width, in] and `<scope>.bias` [width].
  mlir::Value linear(mlir::Value input, llvm::StringRef scope, int64_t width,
                     llvm::StringRef name);
  /// Normalises with `<scope>.weight` and `<scope>.bias`.
  mlir::Value layerNorm(mlir::Value input, llvm::StringRef scope,
                        double epsilon, llvm::StringRef name);
  /// Rows of `<scope>.weight` [rows, width].
  mlir::Value embedding(mlir::Value ids, llvm::StringRef scope, int64_t rows,
                        int64_t width, llvm::StringRef name);
  /// Both take the next random id, also at rate 0, so that changing a rate
  /// changes no other op's draws.
  mlir::Value dropout(mlir::Value input, mlir::Value segments, double rate,
                      llvm::StringRef name);
  mlir::Value attention(mlir::Value query, mlir::Value key, mlir::Value value,
                        mlir::Value segments, int64_t heads, double dropout,
                        llvm::StringRef name);
  /// Says that `value` is `kind` of the layer, for strategies to tap.
  void tap(llvm::StringRef kind, mlir::Value value);
  /// Calls a function of this model.
  mlir::Value call(llvm::StringRef function, mlir::ValueRange arguments,
                   llvm::StringRef name);

  /// For ops without a helper of their own.
  mlir::OpBuilder& ops() { return builder_; }
  mlir::Location location(llvm::StringRef name);

  /// `tensor<?x..., #graft.dims<size>>` with the given trailing dimensions.
  mlir::RankedTensorType rows(llvm::StringRef size,
                              llvm::ArrayRef<int64_t> trailing,
                              mlir::Type element);

  /// The finished module; the builder is spent.
  mlir::OwningOpRef<mlir::ModuleOp> finish();

 private:
  int64_t takeRandomId();

  mlir::OpBuilder builder_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  ModelOp model_;
  mlir::Block* scope_;       // where parameters are declared: model or layers
  mlir::Operation* anchor_;  // the last declaration of the model, or null
  bool inLayer_ = false;
  int64_t nextId_ = 0;
  int64_t nextLayerId_ = kRandomIdStride;
};

/// Prints `module` with the names that its values were built with.
void printModel(mlir::ModuleOp module, llvm::raw_ostream& stream);

}  // namespace graft

#endif  // GRAFT_FRONTEND_GRAPH_BUILDER_H_
