// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A module under test: parsed, put through passes, run in the interpreter.

#ifndef GRAFT_TEST_PASSES_INTERPRET_PROGRAM_H_
#define GRAFT_TEST_PASSES_INTERPRET_PROGRAM_H_

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "passes/interpret/interpreter.h"
#include "passes/registration.h"

namespace graft {

// A context with Graft's dialects and gradients.
inline std::unique_ptr<mlir::MLIRContext> makeContext() {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect>();
  graft::registerAllDialects(registry);
  auto context = std::make_unique<mlir::MLIRContext>(registry);
  context->loadAllAvailableDialects();
  return context;
}

// The module in a file below the root of the repository.
inline mlir::OwningOpRef<mlir::ModuleOp> parseFile(mlir::MLIRContext* context,
                                                   const std::string& path) {
  return mlir::parseSourceFile<mlir::ModuleOp>(
      std::string(GRAFT_SOURCE_DIR "/") + path, context);
}

inline mlir::LogicalResult runPass(mlir::ModuleOp module,
                                   std::unique_ptr<mlir::Pass> pass) {
  mlir::PassManager manager(module.getContext());
  manager.addPass(std::move(pass));
  return manager.run(module);
}

// Largest |got - want| / (1 + |want|) of the elements; infinite where shapes
// differ or only one of two elements is not finite.
inline double distance(const interpret::Tensor& got,
                       const interpret::Tensor& want) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (got.shape != want.shape) return kInfinity;
  double largest = 0;
  for (size_t i = 0; i < want.values.size(); ++i) {
    double x = got.values[i], y = want.values[i];
    if (x == y) continue;
    double error = std::abs(x - y) / (1 + std::abs(y));
    largest = std::max(largest, std::isfinite(error) ? error : kInfinity);
  }
  return largest;
}

}  // namespace graft

#endif  // GRAFT_TEST_PASSES_INTERPRET_PROGRAM_H_
