// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Runs any pass of Graft or of upstream MLIR on a file, alone or in a
// pipeline: the tool that the pass tests use.

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/registration.h"

int main(int argc, char** argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  graft::registerAllDialects(registry);
  graft::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Graft pass driver\n", registry));
}
