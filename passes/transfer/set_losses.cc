// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/set_losses.h"

#include "dialects/graft/graft_interfaces.h"
#include "dialects/graft/graft_ops.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// Widths of the kernels as multiples of the mean squared distance.
constexpr double kWidths[] = {0.25, 0.5, 1, 2, 4};

// The length of a row is never less.
constexpr double kLeastSquaredLength = 1e-12;

// Short forms of the ops of f32 that the losses are made of.
class Math {
 public:
  explicit Math(ImplicitLocOpBuilder& builder) : builder(builder) {}

  Value add(Value a, Value b) { return AddOp::create(builder, a, b); }
  Value sub(Value a, Value b) { return SubOp::create(builder, a, b); }
  Value mul(Value a, Value b) { return MulOp::create(builder, a, b); }
  Value div(Value a, Value b) { return DivOp::create(builder, a, b); }
  Value max(Value a, Value b) { return MaxOp::create(builder, a, b); }
  Value exp(Value a) { return ExpOp::create(builder, a); }
  Value log(Value a) { return LogOp::create(builder, a); }
  Value sqrt(Value a) { return SqrtOp::create(builder, a); }
  Value stop(Value a) { return StopGradientOp::create(builder, a); }
  Value scale(Value a, double factor) {
    return ScaleOp::create(builder, a, APFloat(static_cast<float>(factor)));
  }
  Value constant(Type type, double value) {
    return ConstantOp::create(builder, type,
                              APFloat(static_cast<float>(value)));
  }
  Value number(double value) {
    return constant(RankedTensorType::get({}, builder.getF32Type()), value);
  }

  // Sum, or with `kind` maximum, over one dimension.
  Value reduce(Value a, int64_t dimension, ReduceKind kind = ReduceKind::sum) {
    SmallVector<Dim> dims = dimsOf(a);
    dims.erase(dims.begin() + dimension);
    return ReduceOp::create(builder, typeOf(dims), a,
                            ReduceKindAttr::get(builder.getContext(), kind),
                            builder.getDenseI64ArrayAttr({dimension}));
  }
  Value sumOfAll(Value a) {
    while (cast<RankedTensorType>(a.getType()).getRank() > 0)
      a = reduce(a, cast<RankedTensorType>(a.getType()).getRank() - 1);
    return a;
  }
  // Repeats `a` along all dimensions of `type` but `kept`, which it has.
  Value spread(Value a, Type type, std::optional<int64_t> kept) {
    SmallVector<int64_t> along;
    for (int64_t i = 0, e = cast<RankedTensorType>(type).getRank(); i < e; ++i)
      if (i != kept) along.push_back(i);
    return BroadcastOp::create(builder, type, a,
                               builder.getDenseI64ArrayAttr(along));
  }

  // lhs rhs^T, or with `transposeLhs` lhs^T rhs; in f32 whatever the precision
  // of the program, because differences of its results are small.
  Value matmul(Value lhs, Value rhs, bool transposeLhs = false) {
    int64_t row = transposeLhs ? 1 : 0;
    auto product = MatmulOp::create(
        builder, typeOf({dimsOf(lhs)[row], dimsOf(rhs)[row]}), lhs, rhs,
        /*transpose_lhs=*/transposeLhs, /*transpose_rhs=*/!transposeLhs);
    product->setAttr(kPrecisionAttr, builder.getStringAttr("keep"));
    return product;
  }

  SmallVector<Dim> dimsOf(Value a) {
    return getDims(cast<RankedTensorType>(a.getType()));
  }
  RankedTensorType typeOf(ArrayRef<Dim> dims) {
    return getTensorType(dims, builder.getF32Type());
  }

 private:
  ImplicitLocOpBuilder& builder;
};

// Squared distances of each row of `a` to each of `b`. Rounding makes none
// negative.
Value squaredDistances(Math& m, Value a, Value b) {
  Value products = m.matmul(a, b);
  Type type = products.getType();
  Value lengths = m.add(m.spread(m.reduce(m.mul(a, a), 1), type, 0),
                        m.spread(m.reduce(m.mul(b, b), 1), type, 1));
  return m.max(m.sub(lengths, m.scale(products, 2)), m.constant(type, 0));
}

