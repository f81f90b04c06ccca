// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/taps.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace graft::transfer {

FailureOr<graft::TapOp> findTap(TapOp tap, func::FuncOp callee) {
  graft::TapOp found;
  llvm::SetVector<StringRef> kinds;
  llvm::SetVector<func::FuncOp> functions;
  functions.insert(callee);
  for (size_t i = 0; i < functions.size(); ++i) {
    func::FuncOp function = functions[i];
    function.walk([&](Operation* op) {
      if (auto call = dyn_cast<graft::CallOp>(op))
        if (auto inner = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
                call, call.getCallee()))
          functions.insert(inner);
      auto named = dyn_cast<graft::TapOp>(op);
      if (!named) return;
      kinds.insert(named.getKind());
      if (!found && named.getKind() == tap.getKind()) found = named;
    });
  }
  if (found) return found;
  auto model = callee->getParentOfType<ModelOp>();
  InFlightDiagnostic diagnostic = tap.emitOpError("expects @")
                                  << model.getSymName() << "::@"
                                  << callee.getSymName() << " to have \""
                                  << tap.getKind() << "\" of its layers, got ";
  if (kinds.empty())
    diagnostic << "none, nor others";
  else
    diagnostic << llvm::join(kinds, ", ");
  diagnostic.attachNote(callee.getLoc()) << "declared here";
  return diagnostic;
}

}  // namespace graft::transfer
