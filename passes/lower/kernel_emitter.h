// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How a graft op becomes kernels: an emitter builds the kernel functions the
// op needs and replaces the op by launches of them.

#ifndef GRAFT_PASSES_LOWER_KERNEL_EMITTER_H_
#define GRAFT_PASSES_LOWER_KERNEL_EMITTER_H_

#include <memory>

#include "dialects/exec/exec_dialect.h"
#include "dialects/graft/fusion.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "passes/lower/kernel_key.h"

namespace graft {

// The arguments of a kernel function under construction, by role.
struct KernelArguments {
  // One memref a buffer: operands, then results; segments are three.
  llvm::SmallVector<mlir::Value> buffers;
  llvm::StringMap<mlir::Value> sizes;  // named sizes, as index
  mlir::Value seed, step, place;       // i64, i32, i64
  mlir::Value begin, end;              // work items, index
};

// The attributes of an op that tell its draws from those of others in its
// phase. Kernels get them as `place`, so they are no part of a body.
inline constexpr llvm::StringRef kRandomAttributes[] = {"draw", "random_id"};

// Creates kernels in one `exec.kernels` and launches in one function.
// Kernels with equal text are merged later, so an emitter never looks for an
// existing one; but it may say by a key that it would emit the same again.
// Copies create kernels in the same table, so one target's emitters can hand an
// op to another target's.
class KernelContext {
 public:
  struct Options {
    bool shares = true;    // whether keys are used
    bool generic = false;  // prefer an op's linalg form to an emitter for it
  };

  KernelContext(exec::KernelsOp kernels, Options options);

  // Whether an op with a RegionLoweringInterface is lowered by that even if
  // there is an emitter for it.
  bool isGeneric() const { return options.generic; }

  // Creates a kernel and a launch of it before `op`. `stem` becomes part of
  // the kernel's name. `operands` are tensors or segments; `body` is called
  // with a builder at the start of the function and must leave it before a
  // point where the terminator can be added. All named sizes that occur in
  // operand and result types are passed. The launch's cost is to read its
  // operands and to write its results, see Cost. `body` is not called, and the
  // earlier kernel launched, if there was a launch of the same stem, types,
  // grid and `key`; a null `key` is like no other. Returns the launch's
  // results.
  mlir::ValueRange launch(
      mlir::OpBuilder& builder, mlir::Operation* op, llvm::StringRef stem,
      mlir::ValueRange operands, mlir::TypeRange results, exec::GridAttr grid,
      llvm::ArrayRef<int64_t> ties,
      llvm::function_ref<void(mlir::OpBuilder&, mlir::Location,
                              const KernelArguments&)>
          body,
      const KernelKey* key = nullptr);

 private:
  struct Kernel;
  struct Shared;  // between copies

  exec::KernelsOp kernels;
  Options options;
  std::shared_ptr<Shared> shared;

  Kernel emit(mlir::OpBuilder& builder, mlir::Location loc,
              llvm::StringRef stem, mlir::ValueRange operands,
              mlir::TypeRange results, exec::GridAttr grid,
              llvm::function_ref<void(mlir::OpBuilder&, mlir::Location,
                                      const KernelArguments&)>
                  body);
};

// What a multiply-add of a kernel is made of: `count` of a unit that the target
// names, or one of f32 in vector registers.
struct FlopUnit {
  llvm::StringRef name = "";
  int64_t count = 0;
};

// Counts the flops of the launch that `results` are of: those of one GEMM, or
// several, two per multiply-add.
void countFlops(mlir::ValueRange results, exec::CostTermAttr flops,
                FlopUnit unit = {});

// Counts that the launch that `results` are of touches no more of `tables`,
// operands or results of it, than as many rows as `rows` has.
void countRows(mlir::ValueRange results, mlir::ValueRange tables,
               mlir::Value rows);

// The addend of `op` (see matchAddend); a `graft.read` moves before `op`.
Addend findAddend(mlir::Operation* op);

// Replaces `op`, and the sum if there is an addend, by `value`. The sum stays
// behind without users.
void replaceWithSum(mlir::Operation* op, const Addend& addend,
                    mlir::Value value);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_KERNEL_EMITTER_H_
