// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_PASSES_LOWER_NATIVE_LINK_H_
#define GRAFT_PASSES_LOWER_NATIVE_LINK_H_

#include <string>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

namespace graft {

// Links relocatable ELF objects into a shared object, with lld in this
// process. Thread-safe: calls wait for each other, because lld has globals.
llvm::Expected<std::string> linkSharedObject(
    llvm::ArrayRef<llvm::SmallVector<char, 0>> objects);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_NATIVE_LINK_H_
