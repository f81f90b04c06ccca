// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Machine code of kernels that were compiled before, in a folder of files.

#ifndef GRAFT_PASSES_LOWER_NATIVE_OBJECT_CACHE_H_
#define GRAFT_PASSES_LOWER_NATIVE_OBJECT_CACHE_H_

#include <optional>
#include <string>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/lower/native/native.h"

namespace graft {

// Keys are hashes of all that an object depends on: the kernel but its name,
// the places of its sizes among the program's, the machine, and the compiler's
// own code, so an object of another build is never taken and programs share
// what they have in common. Files are written aside and renamed, carry a
// checksum, and go when they are old or many. Whatever is wrong with the folder
// or a file in it costs time and nothing else. Thread-safe; so is the folder,
// for any number of processes.
class ObjectCache {
 public:
  using Object = llvm::SmallVector<char, 0>;

  // Keeps nothing where `directory` is empty; else it is created.
  explicit ObjectCache(llvm::StringRef directory);
  // Removes the files that are too old or too many.
  ~ObjectCache();
  ObjectCache(const ObjectCache&) = delete;
  ObjectCache& operator=(const ObjectCache&) = delete;

  // Of a kernel before it is lowered; empty where nothing is kept. `sizes` are
  // those of the program, in the order of the table that kernels read.
  std::string key(mlir::func::FuncOp kernel, const NativeMachine& machine,
                  llvm::ArrayRef<std::string> sizes) const;

  // The object that was kept under `key`, if it is there and whole.
  std::optional<Object> find(const std::string& key) const;
  void keep(const std::string& key, llvm::ArrayRef<char> object) const;

 private:
  std::string path(const std::string& key) const;

  std::string directory;
  std::string compiler;  // hash of this library's file
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_NATIVE_OBJECT_CACHE_H_
