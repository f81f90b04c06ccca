// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Language server for .mlir files that use Graft's dialects: diagnostics,
// definitions, uses and hovers in an editor, over the Language Server Protocol
// on standard input and output.

#include "llvm/Support/LogicalResult.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "passes/registration.h"

int main(int argc, char** argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  graft::registerAllDialects(registry);
  return llvm::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
