// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/lower/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_LOWERVECTORMATHPASS
#include "passes/lower/passes.h.inc"

namespace {

// Functions that upstream's polynomials serve well enough, with their largest
// error in ulp over random arguments of the whole range, measured against
// double precision: exp 1.0, log 0.8, tanh 4.6, erf 4.8, log1p 2.3,
// expm1 2.4, erfc 2.5. The others of `math` become instructions (sqrt, fma,
// absf, floor, ...) or are refused when the code is linked.
bool hasPolynomial(StringRef name) {
  return llvm::is_contained(
      {"math.exp", "math.log", "math.log2", "math.tanh", "math.erf",
       "math.log1p", "math.expm1", "math.erfc", "math.atan", "math.atan2",
       "math.asin", "math.acos", "math.cbrt"},
      name);
}

struct LowerVectorMathPass
    : public impl::LowerVectorMathPassBase<LowerVectorMathPass> {
  using LowerVectorMathPassBase::LowerVectorMathPassBase;

  LogicalResult initialize(MLIRContext* context) override {
    RewritePatternSet set(context);
    auto predicate = [](StringRef name) {
      return hasPolynomial(name.starts_with("math.") ? name.str()
                                                     : ("math." + name).str());
    };
    populateMathF32ExpansionPatterns(set, predicate);
    populateMathPolynomialApproximationPatterns(set, predicate);
    // LLVM would call a function.
    if (!roundsBf16) arith::populateExpandBFloat16Patterns(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    if (failed(applyPatternsGreedily(getOperation(), patterns)))
      signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
};

}  // namespace
}  // namespace graft
