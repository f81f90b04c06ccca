// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/formula_builder.h"

#include <cmath>
#include <functional>

#include "dialects/graft/formula.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace graft::transfer {
namespace {

using formula::Contraction;
using formula::Factor;
using formula::Function;
using formula::Index;
using formula::Indices;
using formula::Kind;
using formula::kOne;
using formula::Node;
using formula::Reduction;

// A tensor with an index for each dimension, or a number.
struct Term {
  Value value;  // null: `number`
  double number = 0;
  Indices indices;

  bool isNumber() const { return !value; }
};

bool isPowerOfTwo(double number) {
  int exponent;
  return std::abs(std::frexp(number, &exponent)) == 0.5;
}

double evaluate(Function function, double a, double b) {
  switch (function) {
    case Function::exp:
      return std::exp(a);
    case Function::log:
      return std::log(a);
    case Function::sqrt:
      return std::sqrt(a);
    case Function::tanh:
      return std::tanh(a);
    case Function::sigmoid:
      return 1 / (1 + std::exp(-a));
    case Function::relu:
      return std::max(a, 0.0);
    case Function::softplus:
      return std::max(a, 0.0) + std::log1p(std::exp(-std::abs(a)));
    case Function::max:
      return std::max(a, b);
    case Function::min:
      return std::min(a, b);
    case Function::step:
      return a >= b ? 1 : 0;
  }
  return 0;
}

class FormulaBuilder {
 public:
  explicit FormulaBuilder(FormulaOp op)
      : op(op),
        builder(op.getLoc(), op),
        formula(*formula::parse(op.getFormula(), failing())) {
    // Verified: it fits.
    (void)formula::bind(formula, op.getInputs().getTypes(),
                        op.getOutput().getType(), failing());
  }

  Value run();

 private:
  std::function<InFlightDiagnostic()> failing() {
    return [this] { return op.emitOpError(); };
  }

  // Creates an op that computes in f32 with any precision of the program, or
  // in its own one if the formula says "follow".
  template <typename OpTy, typename... Arguments>
  Value create(Arguments&&... arguments) {
    auto created = OpTy::create(builder, std::forward<Arguments>(arguments)...);
    if (!op->hasAttr(kPrecisionAttr))
      created->setAttr(kPrecisionAttr, builder.getStringAttr("keep"));
    return created->getResult(0);
  }
  RankedTensorType typeOf(ArrayRef<Index> indices) {
    return getTensorType(
        llvm::map_to_vector(
            indices, [&](Index index) { return formula.indices[index].size; }),
        builder.getF32Type());
  }
  Value reshape(Value value, Type type) {
    return value.getType() == type ? value : create<ReshapeOp>(type, value);
  }

  // The term with these indices in this order, of which it has some.
  Term spread(const Term& term, const Indices& order);
  // The same with its dimensions the other way round, if they are not `order`.
  Term turn(const Term& term, const Indices& order);
  // Gives both the same indices in the same order.
  void align(Term& a, Term& b);

  Term scale(const Term& term, double factor);
  Term add(Term a, Term b, bool subtract);
  Term multiply(Term a, Term b);
  Term divide(Term a, Term b);
  Term larger(Term a, Term b);
  Term softplus(const Term& term);
  template <typename OpTy>
  Term elementwise(Term a, Term b);

  Term build(const Node& node);
  Term buildOperand(unsigned number);
  Term buildIs(const Node& node);
  Term buildSum(const Node& node);
  Term buildFactors(ArrayRef<Factor> factors);
  Term buildFunction(const Node& node);
  Term buildReduction(const Node& node);
  Term buildContraction(const Node& node);
  Term buildProduct(const Term& lhs, const Term& rhs, Index summed);
  Term buildPool(const Node& node);
  Term reduce(const Term& term, Index index, ReduceKind kind);
  Term sizeOf(Index index);

