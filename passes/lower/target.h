// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What programs are compiled for. Outlining, pipelines, tools and the export
// know targets by this interface alone: a target is one folder with its code
// and one registration, here or in a plug-in.

#ifndef GRAFT_PASSES_LOWER_TARGET_H_
#define GRAFT_PASSES_LOWER_TARGET_H_

#include <memory>
#include <string>

#include "dialects/exec/exec_dialect.h"
#include "llvm/Support/Error.h"
#include "passes/lower/kernel_emitter.h"

namespace graft {

// The kernels of one `exec.kernels` as code.
struct KernelCode {
  std::string bytes;  // of the target's kind; empty if there are no kernels
  // The function of each kernel, in the order of the kernels in `exec.kernels`.
  llvm::SmallVector<std::string> symbols;
};

// Immutable once it is registered; const methods are thread-safe for different
// contexts.
class Target {
 public:
  // `name` is what options and stages call it, such as "avx2".
  explicit Target(std::string name) : name(std::move(name)) {}
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  const std::string& getName() const { return name; }

  // The ISA level that a machine must have to run the code, as in
  // runtime/device/cpu/cpu_level.h.
  virtual llvm::StringRef getLevel() const = 0;
  // LLVM's triple of that machine.
  virtual llvm::StringRef getTriple() const = 0;
  // The kind of device that runs the code, as in runtime/device.
  virtual llvm::StringRef getDeviceKind() const { return "cpu"; }
  // What the code is: "elf" is a shared object of functions of C type
  // GraftKernel (runtime/schema/kernel_abi.h).
  virtual llvm::StringRef getCodeKind() const { return "elf"; }

  // Replaces `op`, in a phase, by kernels and launches of them, or emits a
  // diagnostic. A target that lowers some ops only hands the rest to another
  // target's `lower` with the same context.
  virtual mlir::LogicalResult lower(mlir::Operation* op,
                                    mlir::OpBuilder& builder,
                                    KernelContext& context) const = 0;

  // Whether the kernels of all users of `op` do its work, so that it is not
  // lowered itself; `op` is erased once they are lowered. None by default.
  virtual bool isAbsorbed(mlir::Operation* op,
                          const KernelContext& context) const {
    return false;
  }

  // Compiles every kernel of `kernels` without a change of the IR. Named sizes
  // are the `graft.size` ops of the module around it, in order. Code of single
  // kernels may be kept in `cacheDirectory` and taken from there; the result is
  // the same. Empty: none is. Fails with a diagnostic at the kernel.
  virtual mlir::FailureOr<KernelCode> compile(
      exec::KernelsOp kernels, llvm::StringRef cacheDirectory) const = 0;

 private:
  std::string name;
};

// Adds a target for the rest of the process. Fails if one of its name is there.
// Not thread-safe.
llvm::Error registerTarget(std::unique_ptr<Target> target);

// All targets, in the order of their registration.
llvm::SmallVector<const Target*> getTargets();

// The target of a name, or null.
const Target* lookupTarget(llvm::StringRef name);

// The best target whose code this machine runs, of those named as the level
// that they need; the first target if there is none. Expects a registered
// target.
const Target& getHostTarget();

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_TARGET_H_
