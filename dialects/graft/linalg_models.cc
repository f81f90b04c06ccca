// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/linalg_models.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace graft {

Value LinalgBuilder::empty(Value like, int64_t rank) {
  auto type = cast<RankedTensorType>(like.getType());
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (type.isDynamicDim(dim))
      sizes.push_back(tensor::DimOp::create(builder, loc, like, dim));
  return tensor::EmptyOp::create(builder, loc, type.getShape().take_front(rank),
                                 type.getElementType(), sizes);
}

Value LinalgBuilder::map(Value like, ValueRange inputs, Body body) {
  auto type = cast<RankedTensorType>(like.getType());
  auto rank = static_cast<unsigned>(type.getRank());
  MLIRContext* context = builder.getContext();
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps;
  for (Value input : inputs) {
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(input.getType()).getShape();
    if (shape.size() == rank)
      maps.push_back(identity);
    else if (rank == 2 && shape.back() == type.getShape().back() &&
             shape != type.getShape().drop_back())
      maps.push_back(AffineMap::get(rank, 0, builder.getAffineDimExpr(1)));
    else
      maps.push_back(
          AffineMap::get(rank, 0, identity.getResults().drop_back(), context));
  }
  maps.push_back(identity);
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  Value init = empty(like, rank);
  return linalg::GenericOp::create(
             builder, loc, init.getType(), inputs, init, maps, iterators,
             [&](OpBuilder& b, Location loc, ValueRange elements) {
               linalg::YieldOp::create(b, loc,
                                       body(b, loc, elements.drop_back()));
             })
      .getResult(0);
}

Value LinalgBuilder::fold(ValueRange inputs, double neutral, Body body) {
  auto type = cast<RankedTensorType>(inputs[0].getType());
  auto rank = static_cast<unsigned>(type.getRank());
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps(inputs.size(), identity);
  maps.push_back(AffineMap::get(rank, 0, identity.getResults().drop_back(),
                                builder.getContext()));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators.back() = utils::IteratorType::reduction;
  Value start = arith::ConstantOp::create(
      builder, loc, builder.getFloatAttr(type.getElementType(), neutral));
  Value init =
      linalg::FillOp::create(builder, loc, start, empty(inputs[0], rank - 1))
          .getResult(0);
  return linalg::GenericOp::create(
             builder, loc, init.getType(), inputs, init, maps, iterators,
             [&](OpBuilder& b, Location loc, ValueRange elements) {
               linalg::YieldOp::create(b, loc, body(b, loc, elements));
             })
      .getResult(0);
}

namespace {

// Scalar arithmetic with short names.
struct Scalars {
  OpBuilder& b;
  Location loc;

