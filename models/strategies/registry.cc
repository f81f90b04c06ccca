// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/strategies/registry.h"

namespace graft {

llvm::ArrayRef<StrategyPage> getStrategyPages() {
  return {kStrategyPages, kStrategyPageCount};
}

const StrategyPage* findStrategyPage(llvm::StringRef name) {
  for (const StrategyPage& page : getStrategyPages())
    if (name == page.name) return &page;
  return nullptr;
}

}  // namespace graft
