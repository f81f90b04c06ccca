// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "builder.h"

#include "frontend/graph_builder.h"
#include "runtime/base/status_macros.h"

using namespace mlir;

namespace mean_embedding {

absl::StatusOr<OwningOpRef<ModuleOp>> buildModel(
    MLIRContext* context, const Config& config,
    const graft::BuildOptions& options) {
  GRAFT_RETURN_IF_ERROR(graft::checkCapacities(options));
  graft::GraphBuilder graph(context, options.name, options.weights);
  graph.declareSize("T", options.token_capacity);
  graph.declareSize("S", options.sequence_capacity);
  OpBuilder& ops = graph.ops();
  Type segments = graft::SegmentsType::get(context, ops.getStringAttr("T"),
                                           ops.getStringAttr("S"));
  const graft::GraphBuilder::Argument arguments[] = {
      {"ids", graph.rows("T", {}, ops.getI32Type())}, {"segments", segments}};
  graph.addFunction("encode", arguments, "rows", [&](ValueRange values) {
    return graph.embedding(values[0], "words", config.words, config.width,
                           "rows");
  });
  if (options.labels > 0 || options.pooled) {
    graph.addFunction("pooled", arguments, "pooled", [&](ValueRange values) {
      Value rows = graph.call("encode", values, "rows");
      return graft::SegmentPoolOp::create(ops, graph.location("mean"), rows,
                                          values[1], graft::PoolKind::mean);
    });
  }
  if (options.labels > 0) {
    const graft::GraphBuilder::Argument inputs[] = {
        {"pooled", graph.rows("S", {config.width}, ops.getF32Type())},
        {"segments", segments}};
    graph.addFunction("classify", inputs, "logits", [&](ValueRange values) {
      Value kept = graph.dropout(values[0], values[1],
                                 options.dropout.value_or(config.drop), "kept");
      return graph.linear(kept, "output", options.labels, "logits");
    });
    graph.addFunction("logits", arguments, "logits", [&](ValueRange values) {
      Value pooled = graph.call("pooled", values, "pooled");
      return graph.call("classify", {pooled, values[1]}, "logits");
    });
  }
  return graph.finish();
}

}  // namespace mean_embedding
