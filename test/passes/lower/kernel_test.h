// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Runs generated kernels as native code and holds them against the
// interpreter.

#ifndef GRAFT_TEST_PASSES_LOWER_KERNEL_TEST_H_
#define GRAFT_TEST_PASSES_LOWER_KERNEL_TEST_H_

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dialects/exec/exec_dialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/interpret/native_kernels.h"
#include "passes/interpret/tensor.h"
#include "passes/lower/target.h"

namespace graft {

// How far a kernel may be from the interpreter: |got - want| <= absolute +
// relative |want|, element by element.
struct Tolerance {
  double absolute = 1e-6;
  double relative = 1e-5;
};

// The phase function @f of a module, compiled to native code and loaded.
class KernelProgram {
 public:
  // Bytes of a result.
  using Bytes = std::vector<char>;

  // Parses `text` (sizes T, S and P are declared for it), outlines, merges and
  // compiles for `target`. Null, with a test failure, when something fails.
  // What is compiled for another architecture cannot be run.
  // `generic` takes the RegionLoweringInterface of ops that have an emitter,
  // too.
  static std::unique_ptr<KernelProgram> create(llvm::StringRef text,
                                               const Target& target,
                                               bool generic = false);

  struct Options {
    interpret::RandomState random;
    // Cuts each launch into random ranges of work items, done in random order.
    bool split = false;
    // Lets a result take the buffer of a tied operand that dies there.
    bool tie = false;
    unsigned seed = 0;
  };

  // Results of @f on `arguments`. Fails the test when a kernel writes outside
  // of its buffers.
  std::vector<Bytes> run(llvm::ArrayRef<interpret::Value> arguments,
                         const Options& options);

  // Seconds of the fastest of `repeats` runs, on one thread.
  double measure(llvm::ArrayRef<interpret::Value> arguments,
                 const Options& options, int repeats);

  mlir::ModuleOp getModule() { return *module; }

 private:
  struct Run;

  mlir::MLIRContext* context = nullptr;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  interpret::NativeKernels kernels;
};

// The context all tests share, with every dialect registered.
mlir::MLIRContext& getTestContext();

// Runs @f of `text` in the interpreter and as native code of the best CPU level
// of each register width that this machine runs: whole, in random splits and
// with ties. Native runs of a level must be equal to the bit, and within
// `tolerance` of the interpreter.
void expectKernelsMatch(const std::string& text,
                        llvm::ArrayRef<interpret::Value> arguments,
                        Tolerance tolerance = {},
                        interpret::RandomState random = {},
                        bool generic = false);

// Types as text: tokenMatrix(4) is tensor<?x4xf32, #graft.dims<T>>, rows of
// sequences likewise; !graft.segments<T, S> is "segments" in a signature.
std::string tokenMatrix(int64_t width);
std::string sequenceMatrix(int64_t width);

// The phase @f with these parameters, "%x: type, ...", and this op as its
// text before the colon of its types; it returns all `results` types.
//   program("%x: tensor<4xf32>", "graft.relu %x", "tensor<4xf32>",
//           {"tensor<4xf32>"})
// writes `%r:1 = graft.relu %x : tensor<4xf32>`.
std::string program(const std::string& parameters, const std::string& op,
                    const std::string& opType,
                    const std::vector<std::string>& results);

// A float tensor of normal deviates times `deviation` plus `mean`.
interpret::Tensor randomTensor(llvm::ArrayRef<int64_t> shape,
                               double deviation = 1.0, double mean = 0.0,
                               unsigned seed = 1);
// Integers in [0, count).
interpret::Tensor randomIds(int64_t size, int64_t count, unsigned seed = 1);

}  // namespace graft

#endif  // GRAFT_TEST_PASSES_LOWER_KERNEL_TEST_H_
