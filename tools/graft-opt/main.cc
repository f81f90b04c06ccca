// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Runs any pass of Graft or of upstream MLIR on a file, alone or in a
// pipeline: the tool that the pass tests use.

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
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

// Of the arguments, --help is shown by this program, --help-all by LLVM.
bool takeHelp(int argc, char** argv) {
  static char help[] = "--help";
  for (char*& argument : llvm::MutableArrayRef(argv, argc).drop_front()) {
    const llvm::StringRef text = argument;
    if (text == "--help" || text == "-help" || text == "-h") return true;
    if (text == "--help-all") argument = help;
  }
  return false;
}

constexpr char kHelp[] = R"(Runs passes of Graft and of MLIR on a file.

usage: graft-opt [FILE] [--PASS[=OPTIONS] ...] [options]

  -o FILE                   write the result to this file
  --pass-pipeline=PIPELINE  run builtin.module(PASS{OPTIONS}, ...)
  --plugin=FILE.so          load the dialects and passes of a plug-in
  --check-numerics-each     run each phase function in the interpreter after
                            every pass, and name the pass that changes numbers
  --split-input-file        take the parts between lines // ----- one by one
  --verify-diagnostics      compare diagnostics with expected-error comments
  --help-all                all options, and the passes of MLIR

Passes of Graft and of the plug-ins that are loaded, as options:
)";

}  // namespace

int main(int argc, char** argv) {
  // Passes of MLIR come last, after those that --help lists.
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  graft::registerAllDialects(registry);
  graft::registerAllPasses();
  if (llvm::Error error = graft::loadPlugins(argc, argv, registry)) {
    llvm::errs() << "graft-opt: " << llvm::toString(std::move(error)) << '\n';
    return EXIT_FAILURE;
  }
  if (takeHelp(argc, argv)) {
    llvm::outs() << kHelp;
    mlir::printRegisteredPasses();
    return EXIT_SUCCESS;
  }
  mlir::registerAllPasses();
  auto [input, output] = mlir::registerAndParseCLIOptions(
      argc, argv, "Graft pass driver\n", registry);
  return mlir::asMainReturnCode(
      checkNumerics ? runChecked(input, output, registry)
                    : mlir::MlirOptMain(argc, argv, input, output, registry));
}
