// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Runs any pass of Graft or of upstream MLIR on a file, alone or in a
// pipeline: the tool that the pass tests use.

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/interpret/check_numerics.h"
#include "passes/plugin.h"
#include "passes/registration.h"

namespace {

llvm::cl::opt<bool> checkNumerics(
    "check-numerics-each",
    llvm::cl::desc("Run each phase function in the reference interpreter after "
                   "every pass, and name the pass that changes its numbers"));

// Read by graft::loadPlugins; declared for the parser and for --help.
llvm::cl::list<std::string> plugins(
    "plugin", llvm::cl::value_desc("FILE.so"),
    llvm::cl::desc("Load the dialects and passes of a plug-in of Graft; its "
                   "passes are options like any other"));

// As MlirOptMain on files, with the check added to the pipeline.
mlir::LogicalResult runChecked(const std::string& inputName,
                               const std::string& outputName,
                               mlir::DialectRegistry& registry) {
  std::string message;
  auto input = mlir::openInputFile(inputName, &message);
  std::unique_ptr<llvm::ToolOutputFile> output;
  if (input) output = mlir::openOutputFile(outputName, &message);
  if (!output) {
    llvm::errs() << message << '\n';
    return mlir::failure();
  }
  auto plain = mlir::MlirOptMainConfig::createFromCLOptions();
  auto config = plain;
  config.setPassPipelineSetupFn([&](mlir::PassManager& manager) {
    // For compiling kernels: no dialect may be loaded while passes run.
    manager.getContext()->loadAllAvailableDialects();
    manager.addInstrumentation(graft::interpret::createCheckNumerics());
    return plain.setupPassPipeline(manager);
  });
  if (mlir::failed(
          mlir::MlirOptMain(output->os(), std::move(input), registry, config)))
    return mlir::failure();
  output->keep();
  return mlir::success();
}

}  // namespace

int main(int argc, char** argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  graft::registerAllDialects(registry);
  graft::registerAllPasses();
  if (llvm::Error error = graft::loadPlugins(argc, argv, registry)) {
    llvm::errs() << "graft-opt: " << llvm::toString(std::move(error)) << '\n';
    return EXIT_FAILURE;
  }
  auto [input, output] = mlir::registerAndParseCLIOptions(
      argc, argv, "Graft pass driver\n", registry);
  return mlir::asMainReturnCode(
      checkNumerics ? runChecked(input, output, registry)
                    : mlir::MlirOptMain(argc, argv, input, output, registry));
}
