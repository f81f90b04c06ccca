// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Elementwise ops over one shape as code of a kernel: each operand is loaded
// once, the ops are computed in registers, each result is stored once. One op
// by itself, the body of a graft.region, and the part of it that goes before or
// behind another kernel's work are emitted by the same code.

#ifndef GRAFT_PASSES_LOWER_CPU_ELEMENTWISE_ELEMENTWISE_PROGRAM_H_
#define GRAFT_PASSES_LOWER_CPU_ELEMENTWISE_ELEMENTWISE_PROGRAM_H_

#include <functional>
#include <optional>

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/builder/random.h"
#include "passes/lower/cpu/builder/tile_builder.h"
#include "passes/lower/cpu/builder/work.h"

namespace graft {

// The registers of an op's operands at one place -> the register of its
// result.
using VectorFunction = std::function<mlir::Value(
    VectorBuilder&, mlir::Operation*, llvm::ArrayRef<mlir::Value>)>;

// Vector functions by op name, e.g. "graft.gelu".
using VectorFunctions = llvm::StringMap<VectorFunction>;
const VectorFunctions& getVectorFunctions();

// The function of an elementwise op but dropout: that of its name, else its
// ElementFunction on vectors; null if it has neither.
VectorFunction getVectorFunction(mlir::Operation* op);

// Ops in the order of their execution, of which at most one is a dropout, since
// a launch has one place of draws. `inputs` are tensors of one shape and the
// segments of the dropout; all values of `outputs` have that shape as well.
struct ElementwiseProgram {
  llvm::SmallVector<mlir::Value> inputs;
  llvm::SmallVector<mlir::Operation*> ops;
  llvm::SmallVector<mlir::Value> outputs;

  mlir::RankedTensorType getType() const {
    return mlir::cast<mlir::RankedTensorType>(outputs.front().getType());
  }
  // The op that draws a mask, so that elements must be taken row by row; null
  // if there is none.
  DropoutOp getDropout() const;
  // A diagnostic if the shape is none that its ops can be computed over.
  mlir::LogicalResult check() const;
};

// Emits a program in a kernel. Construct it at the start of the function.
class ElementwiseEmitter {
 public:
  // `flat` are the buffers of the inputs (segments have three) and of the
  // outputs; an output may be an input's buffer.
  ElementwiseEmitter(const ElementwiseProgram& program, VectorBuilder& v,
                     const KernelArguments& arguments,
                     llvm::ArrayRef<mlir::Value> flat);

  // How the program is cut into items when it is a kernel by itself.
  static Work cut(const ElementwiseProgram& program);
  // All elements of this call's items of `cut`.
  void emitItems();
  // One row.
  void emitRow(mlir::Value row);
  // A block of a matrix: rows [row, row + `rows`), and columns [column, column
  // + `columns`) as far as the matrix has them. `column` is a multiple of
  // `columns`.
  void emitTile(TileBuilder& tile, mlir::Value row, mlir::Value rows,
                mlir::Value column, int64_t columns);

 private:
  struct Dropout {
    DropoutBuilder mask;
    mlir::Value offsets, ordinals, rows;
    bool perToken;
    llvm::SmallVector<mlir::Value> counter;  // of the row
    DropoutBuilder::Words words;             // of the group
  };

  void beginRow(mlir::Value row);
  // Elements [block * 128 + `first`, block * 128 + `last`) of the row from
  // `offset` on; `first` is a multiple of 16.
  void emitBlock(mlir::Value offset, mlir::Value block, int64_t first,
                 int64_t last);
  // The register from `at` on; it lies in this chunk of the dropout's words.
  void emitRegister(mlir::Value at, mlir::Value mask, int64_t chunk);

  const ElementwiseProgram& program;
  llvm::SmallVector<VectorFunction> functions;  // of its ops
  VectorBuilder& v;
  const KernelArguments& arguments;
  llvm::SmallVector<mlir::Value> inputs;   // null for segments
  llvm::SmallVector<mlir::Value> outputs;  // buffers
  std::optional<Dropout> dropout;
};

// Replaces an elementwise op by a kernel of its own.
mlir::LogicalResult emitElementwise(mlir::Operation* op,
                                    mlir::OpBuilder& builder,
                                    CpuContext& context);

// The elementwise ops that have no state (populated into getVectorFunctions).
void populateElementwiseFunctions(VectorFunctions& functions);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_ELEMENTWISE_ELEMENTWISE_PROGRAM_H_