  FormulaOp op;
  ImplicitLocOpBuilder builder;
  formula::Formula formula;
  llvm::DenseMap<unsigned, Term> operands;
  // What terms have become, so that each is repeated along indices once. One
  // value may stand for several operands, with other indices each.
  struct Spread {
    Indices from;
    Term term;
  };
  llvm::DenseMap<Value, SmallVector<Spread, 1>> spreads;
};

Value FormulaBuilder::run() {
  Indices order;
  for (Index index : formula.result)
    if (index != kOne) order.push_back(index);
  Term result = spread(build(*formula.root), order);
  return reshape(result.value, op.getOutput().getType());
}

Term FormulaBuilder::turn(const Term& term, const Indices& order) {
  if (term.indices == order) return term;
  return {create<TransposeOp>(term.value), 0, order};
}

Term FormulaBuilder::spread(const Term& term, const Indices& order) {
  if (term.isNumber())
    return {create<ConstantOp>(typeOf(order),
                               APFloat(static_cast<float>(term.number))),
            0, order};
  if (term.indices == order) return term;
  for (const Spread& known : spreads.lookup(term.value))
    if (known.from == term.indices && known.term.indices == order)
      return known.term;
  Term result;
  if (term.indices.size() == order.size()) {
    result = turn(term, order);
  } else {
    SmallVector<int64_t> added;
    for (auto [dimension, index] : llvm::enumerate(order))
      if (!llvm::is_contained(term.indices, index)) added.push_back(dimension);
    result = {create<BroadcastOp>(typeOf(order), term.value, added), 0, order};
  }
  spreads[term.value].push_back({term.indices, result});
  return result;
}

void FormulaBuilder::align(Term& a, Term& b) {
  auto hasAll = [](const Term& term, const Term& other) {
    return llvm::all_of(other.indices, [&](Index index) {
      return llvm::is_contained(term.indices, index);
    });
  };
  Indices order = a.indices;
  if (!hasAll(a, b)) {
    order = b.indices;
    if (!hasAll(b, a)) {
      // Two vectors.
      order = {a.indices.front(), b.indices.front()};
      llvm::sort(order);
    }
  }
  a = spread(a, order);
  b = spread(b, order);
}

template <typename OpTy>
Term FormulaBuilder::elementwise(Term a, Term b) {
  align(a, b);
  return {create<OpTy>(a.value, b.value), 0, a.indices};
}

Term FormulaBuilder::scale(const Term& term, double factor) {
  if (term.isNumber()) return {{}, term.number * factor, {}};
  return {create<ScaleOp>(term.value, APFloat(static_cast<float>(factor))), 0,
          term.indices};
}

Term FormulaBuilder::add(Term a, Term b, bool subtract) {
  if (!a.isNumber() || !b.isNumber())
    return subtract ? elementwise<SubOp>(a, b) : elementwise<AddOp>(a, b);
  return {{}, subtract ? a.number - b.number : a.number + b.number, {}};
}

Term FormulaBuilder::multiply(Term a, Term b) {
  if (a.isNumber()) std::swap(a, b);
  return b.isNumber() ? scale(a, b.number) : elementwise<MulOp>(a, b);
}

Term FormulaBuilder::divide(Term a, Term b) {
  if (a.isNumber() && b.isNumber()) return {{}, a.number / b.number, {}};
  // Only then a product is rounded as the quotient is.
  if (b.isNumber() && isPowerOfTwo(b.number)) return scale(a, 1 / b.number);
  return elementwise<DivOp>(a, b);
}

Term FormulaBuilder::larger(Term a, Term b) {
  if (!a.isNumber() || !b.isNumber()) return elementwise<MaxOp>(a, b);
  return {{}, std::max(a.number, b.number), {}};
}

// relu(x) + log(1 + exp(-|x|)). At 0 the gradient of relu is 0, so that of |x|
// is that of -x.
Term FormulaBuilder::softplus(const Term& term) {
  Term size = elementwise<MaxOp>(scale(term, -1), term);
  Term small = {create<ExpOp>(scale(size, -1).value), 0, term.indices};
  Term sum = add({{}, 1, {}}, small, /*subtract=*/false);
  Term above = {create<ReluOp>(term.value), 0, term.indices};
  return add(above, {create<LogOp>(sum.value), 0, term.indices},
             /*subtract=*/false);
}

Term FormulaBuilder::build(const Node& node) {
  switch (node.kind) {
    case Kind::number:
      return {{}, node.number, {}};
    case Kind::operand:
      return buildOperand(node.operand);
    case Kind::is:
      return buildIs(node);
    case Kind::sum:
      return buildSum(node);
    case Kind::product: {
      SmallVector<Factor> factors;
      for (auto [child, inverse] : llvm::zip_equal(node.children, node.inverse))
        factors.push_back({child.get(), inverse});
      return buildFactors(factors);
    }
    case Kind::function:
      return buildFunction(node);
    case Kind::reduction:
      return buildReduction(node);
  }
  return {};
}

Term FormulaBuilder::buildOperand(unsigned number) {
  auto [found, isNew] = operands.try_emplace(number);
  if (!isNew) return found->second;
  Indices indices;
  for (Index index : formula.operands[number].indices)
    if (index != kOne) indices.push_back(index);
  Value value = reshape(op.getInputs()[number], typeOf(indices));
  return found->second = {value, 0, indices};
}

Term FormulaBuilder::buildIs(const Node& node) {
  Indices indices = formula.operands[node.operand].indices;
  indices.push_back(node.index);
  return {create<OneHotOp>(typeOf(indices), op.getInputs()[node.operand],
                           /*ignore_index=*/IntegerAttr()),
          0, indices};
}

Term FormulaBuilder::buildSum(const Node& node) {
  Term sum = build(*node.children.front());
  if (node.inverse.front()) sum = scale(sum, -1);
  for (size_t i = 1, e = node.children.size(); i < e; ++i)
    sum = add(sum, build(*node.children[i]), node.inverse[i]);
  return sum;
}

Term FormulaBuilder::buildFactors(ArrayRef<Factor> factors) {
  Term product = {{}, 1, {}};
  for (auto [position, factor] : llvm::enumerate(factors)) {
    Term term = build(*factor.node);
    if (factor.inverse)
      product = divide(product, term);
    else
      product = position == 0 ? term : multiply(product, term);
  }
  return product;
}

Term FormulaBuilder::buildFunction(const Node& node) {
  Term a = build(*node.children.front());
  Term b = node.children.size() > 1 ? build(*node.children[1]) : Term();
  if (a.isNumber() && b.isNumber())
    return {{}, evaluate(node.function, a.number, b.number), {}};
  auto of = [&](Value value) -> Term { return {value, 0, a.indices}; };
  switch (node.function) {
    case Function::exp:
      return of(create<ExpOp>(a.value));
    case Function::log:
      return of(create<LogOp>(a.value));
    case Function::sqrt:
      return of(create<SqrtOp>(a.value));
    case Function::tanh:
      return of(create<TanhOp>(a.value));
    case Function::sigmoid:
      return of(create<SigmoidOp>(a.value));
    case Function::relu:
      return of(create<ReluOp>(a.value));
    case Function::softplus:
      return softplus(a);
    case Function::max:
      return larger(a, b);
    case Function::min:
      return scale(larger(scale(a, -1), scale(b, -1)), -1);
    case Function::step:
      return elementwise<StepOp>(a, b);
  }
  return {};
}

Term FormulaBuilder::buildReduction(const Node& node) {
  if (node.overTokens) return buildPool(node);
  if (node.reduction == Reduction::max)
    return reduce(build(*node.children.front()), node.index, ReduceKind::max);
  Term sum = buildContraction(node);
  if (node.reduction == Reduction::sum) return sum;
  return divide(sum, sizeOf(node.index));
}

Term FormulaBuilder::reduce(const Term& term, Index index, ReduceKind kind) {
  Indices left = term.indices;
  llvm::erase(left, index);
  int64_t dimension = term.indices.front() == index ? 0 : 1;
  return {create<ReduceOp>(term.value, kind, ArrayRef(dimension)), 0, left};
}

// A number, or of a size that a batch decides a scalar that counts.
Term FormulaBuilder::sizeOf(Index index) {
  Dim size = formula.indices[index].size;
  if (size.isStatic()) return {{}, static_cast<double>(size.size), {}};
  return reduce(spread({{}, 1, {}}, {index}), index, ReduceKind::sum);
}

Term FormulaBuilder::buildContraction(const Node& node) {
  Contraction contraction = formula::contract(node);
  Term sum = buildFactors(contraction.lhs);
  if (contraction.rhs.empty())
    sum = reduce(sum, node.index, ReduceKind::sum);
  else
    sum = buildProduct(sum, buildFactors(contraction.rhs), node.index);
  for (const Factor& factor : contraction.outside) {
    Term term = build(*factor.node);
    sum = factor.inverse ? divide(sum, term) : multiply(sum, term);
  }
  return contraction.negative ? scale(sum, -1) : sum;
}

// Rows of the result are those of `lhs`.
Term FormulaBuilder::buildProduct(const Term& lhs, const Term& rhs,
                                  Index summed) {
  bool turnsLhs = lhs.indices.front() == summed;
  bool turnsRhs = rhs.indices.back() == summed;
  Indices left = {turnsLhs ? lhs.indices.back() : lhs.indices.front(),
                  turnsRhs ? rhs.indices.front() : rhs.indices.back()};
  return {create<MatmulOp>(lhs.value, rhs.value, turnsLhs, turnsRhs), 0, left};
}

Term FormulaBuilder::buildPool(const Node& node) {
  Index tokens = formula.operands[node.operand].indices[0];
  Index texts = formula.operands[node.operand].indices[1];
  Term term = build(*node.children.front());
  bool isVector = term.indices.size() == 1;
  Indices order = {tokens}, left = {texts};
  if (isVector) {
    SmallVector<Dim> column = getDims(typeOf(order));
    column.push_back({1, nullptr});
    term.value =
        reshape(term.value, getTensorType(column, builder.getF32Type()));
  } else {
    Index other = term.indices[term.indices.front() == tokens ? 1 : 0];
    order.push_back(other);
    left.push_back(other);
    term = turn(term, order);
  }
  Value pooled = create<SegmentPoolOp>(
      term.value, op.getInputs()[node.operand],
      node.reduction == Reduction::max ? PoolKind::max : PoolKind::mean);
  return {reshape(pooled, typeOf(left)), 0, left};
}

}  // namespace

Value buildFormula(FormulaOp op) { return FormulaBuilder(op).run(); }

}  // namespace graft::transfer
