// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/related_loss.h"

#include "dialects/graft/size_renaming.h"
#include "passes/transfer/entry.h"
#include "passes/transfer/set_losses.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// What is related of one stream.
struct Side {
  StreamOp stream;
  SmallVector<Value> own;  // terms of the loss
  SmallVector<Value> rows;
  int64_t ordinal;  // of its random numbers
};

// A row of each example: where its values and derivatives are.
struct Row {
  exec::SourceAttr values;
  exec::SourceAttr gradients;  // null where no parameter is trained behind it
};

class Builder {
 public:
  Builder(StrategyOp strategy, const RelatedLoss& loss, HostProgram& host,
          llvm::function_ref<std::string(StringRef, StreamOp)> name,
          SmallVectorImpl<Accumulation>& calls)
      : strategy(strategy),
        loss(loss),
        phase(loss.phase),
        host(host),
        name(name),
        calls(calls) {}

  LogicalResult build(int64_t& ordinals);

 private:
  LogicalResult represent(const Side& side);
  LogicalResult relate();
  LogicalResult accumulate(const Side& side);
  // The results of calls of models of one stream in the order of the strategy,
  // by which random numbers are drawn.
  SmallVector<Value> callsOf(const Side& side);
  LogicalResult emit(Entry& entry, ArrayRef<Value> values);
  // Renames the sizes of micro-batches to those of whole batches.
  void takeBatches(func::FuncOp function);
  bool isTrained(Value row);
  std::string nameOfRow(Value row) {
    auto* found = llvm::find(loss.cut.rows, row);
    return ("row" + Twine(found - loss.cut.rows.begin())).str();
  }

  StrategyOp strategy;
  const RelatedLoss& loss;
  PhaseOp phase;
  HostProgram& host;
  llvm::function_ref<std::string(StringRef, StreamOp)> name;
  SmallVectorImpl<Accumulation>& calls;
  SmallVector<Side> sides;
  llvm::DenseMap<Value, Row> rows;
};

LogicalResult Builder::build(int64_t& ordinals) {
  for (StreamOp stream : loss.part.streams) {
    auto isOfStream = [&](Value value) {
      return llvm::is_contained(getStreams({value}), stream);
    };
    Side& side = sides.emplace_back(Side{stream, {}, {}, ordinals++});
    llvm::copy_if(loss.cut.own, std::back_inserter(side.own), isOfStream);
    llvm::copy_if(loss.cut.rows, std::back_inserter(side.rows), isOfStream);
  }
  for (const Side& side : sides)
    if (!side.rows.empty() && failed(represent(side))) return failure();
  if (failed(relate())) return failure();
  for (const Side& side : sides)
    if (failed(accumulate(side))) return failure();
  return success();
}

bool Builder::isTrained(Value row) {
  ParameterSet reached = getReachedParameters(row);
  return llvm::any_of(loss.trained, [&](const GroupedParameter& item) {
    return reached.contains(item.parameter.symbol);
  });
}

SmallVector<Value> Builder::callsOf(const Side& side) {
  SmallVector<Value> values(side.own), results;
  llvm::append_range(values, side.rows);
  auto follows = [](OpOperand& use) { return !isa<KeepOp>(use.getOwner()); };
  for (Operation* op : getComputation(values, follows))
    if (isa<CallOp>(op)) results.push_back(op->getResult(0));
  return results;
}

LogicalResult Builder::emit(Entry& entry, ArrayRef<Value> values) {
  for (Value value : values)
    if (failed(entry.compute(value))) return failure();
  return success();
}

LogicalResult Builder::represent(const Side& side) {
  std::string entryName = name("represent", side.stream);
  Entry entry(strategy, entryName, kTrain);
  entry.setOrdinal(side.ordinal);
  // Of calls that only `accumulate` needs nothing is left but their draws.
  SmallVector<Value> values = callsOf(side);
  llvm::append_range(values, side.rows);
  entry.addFieldsOf(side.stream, values);
  for (Value value : values) {
    entry.addCaches(value);
    entry.addFactors(value, phase, host);
  }
  if (failed(emit(entry, values))) return failure();
  SmallVector<Value> results;
  SmallVector<std::string> names;
  for (Value row : side.rows) {
    names.push_back(nameOfRow(row));
    rows[row].values = host.addRows(name(names.back(), {}), side.stream,
                                    entryName, results.size());
    results.push_back(*entry.compute(row));
  }
  entry.finish(results, SmallVector<StringRef>(names.begin(), names.end()));
  calls.push_back({entryName, {side.stream}, "", false, /*hasLoss=*/false});
  return success();
}