  Value constant(Value like, double value) {
    return arith::ConstantOp::create(b, loc,
                                     b.getFloatAttr(like.getType(), value));
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value max(Value x, Value y) {
    return arith::MaximumFOp::create(b, loc, x, y);
  }
  Value exp(Value x) { return math::ExpOp::create(b, loc, x); }
};

// The element of the result of each elementwise op.
Value element(AddOp, Scalars s, ValueRange x) { return s.add(x[0], x[1]); }
Value element(SubOp, Scalars s, ValueRange x) { return s.sub(x[0], x[1]); }
Value element(MulOp, Scalars s, ValueRange x) { return s.mul(x[0], x[1]); }
Value element(DivOp, Scalars s, ValueRange x) { return s.div(x[0], x[1]); }
Value element(MaxOp, Scalars s, ValueRange x) { return s.max(x[0], x[1]); }
Value element(ExpOp, Scalars s, ValueRange x) { return s.exp(x[0]); }
Value element(LogOp, Scalars s, ValueRange x) {
  return math::LogOp::create(s.b, s.loc, x[0]);
}
Value element(SqrtOp, Scalars s, ValueRange x) {
  return math::SqrtOp::create(s.b, s.loc, x[0]);
}
Value element(TanhOp, Scalars s, ValueRange x) {
  return math::TanhOp::create(s.b, s.loc, x[0]);
}
Value element(SigmoidOp, Scalars s, ValueRange x) {
  Value one = s.constant(x[0], 1);
  Value e = s.exp(arith::NegFOp::create(s.b, s.loc, x[0]));
  return s.div(one, s.add(one, e));
}
Value element(ReluOp, Scalars s, ValueRange x) {
  return s.max(x[0], s.constant(x[0], 0));
}
Value element(ScaleOp op, Scalars s, ValueRange x) {
  return s.mul(x[0], s.constant(x[0], op.getFactor().convertToDouble()));
}
Value element(GeluOp op, Scalars s, ValueRange x) {
  Value half = s.mul(s.constant(x[0], 0.5), x[0]);
  Value share;
  if (op.getForm() == GeluForm::erf) {
    share = math::ErfOp::create(
        s.b, s.loc, s.mul(x[0], s.constant(x[0], 1 / std::numbers::sqrt2)));
  } else {
    Value cube = s.mul(s.mul(x[0], x[0]), x[0]);
    Value inner = s.add(x[0], s.mul(s.constant(x[0], 0.044715), cube));
    share = math::TanhOp::create(
        s.b, s.loc,
        s.mul(s.constant(x[0], std::sqrt(2 / std::numbers::pi)), inner));
  }
  return s.add(half, s.mul(half, share));
}

template <typename Op>
struct ElementwiseModel
    : RegionLoweringInterface::ExternalModel<ElementwiseModel<Op>, Op> {
  LogicalResult lowerToLinalg(Operation* op, OpBuilder& builder,
                              ValueRange operands,
                              SmallVectorImpl<Value>& results) const {
    LinalgBuilder linalg(builder, op->getLoc());
    results.push_back(
        linalg.map(operands[0], operands,
                   [&](OpBuilder& b, Location loc, ValueRange elements) {
                     return element(cast<Op>(op), Scalars{b, loc}, elements);
                   }));
    return success();
  }
};

struct SoftmaxModel
    : RegionLoweringInterface::ExternalModel<SoftmaxModel, SoftmaxOp> {
  LogicalResult lowerToLinalg(Operation* op, OpBuilder& builder,
                              ValueRange operands,
                              SmallVectorImpl<Value>& results) const {
    LinalgBuilder linalg(builder, op->getLoc());
    Value x = operands[0];
    bool log = cast<SoftmaxOp>(op).getLog();
    using Values = ValueRange;
    Value largest = linalg.fold(x, -std::numeric_limits<double>::infinity(),
                                [](OpBuilder& b, Location loc, Values e) {
                                  return Scalars{b, loc}.max(e[0], e[1]);
                                });
    Value shifted =
        linalg.map(x, {x, largest}, [](OpBuilder& b, Location loc, Values e) {
          return Scalars{b, loc}.sub(e[0], e[1]);
        });
    Value sum =
        linalg.fold(shifted, 0, [](OpBuilder& b, Location loc, Values e) {
          Scalars s{b, loc};
          return s.add(e[1], s.exp(e[0]));
        });
    results.push_back(linalg.map(
        x, {shifted, sum}, [&](OpBuilder& b, Location loc, Values e) {
          Scalars s{b, loc};
          if (!log) return s.div(s.exp(e[0]), e[1]);
          return s.sub(e[0], math::LogOp::create(b, loc, e[1]));
        }));
    return success();
  }
};

struct LayerNormModel
    : RegionLoweringInterface::ExternalModel<LayerNormModel, LayerNormOp> {
  LogicalResult lowerToLinalg(Operation* op, OpBuilder& builder,
                              ValueRange operands,
                              SmallVectorImpl<Value>& results) const {
    LinalgBuilder linalg(builder, op->getLoc());
    Value x = operands[0];
    double epsilon = cast<LayerNormOp>(op).getEpsilon().convertToDouble();
    double share =
        1.0 / static_cast<double>(
                  cast<RankedTensorType>(x.getType()).getShape().back());
    using Values = ValueRange;
    Value sum = linalg.fold(x, 0, [](OpBuilder& b, Location loc, Values e) {
      return Scalars{b, loc}.add(e[1], e[0]);
    });
    Value centred =
        linalg.map(x, {x, sum}, [&](OpBuilder& b, Location loc, Values e) {
          Scalars s{b, loc};
          return s.sub(e[0], s.mul(e[1], s.constant(e[1], share)));
        });
    Value squares =
        linalg.fold(centred, 0, [](OpBuilder& b, Location loc, Values e) {
          Scalars s{b, loc};
          return s.add(e[1], s.mul(e[0], e[0]));
        });
    // Scale and shift are one value a column, as matrices of one row would be.
    Value normal = linalg.map(
        x, {centred, squares}, [&](OpBuilder& b, Location loc, Values e) {
          Scalars s{b, loc};
          Value variance = s.add(s.mul(e[1], s.constant(e[1], share)),
                                 s.constant(e[1], epsilon));
          return s.div(e[0], math::SqrtOp::create(b, loc, variance));
        });
    results.push_back(linalg.map(x, {normal, operands[1], operands[2]},
                                 [](OpBuilder& b, Location loc, Values e) {
                                   Scalars s{b, loc};
                                   return s.add(s.mul(e[0], e[1]), e[2]);
                                 }));
    return success();
  }
};

template <typename... Ops>
void attachElementwise(MLIRContext* context) {
  (Ops::template attachInterface<ElementwiseModel<Ops>>(*context), ...);
}

}  // namespace

void registerGraftLinalgModels(DialectRegistry& registry) {
  registry.addExtension(+[](MLIRContext* context, GraftDialect*) {
    context->loadDialect<arith::ArithDialect, linalg::LinalgDialect,
                         math::MathDialect, tensor::TensorDialect>();
    attachElementwise<AddOp, SubOp, MulOp, DivOp, MaxOp, ExpOp, LogOp, SqrtOp,
                      TanhOp, SigmoidOp, ReluOp, ScaleOp, GeluOp>(context);
    SoftmaxOp::attachInterface<SoftmaxModel>(*context);
    LayerNormOp::attachInterface<LayerNormModel>(*context);
  });
}

}  // namespace graft
