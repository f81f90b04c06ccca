// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Layer normalisation and softmax, forward and backward: kernels whose rows
// are independent. A row is read several times, but from the first-level
// cache after the first.
//
// Aliasing: a result may be the input, since a register of a row is written
// after its last read. Accumulation: `=`; sums of a row run in four chains of
// registers combined in a fixed tree.

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/elementwise/region.h"
#include "passes/lower/cpu/emitters.h"

using namespace mlir;

namespace graft {
namespace {

Value sumTree(VectorBuilder& v, unsigned, Value a, Value b) {
  return v.add(a, b);
}

// Mean, and 1 / sqrt(variance + epsilon), of a row; scalars.
struct Statistics {
  Value mean;
  Value scale;
};

// Two passes, because E[x^2] - E[x]^2 cancels.
Statistics statisticsOf(VectorBuilder& v, Value input, Value offset,
                        int64_t width, double epsilon) {
  auto combine = [&](unsigned k, Value a, Value b) {
    return sumTree(v, k, a, b);
  };
  Value sum = v.sumLanes(reduceColumns(
                             v, width, v.splat(0),
                             [&](Value column, Value mask, ValueRange carried) {
                               Value x = v.load(
                                   input, v.addIndex(offset, column), mask);
                               return SmallVector<Value>{v.add(carried[0], x)};
                             },
                             combine)
                             .front());
  Value mean = v.mul(sum, v.scalar(1.0 / static_cast<double>(width)));
  Value center = v.broadcast(mean);
  Value squares =
      v.sumLanes(reduceColumns(
                     v, width, v.splat(0),
                     [&](Value column, Value mask, ValueRange carried) {
                       Value x =
                           v.load(input, v.addIndex(offset, column), mask);
                       Value d = maskedOr(v, mask, v.sub(x, center), 0);
                       return SmallVector<Value>{v.fma(d, d, carried[0])};
                     },
                     combine)
                     .front());
  Value variance = v.mul(squares, v.scalar(1.0 / static_cast<double>(width)));
  Value scale = v.div(v.scalar(1), v.sqrt(v.add(variance, v.scalar(epsilon))));
  return {mean, scale};
}

// output = (input - mean) * rstd * scale + shift of a row, which starts at
// `offset`, in each of `outputs`; buffers. An output may be the input.
void emitNormalizedRow(VectorBuilder& v, Value input, Value scale, Value shift,
                       ArrayRef<Value> outputs, Value offset, int64_t width,
                       double epsilon) {
  auto [mean, rstd] = statisticsOf(v, input, offset, width, epsilon);
  Value center = v.broadcast(mean), factor = v.broadcast(rstd);
  forColumns(v, width, [&](Value column, Value mask) {
    Value at = v.addIndex(offset, column);
    Value n = v.mul(v.sub(v.load(input, at, mask), center), factor);
    Value y =
        v.fma(n, v.load(scale, column, mask), v.load(shift, column, mask));
    for (Value output : outputs) v.store(y, output, at, mask);
  });
}

LogicalResult emitLayerNorm(Operation* operation, OpBuilder& builder,
                            CpuContext& context) {
  auto op = cast<LayerNormOp>(operation);
  FailureOr<int64_t> width = staticWidth(op, op.getInput().getType());
  if (failed(width)) return failure();
  Work work = Work::rows(op.getInput().getType());
  return replaceByKernel(op, builder, context, work.grid(), {0, 0},
                         [&](VectorBuilder& v, const KernelArguments& arguments,
                             ArrayRef<Value> flat) {
                           forRows(v, work, arguments, [&](Value row) {
                             emitNormalizedRow(
                                 v, flat[0], flat[1], flat[2], flat[3],
                                 v.mulIndex(row, *width), *width,
                                 op.getEpsilon().convertToDouble());
                           });
                         });
}

// First launch: input gradient and the statistics [T, 2] of each row. Second
// launch: both sums over rows, by columns.
LogicalResult emitLayerNormGradient(Operation* operation, OpBuilder& builder,
                                    CpuContext& context) {
  auto op = cast<LayerNormGradientOp>(operation);
  auto type = cast<RankedTensorType>(op.getInput().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  double epsilon = op.getEpsilon().convertToDouble();
  auto statisticsType = RankedTensorType::get(
      {type.getDimSize(0), 2}, builder.getF32Type(), type.getEncoding());
  Work work = Work::rows(type);
  ValueRange rows = launchKernel(
      op, builder, context, "layer_norm_gradient.rows",
      {op.getGradient(), op.getInput(), op.getScale()}, {type, statisticsType},
      work.grid(), {0, 0},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Value gradient = flat[0], input = flat[1], scale = flat[2];
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, *width);
          auto [mean, rstd] = statisticsOf(v, input, offset, *width, epsilon);
          Value center = v.broadcast(mean), factor = v.broadcast(rstd);
          // g = gradient * scale and n, of one register; zero where masked,
          // since the loads give zero for g.
          auto read = [&](Value column, Value mask) {
            Value at = v.addIndex(offset, column);
            Value g =
                v.mul(v.load(gradient, at, mask), v.load(scale, column, mask));
            Value n = v.mul(v.sub(v.load(input, at, mask), center), factor);
            return std::pair{g, n};
          };
          SmallVector<Value> sums = reduceColumns(
              v, *width, {v.splat(0), v.splat(0)},
              [&](Value column, Value mask, ValueRange carried) {
                auto [g, n] = read(column, mask);
                return SmallVector<Value>{v.add(carried[0], g),
                                          v.fma(g, n, carried[1])};
              },
              [&](unsigned k, Value a, Value b) {
                return sumTree(v, k, a, b);
              });
          Value share = v.scalar(1.0 / static_cast<double>(*width));
          Value meanG = v.broadcast(v.mul(v.sumLanes(sums[0]), share));
          Value meanGN = v.broadcast(v.mul(v.sumLanes(sums[1]), share));
          forColumns(v, *width, [&](Value column, Value mask) {
            auto [g, n] = read(column, mask);
            Value d = v.fma(v.neg(n), meanGN, v.sub(g, meanG));
            v.store(v.mul(d, factor), flat[3], v.addIndex(offset, column),
                    mask);
          });
          Value place = v.mulIndex(row, 2);
          v.storeScalar(mean, flat[4], place);
          v.storeScalar(rstd, flat[4], v.addIndex(place, 1));
        });
      });
  ValueRange columns = launchKernel(
      op, builder, context, "layer_norm_gradient.columns",
      {op.getGradient(), op.getInput(), rows[1]},
      {op.getScaleGradient().getType(), op.getShiftGradient().getType()},
      columnGrid(op.getContext(), *width), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        foldRows(
            v, arguments, rowCount(v, arguments, type), *width,
            {v.splat(0), v.splat(0)},
            [&](Value row, Value column, Value mask) {
              Value at = v.addIndex(v.mulIndex(row, *width), column);
              Value place = v.mulIndex(row, 2);
              Value mean = v.broadcast(v.loadScalar(flat[2], place));
              Value rstd =
                  v.broadcast(v.loadScalar(flat[2], v.addIndex(place, 1)));
              Value g = v.load(flat[0], at, mask);
              Value n = v.mul(v.sub(v.load(flat[1], at, mask), mean), rstd);
              return SmallVector<Value>{v.mul(g, n), g};
            },
            [&](Value a, Value b) { return v.add(a, b); },
            [&](unsigned k, Value column, Value mask, Value sum) {
              v.store(sum, flat[3 + k], column, mask);
            });
      });
  return replaceBy(op, {rows[0], columns[0], columns[1]});
}

