// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <map>
#include <vector>

#include "dialects/exec/exec_dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/Threading.h"
#include "passes/lower/kernel_key.h"
#include "passes/lower/passes.h"
#include "passes/lower/structure.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_LOWERMERGEKERNELSPASS
#include "passes/lower/passes.h.inc"

namespace {

// All of a kernel but its name.
KernelKey getKey(func::FuncOp kernel) {
  KernelKey key;
  addStructure(kernel, key, {SymbolTable::getSymbolAttrName()});
  return key;
}

struct LowerMergeKernelsPass
    : public impl::LowerMergeKernelsPassBase<LowerMergeKernelsPass> {
  void runOnOperation() override {
    for (auto kernels : getOperation().getOps<exec::KernelsOp>())
      mergeKernels(kernels);
  }

  void mergeKernels(exec::KernelsOp kernels) {
    auto all = llvm::to_vector(kernels.getBody().getOps<func::FuncOp>());
    std::vector<KernelKey> keys(all.size());
    parallelFor(&getContext(), 0, all.size(),
                [&](size_t i) { keys[i] = getKey(all[i]); });
    std::map<KernelKey, StringAttr> first;
    llvm::DenseMap<StringAttr, StringAttr> representative;
    for (auto [kernel, key] : llvm::zip_equal(all, keys)) {
      StringAttr name = kernel.getSymNameAttr();
      representative[name] =
          first.try_emplace(std::move(key), name).first->second;
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
