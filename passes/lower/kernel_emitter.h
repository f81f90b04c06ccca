// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How a graft op becomes kernels: an emitter builds the kernel functions the
// op needs and replaces the op by launches of them.

#ifndef GRAFT_PASSES_LOWER_KERNEL_EMITTER_H_
#define GRAFT_PASSES_LOWER_KERNEL_EMITTER_H_

#include <functional>
#include <map>

#include "dialects/exec/exec_dialect.h"
#include "dialects/graft/fusion.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "passes/lower/kernel_key.h"

namespace graft {

class CastOp;

// What kernels are generated for. Code for every level is correct on any CPU
// of that level; `vectorBits` and the register count set tile sizes.
struct CpuTarget {
  std::string level;     // "avx2", ..., see getCpuTargets
  std::string triple;    // LLVM triple
  std::string cpu;       // LLVM CPU name
  std::string features;  // LLVM feature string
  unsigned vectorBits;
  unsigned vectorRegisters;
  // Rounding to bf16, and dot products of pairs, by instructions to which
  // subnormals are zero.
  bool hasBf16 = false;
  bool hasAmx = false;  // tile registers, and products of bf16 in them

  unsigned floatLanes() const { return vectorBits / 32; }
};

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
class KernelContext {
 public:
  // `shares`: whether keys are used.
  KernelContext(exec::KernelsOp kernels, const CpuTarget& target, bool shares);

  const CpuTarget& getTarget() const { return target; }

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
  struct Kernel {
    mlir::StringAttr name;
    bool draws;  // whether its body uses the place
  };

  exec::KernelsOp kernels;
  const CpuTarget& target;
  bool shares;
  unsigned next = 0;
  std::map<KernelKey, Kernel> shared;

  Kernel emit(mlir::OpBuilder& builder, mlir::Location loc,
              llvm::StringRef stem, mlir::ValueRange operands,
              mlir::TypeRange results, exec::GridAttr grid,
              llvm::function_ref<void(mlir::OpBuilder&, mlir::Location,
                                      const KernelArguments&)>
                  body);
};

// Counts the flops of the launch that `results` are of: those of one product of
// matrices, or several, two a multiply-add. Tile registers, or dot products of
// pairs, take `tiles` multiply-adds of bf16 for each; 0: those of f32 multiply.
void countFlops(mlir::ValueRange results, exec::CostTermAttr flops,
                int64_t tiles = 0);

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

// Whether all that use a rounded value are products that pack it: they round on
// the way, and the value is nowhere in memory.
bool isRoundedByPacking(CastOp op);

// Replaces `op` by launches; emits a diagnostic on failure.
using KernelEmitter = std::function<llvm::LogicalResult(
    mlir::Operation*, mlir::OpBuilder&, KernelContext&)>;

// Emitters by op name, e.g. "graft.linear".
using KernelEmitters = llvm::StringMap<KernelEmitter>;

// One function a family of kernels.
void populateMatmulEmitters(KernelEmitters& emitters);
void populateAttentionEmitters(KernelEmitters& emitters);
void populateRegionEmitter(KernelEmitters& emitters);
void populateSegmentEmitters(KernelEmitters& emitters);
void populateRowEmitters(KernelEmitters& emitters);
void populateOptimizerEmitters(KernelEmitters& emitters);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_KERNEL_EMITTER_H_