LogicalResult emitSoftmax(Operation* operation, OpBuilder& builder,
                          CpuContext& context) {
  auto op = cast<SoftmaxOp>(operation);
  auto type = cast<RankedTensorType>(op.getInput().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  Work work = Work::rows(type);
  // exp(x - max) waits in the result, if that holds it in full precision.
  bool keep = !op.getLog() && type.getElementType().isF32();
  return replaceByKernel(
      op, builder, context, work.grid(), {0, 0},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        Value input = flat[0], output = flat[1];
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, *width);
          auto read = [&](Value at, Value mask) {
            return v.load(input, at, mask);
          };
          auto save = [&](Value at, Value mask, Value e) {
            v.store(e, output, at, mask);
          };
          RowMaximum statistics =
              keep ? softmaxRow(v, *width, offset, read, save)
                   : softmaxRow(v, *width, offset, read);
          Value shift = v.broadcast(statistics.maximum);
          Value last =
              v.broadcast(op.getLog() ? v.log(statistics.sum)
                                      : v.div(v.scalar(1), statistics.sum));
          forColumns(v, *width, [&](Value column, Value mask) {
            Value at = v.addIndex(offset, column);
            Value y;
            if (keep) {
              y = v.mul(v.load(output, at, mask), last);
            } else {
              Value x = v.sub(v.load(input, at, mask), shift);
              y = op.getLog() ? v.sub(x, last) : v.mul(v.exp(x), last);
            }
            v.store(y, output, at, mask);
          });
        });
      });
}

LogicalResult emitSoftmaxGradient(Operation* operation, OpBuilder& builder,
                                  CpuContext& context) {
  auto op = cast<SoftmaxGradientOp>(operation);
  auto type = cast<RankedTensorType>(op.getGradient().getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  Work work = Work::rows(type);
  return replaceByKernel(
      op, builder, context, work.grid(), {0, 0, 0, 1},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        forRows(v, work, arguments, [&](Value row) {
          Value offset = v.mulIndex(row, *width);
          Value sum = v.broadcast(v.sumLanes(
              reduceColumns(
                  v, *width, v.splat(0),
                  [&](Value column, Value mask, ValueRange carried) {
                    Value at = v.addIndex(offset, column);
                    Value g = v.load(flat[0], at, mask);
                    Value next =
                        op.getLog()
                            ? v.add(carried[0], g)
                            : v.fma(g, v.load(flat[1], at, mask), carried[0]);
                    return SmallVector<Value>{next};
                  },
                  [&](unsigned k, Value a, Value b) {
                    return sumTree(v, k, a, b);
                  })
                  .front()));
          forColumns(v, *width, [&](Value column, Value mask) {
            Value at = v.addIndex(offset, column);
            Value g = v.load(flat[0], at, mask);
            Value y = v.load(flat[1], at, mask);
            Value x = op.getLog() ? v.fma(v.neg(v.exp(y)), sum, g)
                                  : v.mul(y, v.sub(g, sum));
            v.store(x, flat[2], at, mask);
          });
        });
      });
}

}  // namespace

