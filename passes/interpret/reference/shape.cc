// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Ops that move elements: reshapes, column blocks and rows by index.

#include <algorithm>

#include "dialects/graft/graft_ops.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/reference/util.h"

using namespace mlir;

namespace graft::interpret {

LogicalResult checkIds(OpCall& call, const Tensor& ids, int64_t count,
                       StringRef what) {
  for (int64_t i = 0; i < ids.size(); ++i)
    if (ids.id(i) < 0 || ids.id(i) >= count)
      return call.getOperation()->emitOpError("expects ")
             << what << " in [0, " << count << "), got " << ids.id(i)
             << " at row " << i;
  return success();
}

namespace {

LogicalResult reshape(OpCall& call) {
  call.result().values = call.tensor(0).values;
  return success();
}

LogicalResult transpose(OpCall& call) {
  const Tensor& input = call.tensor(0);
  for (int64_t i = 0; i < input.rows(); ++i)
    for (int64_t j = 0; j < input.columns(); ++j)
      call.result().row(j)[i] = input.row(i)[j];
  return success();
}

LogicalResult concat(OpCall& call) {
  Tensor& output = call.result();
  for (int64_t i = 0; i < output.rows(); ++i) {
    double* out = output.row(i);
    for (unsigned k = 0; k < call.numOperands(); ++k)
      out = std::copy_n(call.tensor(k).row(i), call.tensor(k).columns(), out);
  }
  return success();
}

LogicalResult slice(OpCall& call) {
  auto op = call.as<SliceOp>();
  Tensor& output = call.result();
  for (int64_t i = 0; i < output.rows(); ++i)
    std::copy_n(call.tensor(0).row(i) + op.getOffset(), output.columns(),
                output.row(i));
  return success();
}

// output[i] = table[ids[i]].
LogicalResult takeRows(OpCall& call, const Tensor& table, const Tensor& ids,
                       StringRef what) {
  if (failed(checkIds(call, ids, table.rows(), what))) return failure();
  Tensor& output = call.result();
  for (int64_t i = 0; i < output.rows(); ++i)
    std::copy_n(table.row(ids.id(i)), output.columns(), output.row(i));
  return success();
}

LogicalResult gather(OpCall& call) {
  return takeRows(call, call.tensor(0), call.tensor(1), "indices");
}

LogicalResult embedding(OpCall& call) {
  return takeRows(call, call.tensor(1), call.tensor(0), "ids");
}

// target[ids[i]] += updates[i].
LogicalResult addRows(OpCall& call, const Tensor& ids, const Tensor& updates,
                      StringRef what) {
  Tensor& target = call.result();
  if (failed(checkIds(call, ids, target.rows(), what))) return failure();
  for (int64_t i = 0; i < updates.rows(); ++i)
    for (int64_t j = 0; j < updates.columns(); ++j)
      target.row(ids.id(i))[j] += updates.row(i)[j];
  return success();
}

LogicalResult scatterAdd(OpCall& call) {
  call.result().values = call.tensor(0).values;
  return addRows(call, call.tensor(1), call.tensor(2), "indices");
}

LogicalResult embeddingGradient(OpCall& call) {
  return addRows(call, call.tensor(0), call.tensor(1), "ids");
}

}  // namespace

void populateShapeReferences(References& references) {
  references["graft.reshape"] = reshape;
  references["graft.transpose"] = transpose;
  references["graft.concat"] = concat;
  references["graft.slice"] = slice;
  references["graft.gather"] = gather;
  references["graft.scatter_add"] = scatterAdd;
  references["graft.embedding"] = embedding;
  references["graft.embedding_gradient"] = embeddingGradient;
}

}  // namespace graft::interpret
