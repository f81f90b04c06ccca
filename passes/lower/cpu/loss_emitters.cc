// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Losses of rows: [S, K] -> [S], the gradient of the cross-entropy, and labels
// as rows. Rows are independent and written whole; nothing accumulates.

#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/emitters.h"

using namespace mlir;

namespace graft {
namespace {

// Whether the row counts (i1, or null if every row does), and its label as an
// index that is safe to read at.
std::pair<Value, Value> labelOf(VectorBuilder& v, Value labels, Value row,
                                std::optional<int64_t> ignored) {
  Value label = v.loadScalar(labels, row);
  if (!ignored) return {Value(), v.toIndex(label)};
  OpBuilder& b = v.b();
  Value counts =
      arith::CmpIOp::create(b, v.location(), arith::CmpIPredicate::ne, label,
                            v.integer(static_cast<uint32_t>(*ignored)));
  return {counts, v.toIndex(v.select(counts, label, v.integer(0)))};
}

// Sum of `term(column, mask)` over a row, where masked lanes count as zero.
Value sumOf(VectorBuilder& v, int64_t width,
            llvm::function_ref<Value(Value column, Value mask)> term) {
  return v.sumLanes(reduceColumns(
                        v, width, v.splat(0),
                        [&](Value column, Value mask, ValueRange carried) {
                          Value value =
                              maskedOr(v, mask, term(column, mask), 0);
                          return SmallVector<Value>{v.add(carried[0], value)};
                        },
                        [&](unsigned, Value a, Value b) { return v.add(a, b); })
                        .front());
}

// loss = log sum exp(z) - (1 - e) z[label] - e / K sum z.
LogicalResult emitCrossEntropy(Operation* operation, OpBuilder& builder,
                               CpuContext& context) {
  auto op = cast<CrossEntropyOp>(operation);
  auto type = cast<RankedTensorType>(op.getLogits().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  double smoothing = op.getLabelSmoothing().convertToDouble();
  Work work = Work::rows(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, *width);
          auto read = [&](Value at, Value mask) {
            return v.load(flat[0], at, mask);
          };
          RowMaximum statistics = softmaxRow(v, *width, offset, read);
          auto [counts, label] = labelOf(v, flat[1], row, op.getIgnoreIndex());
          // All logits relative to the maximum, which keeps their digits.
          Value z = v.sub(v.loadScalar(flat[0], v.addIndex(offset, label)),
                          statistics.maximum);
          Value logSum = v.log(statistics.sum);
          Value loss;
          if (smoothing == 0) {
            loss = v.sub(logSum, z);
          } else {
            Value shift = v.broadcast(statistics.maximum);
            Value sum = sumOf(v, *width, [&](Value column, Value mask) {
              return v.sub(read(v.addIndex(offset, column), mask), shift);
            });
            double share = smoothing / static_cast<double>(*width);
            loss = v.sub(v.sub(logSum, v.mul(v.scalar(1 - smoothing), z)),
                         v.mul(v.scalar(share), sum));
          }
          if (counts) loss = v.select(counts, loss, v.scalar(0));
          v.storeScalar(loss, flat[2], row);
        });
      });
}

// d logits = gradient * (softmax - q).
LogicalResult emitCrossEntropyGradient(Operation* operation, OpBuilder& builder,
                                       CpuContext& context) {
  auto op = cast<CrossEntropyGradientOp>(operation);
  auto type = cast<RankedTensorType>(op.getLogits().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  double smoothing = op.getLabelSmoothing().convertToDouble();
  double share = smoothing / static_cast<double>(*width);
  Work work = Work::rows(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {0, 1},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, *width);
          auto read = [&](Value at, Value mask) {
            return v.load(flat[1], at, mask);
          };
          RowMaximum statistics = softmaxRow(v, *width, offset, read);
          auto [counts, label] = labelOf(v, flat[2], row, op.getIgnoreIndex());
          Value gradient = v.loadScalar(flat[0], row);
          if (counts) gradient = v.select(counts, gradient, v.scalar(0));
          Value place = v.addIndex(offset, label);
          // Of the label's element, while the logits are still there.
          Value own =
              v.exp(v.sub(v.loadScalar(flat[1], place), statistics.maximum));
          own = v.sub(v.div(own, statistics.sum),
                      v.scalar(1 - smoothing + share));
          Value shift = v.broadcast(statistics.maximum);
          Value factor = v.broadcast(v.div(v.scalar(1), statistics.sum));
          Value weight = v.broadcast(gradient);
          forColumns(v, *width, [&](Value column, Value mask) {
            Value at = v.addIndex(offset, column);
            Value p = v.mul(v.exp(v.sub(read(at, mask), shift)), factor);
            if (share != 0) p = v.sub(p, v.splat(share));
            v.store(v.mul(weight, p), flat[3], at, mask);
          });
          v.storeScalar(v.mul(gradient, own), flat[3], place);
        });
      });
}