void populateNormalizationEmitters(KernelEmitters& emitters) {
  emitters[LayerNormOp::getOperationName()] = emitLayerNorm;
  emitters[LayerNormGradientOp::getOperationName()] = emitLayerNormGradient;
  emitters[SoftmaxOp::getOperationName()] = emitSoftmax;
  emitters[SoftmaxGradientOp::getOperationName()] = emitSoftmaxGradient;
}

LayerNormOp getNormalization(RegionOp op) {
  Operation* last = op.getBody().front().getTerminator()->getPrevNode();
  Value rounded;
  while (auto rounding = dyn_cast_if_present<CastOp>(last)) {
    if (rounded && rounded != rounding.getInput()) return {};
    rounded = rounding.getInput();
    last = rounding->getPrevNode();
  }
  auto norm = dyn_cast_if_present<LayerNormOp>(last);
  return norm && (!rounded || rounded == norm.getOutput()) ? norm
                                                           : LayerNormOp();
}

// Each row is computed, then normalised while it is in the first-level cache.
// It is kept where it is a result, else in the place of the normalised one.
LogicalResult emitNormalizationRegion(RegionOp op, OpBuilder& builder,
                                      CpuContext& context) {
  Block& body = op.getBody().front();
  LayerNormOp norm = getNormalization(op);
  Value rows = norm.getInput();
  auto type = cast<RankedTensorType>(rows.getType());
  FailureOr<int64_t> width = staticWidth(op, type);
  if (failed(width)) return failure();
  FailureOr<ElementwiseRegion> lanes =
      getElementwiseRegion(op, body.begin(), norm->getIterator(), type);
  if (failed(lanes)) return failure();
  auto outside = [&](Value inside) -> Value {
    auto argument = dyn_cast<BlockArgument>(inside);
    return argument ? op.getInputs()[argument.getArgNumber()] : Value();
  };
  Value scale = outside(norm.getScale()), shift = outside(norm.getShift());
  OperandRange yielded = body.getTerminator()->getOperands();

  ElementwiseProgram& program = lanes->program;
  SmallVector<int64_t> places;  // of the outputs among the results
  SmallVector<int64_t> normalized;
  int64_t shared = -1;  // the normalised rows in their own type
  for (auto [index, value] : llvm::enumerate(yielded)) {
    auto place = static_cast<int64_t>(index);
    if (value == norm.getOutput()) shared = place;
    if (value == norm.getOutput() ||
        (value.getDefiningOp() &&
         norm->isBeforeInBlock(value.getDefiningOp()))) {
      normalized.push_back(place);
      continue;
    }
    program.outputs.push_back(value);
    places.push_back(place);
  }
  bool keepsRows = llvm::is_contained(program.outputs, rows);
  if (outside(rows) || !scale || !shift || normalized.empty() ||
      (!keepsRows && shared < 0))
    return op.emitOpError(
               "expects it to compute and to normalise rows, and to yield "
               "what the normalisation gives, got ")
           << *norm;
  if (!keepsRows) {
    program.outputs.push_back(rows);
    places.push_back(shared);
  }
  if (failed(program.check())) return failure();

  SmallVector<Value> operands{scale, shift};
  llvm::append_range(operands, lanes->operands);
  SmallVector<int64_t> ties;
  addTies(op.getResultTypes(), lanes->operands, /*first=*/2, ties);
  Work work = Work::rows(type);
  return replaceBy(
      op, launchKernel(
              op, builder, context, getRegionStem(op), operands,
              op.getResultTypes(), work.grid(), ties,
              [&](VectorBuilder& v, const KernelArguments& arguments,
                  ArrayRef<Value> flat) {
                ArrayRef<Value> results = flat.take_back(op.getNumResults());
                SmallVector<Value> buffers(
                    flat.drop_front(2).drop_back(op.getNumResults()));
                for (int64_t place : places) buffers.push_back(results[place]);
                SmallVector<Value> rounded;
                for (int64_t place : normalized)
                  rounded.push_back(results[place]);
                ElementwiseEmitter emitter(program, v, arguments, buffers);
                Value input = results[places[llvm::find(program.outputs, rows) -
                                             program.outputs.begin()]];
                forRows(v, work, arguments, [&](Value row) {
                  emitter.emitRow(row);
                  emitNormalizedRow(v, input, flat[0], flat[1], rounded,
                                    v.mulIndex(row, *width), *width,
                                    norm.getEpsilon().convertToDouble());
                });
              }));
}

}  // namespace graft
