// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The strategies that come with the compiler. Each is a page of its own,
// NAME.mlir in this folder, which the build puts into the compiler: a method is
// one file, and one line in CMakeLists.txt. Others are written by users, as
// docs/strategies.md says.

#ifndef GRAFT_MODELS_STRATEGIES_REGISTRY_H_
#define GRAFT_MODELS_STRATEGIES_REGISTRY_H_

#include <cstddef>

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace graft {

struct StrategyPage {
  // Of the file, without its ending; also the symbol of the strategy.
  const char* name;
  // A module with one transfer.strategy, which is not linked, and models of its
  // own. It adapts the model @model; one that distils also calls @teacher.
  const char* text;
};

// Generated from the files.
extern const StrategyPage kStrategyPages[];
extern const size_t kStrategyPageCount;

// All pages, in alphabetical order. They live as long as the process.
llvm::ArrayRef<StrategyPage> getStrategyPages();

// The page `name`, or null.
const StrategyPage* findStrategyPage(llvm::StringRef name);

}  // namespace graft

#endif  // GRAFT_MODELS_STRATEGIES_REGISTRY_H_
