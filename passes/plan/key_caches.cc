// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "dialects/exec/exec_host.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/plan/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_PLANKEYCACHESPASS
#include "passes/plan/passes.h.inc"

namespace {

// The graph of an entry as text, under one name for all.
std::string describe(func::FuncOp entry) {
  OwningOpRef<func::FuncOp> copy = entry.clone();
  copy->setSymName("rows");
  copy->getOperation()->setDiscardableAttrs(
      DictionaryAttr::get(entry.getContext()));
  copy->removeResAttrsAttr();  // they have the name of the cache
  std::string text;
  llvm::raw_string_ostream stream(text);
  copy->print(stream, OpPrintingFlags().useLocalScope());
  return text;
}

struct PlanKeyCachesPass : impl::PlanKeyCachesPassBase<PlanKeyCachesPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](exec::CacheOp cache) {
      if (cache.getBatch()) return;
      auto entry = symbols.lookup<func::FuncOp>(cache.getEntry());
      // What the entry has become already says no more what it computes.
      if (!entry) return;
      cache.setKey(
          llvm::formatv("{0:x-16}", llvm::xxh3_64bits(describe(entry))).str());
    });
  }
};

}  // namespace
}  // namespace graft
