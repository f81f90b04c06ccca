// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/elementwise/region.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace graft {

FailureOr<ElementwiseRegion> getElementwiseRegion(RegionOp op,
                                                  Block::iterator first,
                                                  Block::iterator last,
                                                  RankedTensorType type) {
  ElementwiseRegion lanes;
  SmallVector<Operation*>& ops = lanes.program.ops;
  for (Operation& inner : llvm::make_range(first, last)) {
    if (!isElementwise(&inner))
      return op.emitOpError(
                 "expects elementwise ops that have a form in "
                 "registers, got '")
                 << inner.getName() << "'",
             failure();
    if (!hasShape(inner.getOperands(), type) ||
        !hasShape(inner.getResults(), type))
      return op.emitOpError("expects tensors of shape ")
                 << type << ", got '" << inner.getName() << "' of "
                 << inner.getOperandTypes(),
             failure();
    if (isa<DropoutOp>(inner) && llvm::any_of(ops, llvm::IsaPred<DropoutOp>))
      return op.emitOpError("expects one dropout, got another"), failure();
    ops.push_back(&inner);
  }
  if (!hasShape(op.getOutputs(), type))
    return op.emitOpError("expects results of one shape, got ")
               << op.getOutputs().getTypes(),
           failure();
  for (auto [argument, input] :
       llvm::zip_equal(op.getBody().getArguments(), op.getInputs())) {
    if (llvm::none_of(argument.getUsers(), [&](Operation* user) {
          return llvm::is_contained(ops, user);
        }))
      continue;
    lanes.program.inputs.push_back(argument);
    lanes.operands.push_back(input);
  }
  return lanes;
}

void addTies(TypeRange results, ValueRange operands, int64_t first,
             SmallVectorImpl<int64_t>& ties, int64_t skipped, ValueRange kept) {
  for (auto [index, operand] : llvm::enumerate(operands)) {
    bool again = llvm::is_contained(operands.take_front(index), operand);
    if (llvm::is_contained(kept, operand) || (again && results.size() > 1))
      continue;
    SmallVector<int64_t> candidates;
    for (auto [result, type] : llvm::enumerate(results))
      if (type == operand.getType() && static_cast<int64_t>(result) != skipped)
        candidates.push_back(static_cast<int64_t>(result));
    if (candidates.empty()) continue;
    ties.append({candidates[index % candidates.size()],
                 first + static_cast<int64_t>(index)});
  }
}

std::string getRegionStem(RegionOp op) {
  // A long list would say less in a table of kernels.
  constexpr size_t kNames = 4;
  SmallVector<StringRef> names;
  for (Operation& inner : op.getBody().front().without_terminator())
    names.push_back(inner.getName().stripDialect());
  std::string stem = llvm::join(
      ArrayRef(names).take_front(std::min(kNames, names.size())), "_");
  return names.size() > kNames ? stem + "_etc" : stem;
}

}  // namespace graft