// A row of zeros, and 1 at the label unless that is ignored.
LogicalResult emitOneHot(Operation* operation, OpBuilder& builder,
                         CpuContext& context) {
  auto op = cast<OneHotOp>(operation);
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  Work work = Work::rows(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, *width);
          forColumns(v, *width, [&](Value column, Value mask) {
            v.store(v.splat(0), flat[1], v.addIndex(offset, column), mask);
          });
          auto [counts, label] = labelOf(v, flat[0], row, op.getIgnoreIndex());
          Value one = v.scalar(1);
          if (counts) one = v.select(counts, one, v.scalar(0));
          v.storeScalar(one, flat[1], v.addIndex(offset, label));
        });
      });
}

// A loss that is the mean over k of a term of two operands [S, K].
LogicalResult emitRowMean(
    Operation* op, OpBuilder& builder, CpuContext& context,
    llvm::function_ref<Value(VectorBuilder&, Value, Value)> term) {
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  Work work = Work::rows(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, *width);
          Value sum = sumOf(v, *width, [&](Value column, Value mask) {
            Value at = v.addIndex(offset, column);
            return term(v, v.load(flat[0], at, mask),
                        v.load(flat[1], at, mask));
          });
          Value share = v.scalar(1.0 / static_cast<double>(*width));
          v.storeScalar(v.mul(sum, share), flat[2], row);
        });
      });
}

LogicalResult emitMse(Operation* op, OpBuilder& builder, CpuContext& context) {
  return emitRowMean(op, builder, context,
                     [](VectorBuilder& v, Value x, Value y) {
                       Value d = v.sub(x, y);
                       return v.mul(d, d);
                     });
}

LogicalResult emitBinaryCrossEntropy(Operation* op, OpBuilder& builder,
                                     CpuContext& context) {
  return emitRowMean(op, builder, context,
                     [](VectorBuilder& v, Value z, Value t) {
                       Value positive = v.max(z, v.splat(0));
                       Value rest = v.log1p(v.exp(v.neg(v.abs(z))));
                       return v.add(v.sub(positive, v.mul(z, t)), rest);
                     });
}

// temperature^2 sum_k p (log p - log q): with x and y the operands relative to
// their maxima, log p - log q = (y - x) - (log sum e^y - log sum e^x).
LogicalResult emitKlDivergence(Operation* operation, OpBuilder& builder,
                               CpuContext& context) {
  auto op = cast<KlDivergenceOp>(operation);
  auto type = cast<RankedTensorType>(op.getLogits().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  double temperature = op.getTemperature().convertToDouble();
  Work work = Work::rows(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, *width);
          Value inverse = v.splat(1 / temperature);
          auto reader = [&](Value buffer) {
            return [&v, buffer, inverse](Value at, Value mask) {
              return v.mul(v.load(buffer, at, mask), inverse);
            };
          };
          auto readQ = reader(flat[0]), readP = reader(flat[1]);
          RowMaximum q = softmaxRow(v, *width, offset, readQ);
          RowMaximum p = softmaxRow(v, *width, offset, readP);
          Value shiftQ = v.broadcast(q.maximum);
          Value shiftP = v.broadcast(p.maximum);
          Value logs = v.broadcast(v.sub(v.log(p.sum), v.log(q.sum)));
          Value sum = sumOf(v, *width, [&](Value column, Value mask) {
            Value at = v.addIndex(offset, column);
            Value x = v.sub(readQ(at, mask), shiftQ);
            Value y = v.sub(readP(at, mask), shiftP);
            return v.mul(v.exp(y), v.sub(v.sub(y, x), logs));
          });
          Value scale = v.div(v.scalar(temperature * temperature), p.sum);
          v.storeScalar(v.mul(sum, scale), flat[2], row);
        });
      });
}

}  // namespace

void populateLossEmitters(KernelEmitters& emitters) {
  emitters[CrossEntropyOp::getOperationName()] = emitCrossEntropy;
  emitters[CrossEntropyGradientOp::getOperationName()] =
      emitCrossEntropyGradient;
  emitters[OneHotOp::getOperationName()] = emitOneHot;
  emitters[MseOp::getOperationName()] = emitMse;
  emitters[BinaryCrossEntropyOp::getOperationName()] = emitBinaryCrossEntropy;
  emitters[KlDivergenceOp::getOperationName()] = emitKlDivergence;
}

}  // namespace graft
