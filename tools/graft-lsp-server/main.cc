// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Language server for .mlir files that use Graft's dialects: diagnostics,
// definitions, uses and hovers in an editor, over the Language Server Protocol
// on standard input and output.

#include <cstdlib>

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/LogicalResult.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "passes/plugin.h"
#include "passes/registration.h"

namespace {

// Read by graft::loadPlugins; declared for the parser and for --help.
llvm::cl::list<std::string> plugins(
    "plugin", llvm::cl::value_desc("FILE.so"),
    llvm::cl::desc("Load the dialects of a plug-in of Graft"));

}  // namespace

int main(int argc, char** argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  graft::registerAllDialects(registry);
  if (llvm::Error error = graft::loadPlugins(argc, argv, registry)) {
    llvm::errs() << "graft-lsp-server: " << llvm::toString(std::move(error))
                 << '\n';
    return EXIT_FAILURE;
  }
  return llvm::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
