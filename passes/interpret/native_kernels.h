// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels as native code in this process: what holds generated code against
// the interpreter.

#ifndef GRAFT_PASSES_INTERPRET_NATIVE_KERNELS_H_
#define GRAFT_PASSES_INTERPRET_NATIVE_KERNELS_H_

#include <memory>
#include <string>
#include <vector>

#include "dialects/exec/exec_dialect.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/interpret/interpreter.h"
#include "passes/lower/target.h"
#include "runtime/device/cpu/code_library.h"

namespace graft::interpret {

// Memory of one tensor: aligned as the runtime aligns it, filled with NaN, and
// between bytes that must stay as they are.
class NativeBuffer {
 public:
  explicit NativeBuffer(size_t bytes);
  char* data();
  const char* data() const { return const_cast<NativeBuffer*>(this)->data(); }
  size_t size() const { return bytes; }
  // Whether nothing was written outside.
  bool isIntact() const;

 private:
  size_t bytes;
  std::vector<char> memory;
};
using NativeBufferPtr = std::shared_ptr<NativeBuffer>;

// Bytes of one element in a kernel's buffer.
size_t elementBytes(ElementKind kind);

// Buffers that a kernel gets for `value`: one of a tensor, three of segments
// (offsets, ordinals, rows).
llvm::SmallVector<NativeBufferPtr> makeBuffers(const Value& value);

// The tensor of this shape whose elements begin at `data`.
Tensor readTensor(llvm::ArrayRef<int64_t> shape, ElementKind kind,
                  const char* data);

// Values of named sizes.
using NamedSizes = llvm::StringMap<int64_t>;

// The named sizes that values of these types have.
NamedSizes bindSizes(mlir::TypeRange types, llvm::ArrayRef<Value> values);

// The shape of a tensor of this type. Its dynamic dimensions must have names;
// a size that is not known counts as 0.
llvm::SmallVector<int64_t> shapeOf(mlir::RankedTensorType type,
                                   const NamedSizes& sizes);

// Memory for a tensor of this type.
NativeBufferPtr makeBuffer(mlir::RankedTensorType type,
                           const NamedSizes& sizes);

// Work items of a launch; sizes that are not known count as 0.
int64_t countItems(exec::GridAttr grid, const NamedSizes& sizes);

// The kernels of a module, compiled and loaded. Not thread-safe while it loads.
class NativeKernels {
 public:
  // Makes the kernels of the module's `exec.kernels` the ones that run, as code
  // for `target`, of kind "elf". A kernel whose text was compiled before, under
  // whatever name, is not compiled again. Kernels for another architecture are
  // compiled and not loaded. `cacheDirectory` is that of Target::compile. Fails
  // with a diagnostic.
  llvm::LogicalResult load(mlir::ModuleOp module, const Target& target,
                           llvm::StringRef cacheDirectory = "");

  // Does the work items [begin, end) of a launch of `kernel`, which must be
  // loaded. `buffers` are those of the operands, then of the results; `draws`
  // is the launch's `random`.
  void run(llvm::StringRef kernel, llvm::ArrayRef<void*> buffers,
           const NamedSizes& sizes, RandomState random, uint64_t draws,
           int64_t begin, int64_t end) const;

  bool contains(llvm::StringRef kernel) const { return loaded.count(kernel); }

 private:
  llvm::StringMap<GraftKernel> loaded;  // by name
  llvm::StringMap<GraftKernel> byText;
  std::vector<std::unique_ptr<CodeLibrary>> libraries;
  // The program's named sizes, in the order of kernels' tables.
  std::vector<std::string> sizeNames;
};

// Runs an `exec.launch` on the operands of `call`. The kernel must be loaded.
llvm::LogicalResult runLaunch(const NativeKernels& kernels, OpCall& call);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_NATIVE_KERNELS_H_
