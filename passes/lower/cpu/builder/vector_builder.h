// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Short names for the vector code of kernels.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_VECTOR_BUILDER_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_VECTOR_BUILDER_H_

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/lower/cpu/builder/cpu_context.h"

namespace graft {

// Emits operations at a builder's insertion point. "Vector" is one register of
// the target, `lanes()` values of fp32; memory of bf16 and f16 is widened when
// loaded and rounded to nearest even when stored. Functions that take floats
// work on scalars and vectors alike. Nothing reassociates and nothing
// contracts, so a lane's result never depends on how a loop is cut. Construct
// it in the block of the kernel that encloses all else.
class VectorBuilder {
 public:
  VectorBuilder(mlir::OpBuilder& builder, mlir::Location loc,
                const IsaLevel& level)
      : builder(builder),
        loc(loc),
        width(level.floatLanes()),
        entry(builder.getInsertionBlock()) {}

  mlir::OpBuilder& b() { return builder; }
  mlir::Location location() const { return loc; }
  int64_t lanes() const { return width; }
  mlir::VectorType floats() const;  // one register of f32
  mlir::VectorType words() const;   // one register of i32

  // Constants and conversions.
  mlir::Value constant(mlir::TypedAttr value);
  mlir::Value index(int64_t value);
  mlir::Value integer(uint32_t value);    // i32
  mlir::Value integer64(uint64_t value);  // i64
  mlir::Value scalar(double value);       // f32
  mlir::Value splat(double value);        // a vector of f32
  mlir::Value splatWord(uint32_t value);  // a vector of i32
  mlir::Value broadcast(mlir::Value scalar);
  // A constant of the type of `like`, f32 or vector of f32.
  mlir::Value constantLike(mlir::Value like, double value);
  // index -> i64 -> i32, and back (signed).
  mlir::Value toWord(mlir::Value index);
  mlir::Value toIndex(mlir::Value integer);

  // Index arithmetic.
  mlir::Value addIndex(mlir::Value a, mlir::Value b);
  mlir::Value subIndex(mlir::Value a, mlir::Value b);
  mlir::Value mulIndex(mlir::Value a, mlir::Value b);
  mlir::Value minIndex(mlir::Value a, mlir::Value b);
  mlir::Value addIndex(mlir::Value a, int64_t b);
  mlir::Value mulIndex(mlir::Value a, int64_t b);
  // a / b rounded down, of non-negative values.
  mlir::Value divIndex(mlir::Value a, int64_t b);
  mlir::Value greaterIndex(mlir::Value a, mlir::Value b);  // i1

  // Arithmetic of f32.
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);  // a b + c
  mlir::Value max(mlir::Value a, mlir::Value b);  // NaN if either is
  mlir::Value min(mlir::Value a, mlir::Value b);  // NaN if either is
  mlir::Value neg(mlir::Value a);
  mlir::Value abs(mlir::Value a);
  mlir::Value sqrt(mlir::Value a);
  mlir::Value exp(mlir::Value a);
  // e^a of a vector <= 0, within 2 ulp down to -87, 2^-126 or less below; NaN
  // for NaN.
  mlir::Value expNonPositive(mlir::Value a);
  mlir::Value log(mlir::Value a);
  mlir::Value log1p(mlir::Value a);
  mlir::Value tanh(mlir::Value a);
  mlir::Value erf(mlir::Value a);
  mlir::Value greaterEqual(mlir::Value a, mlir::Value b);  // ordered
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);

  // An op of scalars of arith or math, which exists on vectors, applied to each
  // lane of `operands`; a constant in all lanes. Fast-math flags are left out.
  mlir::Value widen(mlir::Operation* op, llvm::ArrayRef<mlir::Value> operands);

  // `value` rounded to nearest even to what `element` can hold, as f32.
  mlir::Value round(mlir::Value value, mlir::Type element);

  // The lanes of a vector combined in a fixed tree.
  mlir::Value sumLanes(mlir::Value vector);
  mlir::Value maxLanes(mlir::Value vector);

  // The elements of a dense memref in row-major order, as memref of rank 1.
  mlir::Value flat(mlir::Value memref);
  // Scalars and vectors of memrefs. A vector lies along the last dimension,
  // from the position that `indices` name. Lanes whose mask is off are not
  // touched, and read as zero; a null mask means all lanes.
  mlir::Value load(mlir::Value buffer, mlir::ValueRange indices,
                   mlir::Value mask = {});
  void store(mlir::Value vector, mlir::Value buffer, mlir::ValueRange indices,
             mlir::Value mask = {});
  mlir::Value loadScalar(mlir::Value buffer, mlir::ValueRange indices);
  void storeScalar(mlir::Value value, mlir::Value buffer,
                   mlir::ValueRange indices);
  // A scalar of a memref of floats in all lanes.
  mlir::Value loadBroadcast(mlir::Value buffer, mlir::ValueRange indices);
  // The first `count` lanes.
  mlir::Value mask(int64_t count);
  mlir::Value mask(mlir::Value count);

  // for (i = lower; i < upper; i += step) carrying values. The body returns
  // the values carried on.
  using LoopBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value i, mlir::ValueRange carried)>;
  llvm::SmallVector<mlir::Value> loop(mlir::Value lower, mlir::Value upper,
                                      int64_t step, mlir::ValueRange inits,
                                      LoopBody body);
  void loop(mlir::Value lower, mlir::Value upper, int64_t step,
            llvm::function_ref<void(mlir::Value i)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);

 private:
  // A memref of f16 or bf16 as one of i16, for access under a mask: LLVM takes
  // vectors of halves apart there, by calls on some levels. Both types are one
  // in LLVM, where the cast disappears.
  mlir::Value words16(mlir::Value buffer);
  // Rounds or widens between f32 and a memory element type.
  mlir::Value convert(mlir::Value value, mlir::Type element);
  mlir::Value reduceLanes(
      mlir::Value vector,
      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);

  mlir::OpBuilder& builder;
  mlir::Location loc;
  int64_t width;
  // Each constant once, at the start of this block: most ops of an unrolled
  // kernel would be constants else.
  mlir::Block* entry;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_VECTOR_BUILDER_H_
