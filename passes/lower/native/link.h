// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_PASSES_LOWER_NATIVE_LINK_H_
#define GRAFT_PASSES_LOWER_NATIVE_LINK_H_

#include <string>
#include <vector>

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace graft {

// What each object calls its kernel.
inline constexpr llvm::StringLiteral kObjectSymbol = "kernel";

// A relocatable ELF object, and what the shared object calls its kernel.
struct NamedObject {
  std::string symbol;
  llvm::SmallVector<char, 0> bytes;
};

// Links objects into a shared object, with lld in this process. Thread-safe:
// calls wait for each other, because lld has globals.
llvm::Expected<std::string> linkSharedObject(
    const std::vector<NamedObject>& objects);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_NATIVE_LINK_H_
