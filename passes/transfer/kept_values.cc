// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/kept_values.h"

#include "passes/transfer/entry.h"

using namespace mlir;

namespace graft::transfer {

// Examples of a batch at most, unless the strategy says how many.
constexpr int64_t kMostExamples = 65536;

SmallVector<KeptStream> findKept(StrategyOp strategy) {
  SmallVector<KeptStream> found;
  for (auto stream : strategy.getOps<StreamOp>()) {
    SmallVector<KeepOp> values;
    for (auto keep : strategy.getOps<KeepOp>())
      if (getStreams({keep.getInput()}).front() == stream)
        values.push_back(keep);
    if (!values.empty()) found.push_back({stream, std::move(values), "keep"});
  }
  if (found.size() == 1) return found;
  for (KeptStream& kept : found)
    kept.entry = ("keep_" + kept.stream.getSymName()).str();
  return found;
}

FailureOr<Accumulation> buildKept(StrategyOp strategy, const KeptStream& kept,
                                  int64_t ordinal, HostProgram& host) {
  Entry entry(strategy, kept.entry, kKeep);
  entry.setOrdinal(ordinal);
  SmallVector<Value> values;
  SmallVector<std::string> names;
  for (KeepOp keep : kept.values) {
    values.push_back(keep.getInput());
    names.push_back(("kept." + keep.getSymName()).str());
  }
  entry.addFieldsOf(kept.stream, values);
  for (Value value : values) {
    entry.addCaches(value);
    entry.addFactors(value, /*phase=*/{}, host);
  }
  SmallVector<Value> results;
  for (Value value : values) {
    FailureOr<Value> result = entry.compute(value);
    if (failed(result)) return failure();
    results.push_back(*result);
  }
  host.addBatchSize(kept.stream, strategy.getBatch().value_or(kMostExamples));
  entry.finish(results, SmallVector<StringRef>(names.begin(), names.end()));
  return Accumulation{kept.entry,
                      {kept.stream},
                      /*whole=*/"",
                      /*atOnce=*/false,
                      /*hasLoss=*/false};
}

}  // namespace graft::transfer