// The mean of the kernels of all pairs.
Value meanKernel(Math& m, Value distances, Value width, Value pairs) {
  Type type = distances.getType();
  Value relative = m.div(distances, m.spread(width, type, std::nullopt));
  Value sum;
  for (double factor : kWidths) {
    Value kernel = m.exp(m.scale(relative, -1 / factor));
    sum = sum ? m.add(sum, kernel) : kernel;
  }
  return m.div(m.sumOfAll(sum), pairs);
}

// The covariance of the columns, divided by count - 1.
Value covariance(Math& m, const Rows& rows) {
  Value products = m.matmul(rows.values, rows.values, /*transposeLhs=*/true);
  Type type = products.getType();
  Value sums = m.reduce(rows.values, 0);
  Value outer = m.mul(m.spread(sums, type, 0), m.spread(sums, type, 1));
  Value centred =
      m.sub(products, m.div(outer, m.spread(rows.count, type, std::nullopt)));
  Value less = m.sub(rows.count, m.number(1));
  return m.div(centred, m.spread(less, type, std::nullopt));
}

// Rows of length 1.
Value normalise(Math& m, Value rows) {
  Value squared = m.reduce(m.mul(rows, rows), 1);
  Value lengths = m.sqrt(
      m.max(squared, m.constant(squared.getType(), kLeastSquaredLength)));
  return m.div(rows, m.spread(lengths, rows.getType(), 0));
}

}  // namespace

Value buildMmd(ImplicitLocOpBuilder& builder, const Rows& first,
               const Rows& second) {
  Math m(builder);
  // Distances do not change with the origin; one amid the points makes the
  // lengths small from which they are computed.
  Value centre =
      m.stop(m.div(m.reduce(first.values, 0),
                   m.spread(first.count, m.typeOf({m.dimsOf(first.values)[1]}),
                            std::nullopt)));
  auto centred = [&](Value rows) {
    return m.sub(rows, m.spread(centre, rows.getType(), 1));
  };
  Value a = centred(first.values), b = centred(second.values);
  Value within = squaredDistances(m, a, a);
  Value others = squaredDistances(m, b, b);
  Value across = squaredDistances(m, a, b);
  // Over ordered pairs of different rows of both; the distance of a row to
  // itself is zero. Equal rows have any width.
  Value all = m.add(first.count, second.count);
  Value pairs = m.mul(all, m.sub(all, m.number(1)));
  Value sum = m.add(m.add(m.sumOfAll(within), m.sumOfAll(others)),
                    m.scale(m.sumOfAll(across), 2));
  Value width = m.stop(m.max(m.div(sum, pairs), m.number(kLeastSquaredLength)));
  Value same =
      m.add(meanKernel(m, within, width, m.mul(first.count, first.count)),
            meanKernel(m, others, width, m.mul(second.count, second.count)));
  Value different =
      meanKernel(m, across, width, m.mul(first.count, second.count));
  return m.sub(same, m.scale(different, 2));
}

Value buildCoral(ImplicitLocOpBuilder& builder, const Rows& first,
                 const Rows& second) {
  Math m(builder);
  Value difference = m.sub(covariance(m, first), covariance(m, second));
  auto width = static_cast<double>(m.dimsOf(first.values)[1].size);
  return m.scale(m.sumOfAll(m.mul(difference, difference)),
                 1 / (4 * width * width));
}

Value buildSumOfProducts(ImplicitLocOpBuilder& builder, Value first,
                         Value second) {
  Math m(builder);
  return m.sumOfAll(m.mul(first, second));
}

Value buildContrastive(ImplicitLocOpBuilder& builder, Value anchors,
                       Value positives, double temperature) {
  Math m(builder);
  Value a = normalise(m, anchors), b = normalise(m, positives);
  Value scores = m.scale(m.matmul(a, b), 1 / temperature);
  Value positive = m.scale(m.reduce(m.mul(a, b), 1), 1 / temperature);
  // log sum exp, without overflow.
  Value most = m.stop(m.reduce(scores, 1, ReduceKind::max));
  Value shifted = m.sub(scores, m.spread(most, scores.getType(), 0));
  Value total = m.add(m.log(m.reduce(m.exp(shifted), 1)), most);
  return m.sub(total, positive);
}

}  // namespace graft::transfer
