// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/exec/exec_dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/Threading.h"
#include "passes/lower/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_LOWERMERGEKERNELSPASS
#include "passes/lower/passes.h.inc"

namespace {

constexpr OperationEquivalence::Flags kIgnoreLocations =
    OperationEquivalence::IgnoreLocations;

// The function's attributes without its name.
DictionaryAttr interfaceOf(func::FuncOp kernel) {
  NamedAttrList attributes(kernel->getAttrDictionary());
  attributes.erase(kernel.getSymNameAttrName());
  return attributes.getDictionary(kernel.getContext());
}

llvm::hash_code hashKernel(func::FuncOp kernel) {
  llvm::hash_code hash = hash_value(interfaceOf(kernel));
  kernel.getBody().walk([&](Operation* op) {
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(
                  op, OperationEquivalence::ignoreHashValue,
                  OperationEquivalence::ignoreHashValue, kIgnoreLocations));
  });
  return hash;
}

bool equalKernels(func::FuncOp a, func::FuncOp b) {
  return interfaceOf(a) == interfaceOf(b) &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    kIgnoreLocations);
}

struct LowerMergeKernelsPass
    : public impl::LowerMergeKernelsPassBase<LowerMergeKernelsPass> {
  void runOnOperation() override {
    for (auto kernels : getOperation().getOps<exec::KernelsOp>())
      mergeKernels(kernels);
  }

  void mergeKernels(exec::KernelsOp kernels) {
    llvm::DenseMap<size_t, SmallVector<func::FuncOp, 1>> byHash;
    llvm::DenseMap<StringAttr, StringAttr> representative;
    auto all = llvm::to_vector(kernels.getBody().getOps<func::FuncOp>());
    SmallVector<llvm::hash_code> hashes(all.size(), llvm::hash_code(0));
    parallelFor(&getContext(), 0, all.size(),
                [&](size_t i) { hashes[i] = hashKernel(all[i]); });
    for (auto [kernel, hash] : llvm::zip_equal(all, hashes)) {
      auto& candidates = byHash[hash];
      auto* same = llvm::find_if(candidates, [&](func::FuncOp candidate) {
        return equalKernels(candidate, kernel);
      });
      if (same == candidates.end()) {
        candidates.push_back(kernel);
        representative[kernel.getSymNameAttr()] = kernel.getSymNameAttr();
      } else {
        representative[kernel.getSymNameAttr()] = same->getSymNameAttr();
      }
    }
    SmallVector<exec::LaunchOp> launches;
    llvm::DenseSet<StringAttr> used;
    getOperation().walk([&](exec::LaunchOp launch) {
      SymbolRefAttr symbol = launch.getKernel();
      if (symbol.getRootReference() != kernels.getSymNameAttr()) return;
      StringAttr name = representative.lookup(symbol.getLeafReference());
      if (!name) return;
      launches.push_back(launch);
      used.insert(name);
    });
    for (auto kernel :
         llvm::make_early_inc_range(kernels.getBody().getOps<func::FuncOp>()))
      if (!used.contains(kernel.getSymNameAttr())) kernel.erase();
    llvm::DenseMap<StringAttr, StringAttr> names = renumber(kernels);
    for (exec::LaunchOp launch : launches) {
      SymbolRefAttr symbol = launch.getKernel();
      StringAttr name = representative.lookup(symbol.getLeafReference());
      launch.setKernelAttr(
          SymbolRefAttr::get(symbol.getRootReference(),
                             {FlatSymbolRefAttr::get(names.lookup(name))}));
    }
  }

  // Closes the gaps in the numbers that end the kernels' names, so that code
  // does not depend on how many kernels there were. Returns new names by old.
  static llvm::DenseMap<StringAttr, StringAttr> renumber(
      exec::KernelsOp kernels) {
    llvm::DenseMap<StringAttr, StringAttr> names;
    unsigned next = 0;
    for (auto kernel : kernels.getBody().getOps<func::FuncOp>()) {
      StringAttr old = kernel.getSymNameAttr();
      auto [stem, number] = old.getValue().rsplit('.');
      auto name =
          StringAttr::get(kernels.getContext(), stem + "." + Twine(next++));
      unsigned ignored;
      // Numbers grow in what the outline pass makes, so a smaller one is free.
      if (number.getAsInteger(10, ignored) ||
          SymbolTable::lookupSymbolIn(kernels, name))
        name = old;
      kernel.setSymNameAttr(name);
      names[old] = name;
    }
    return names;
  }
};

}  // namespace
}  // namespace graft