LogicalResult Builder::relate() {
  std::string entryName = name("relate", {});
  Entry entry(strategy, entryName, kTrain);
  entry.restrictTo(phase.getLoss(), loss.cut.related);
  Value sum = phase.getLoss();
  for (Value row : loss.cut.rows)
    entry.addGiven(row, nameOfRow(row), rows[row].values);
  for (const Side& side : sides) entry.addFieldsOf(side.stream, sum);
  entry.addCaches(sum);
  if (failed(entry.addTotals(sum, host))) return failure();
  entry.addFactors(sum, phase, host);
  FailureOr<Value> value = entry.compute(sum);
  if (failed(value)) return failure();

  entry.builder.setLoc(phase.getLoc());
  ParameterSet reached = getReachedParameters(loss.cut.related, loss.cut.rows);
  SmallVector<Value> trained, given;
  llvm::copy_if(loss.cut.rows, std::back_inserter(trained),
                [&](Value row) { return isTrained(row); });
  for (Value row : trained) given.push_back(*entry.compute(row));
  SmallVector<Value> results = {*value};
  SmallVector<std::string> names = {"loss"};
  llvm::append_range(results,
                     entry.addGradients(*value, loss.trained, reached, given));
  for (Value row : trained) {
    names.push_back(nameOfRow(row) + ".gradient");
    rows[row].gradients =
        host.addRows(name(names.back(), {}), getStreams({row}).front(),
                     entryName, names.size() - 1);
  }
  entry.finish(results, SmallVector<StringRef>(names.begin(), names.end()));
  takeBatches(entry.function);
  calls.push_back({entryName, loss.part.streams, "", /*atOnce=*/true});
  return success();
}

void Builder::takeBatches(func::FuncOp function) {
  SizeRenaming sizes;
  for (Side& side : sides)
    sizes[side.stream.getSequencesAttr().getAttr()] =
        host.addBatchSize(side.stream, *strategy.getBatch());
  renameSizes(function, sizes);
}

LogicalResult Builder::accumulate(const Side& side) {
  SmallVector<Value> pushed;
  llvm::copy_if(side.rows, std::back_inserter(pushed),
                [&](Value row) { return rows[row].gradients != nullptr; });
  if (pushed.empty() && side.own.empty()) return success();
  std::string entryName = name("accumulate", side.stream);
  Entry entry(strategy, entryName, kTrain);
  entry.setOrdinal(side.ordinal);
  entry.addFields(side.stream, {});
  SmallVector<Value> needed(side.rows);
  if (!side.own.empty()) {
    entry.restrictTo(phase.getLoss(), side.own);
    needed.push_back(phase.getLoss());
    if (failed(entry.addTotals(phase.getLoss(), host))) return failure();
  }
  for (Value value : needed) {
    entry.addCaches(value);
    entry.addFactors(value, phase, host);
  }
  SmallVector<Value> gradients;
  for (Value row : pushed)
    gradients.push_back(entry.addArgument(nameOfRow(row) + ".gradient",
                                          row.getType(), rows[row].gradients));
  if (failed(emit(entry, callsOf(side)))) return failure();
  SmallVector<Value> terms;
  if (!side.own.empty()) {
    FailureOr<Value> own = entry.compute(phase.getLoss());
    if (failed(own)) return failure();
    terms.push_back(*own);
  }
  for (auto [row, gradient] : llvm::zip_equal(pushed, gradients)) {
    FailureOr<Value> value = entry.compute(row);
    if (failed(value)) return failure();
    entry.builder.setLoc(phase.getLoc());
    terms.push_back(buildSumOfProducts(entry.builder, *value, gradient));
  }
  entry.builder.setLoc(phase.getLoc());
  Value total = terms.front();
  for (Value term : llvm::drop_begin(terms))
    total = AddOp::create(entry.builder, total, term);
  SmallVector<Value> sources(side.own);
  llvm::append_range(sources, pushed);
  entry.addGradients(total, loss.trained, getReachedParameters(sources));
  if (side.own.empty())
    entry.finish({}, {});
  else
    entry.finish({terms.front()}, {"loss"});
  calls.push_back(
      {entryName, {side.stream}, "", false, /*hasLoss=*/!side.own.empty()});
  return success();
}

}  // namespace

LogicalResult buildRelatedLoss(
    StrategyOp strategy, const RelatedLoss& loss, HostProgram& host,
    llvm::function_ref<std::string(StringRef, StreamOp)> name,
    int64_t& ordinals, SmallVectorImpl<Accumulation>& calls) {
  return Builder(strategy, loss, host, name, calls).build(ordinals);
}

}  // namespace graft::transfer
