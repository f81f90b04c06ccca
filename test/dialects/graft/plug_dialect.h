// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// An op as a plug-in has it: known to Graft by its interfaces alone.

#ifndef GRAFT_TEST_DIALECTS_GRAFT_PLUG_DIALECT_H_
#define GRAFT_TEST_DIALECTS_GRAFT_PLUG_DIALECT_H_

#include "dialects/graft/graft_interfaces.h"
#include "dialects/graft/linalg_models.h"
#include "dialects/graft/sharding_rule.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace graft {

// `"plug.custom"(...) {form = "...", factors = "...", value = V : f32}`: what
// it computes is the linalg form of that name; V is a constant in it.
//   swish       x sigmoid(V x): one map                            *->*
//   leaky       x, or V x below 0: a constant before the map       *,*->*
//   square      x, then squared: two maps                          *->*
//   column      x + V column: reads its position                   *->*
//   mean        of each row                                        tH->t
//   begin       of each sequence, its first row                    tH,ts->sH
//   product     of two matrices, a named op                        tk,kn->tn
//   swap        both halves of each row                            tH->tH
//   padded      an op that the interpreter does not know           *->*
class CustomOp
    : public mlir::Op<
          CustomOp, mlir::OpTrait::ZeroRegions, mlir::OpTrait::OneResult,
          mlir::OpTrait::ZeroSuccessors, mlir::OpTrait::VariadicOperands,
          mlir::ConditionallySpeculatable::Trait,
          mlir::OpTrait::AlwaysSpeculatableImplTrait,
          mlir::MemoryEffectOpInterface::Trait, RegionLoweringInterface::Trait,
          ShardingFactorInterface::Trait> {
 public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CustomOp)
  using Op::Op;
  static llvm::StringRef getOperationName() { return "plug.custom"; }
  static llvm::ArrayRef<llvm::StringRef> getAttributeNames() { return {}; }

  void getEffects(llvm::SmallVectorImpl<mlir::MemoryEffects::EffectInstance>&) {
  }
  // That of `factors`; whole if it is empty.
  llvm::LogicalResult buildShardingRule(ShardingRule& rule) {
    llvm::StringRef factors =
        (*this)->getAttrOfType<mlir::StringAttr>("factors").getValue();
    if (!factors.empty()) return parseShardingRule(factors, *this, rule);
    rule = getWholeRule(*this);
    return llvm::success();
  }
  llvm::StringRef getForm() {
    return (*this)->getAttrOfType<mlir::StringAttr>("form").getValue();
  }
  double getConstant() {
    return (*this)->getAttrOfType<mlir::FloatAttr>("value").getValueAsDouble();
  }
  llvm::LogicalResult lowerToLinalg(
      mlir::OpBuilder& builder, mlir::ValueRange operands,
      llvm::SmallVectorImpl<mlir::Value>& results);
};

class PlugDialect : public mlir::Dialect {
 public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlugDialect)
  static llvm::StringRef getDialectNamespace() { return "plug"; }
  explicit PlugDialect(mlir::MLIRContext* context)
      : Dialect(getDialectNamespace(), context,
                mlir::TypeID::get<PlugDialect>()) {
    addOperations<CustomOp>();
  }
};

inline llvm::LogicalResult CustomOp::lowerToLinalg(
    mlir::OpBuilder& builder, mlir::ValueRange operands,
    llvm::SmallVectorImpl<mlir::Value>& results) {
  using mlir::Location;
  using mlir::OpBuilder;
  using mlir::Value;
  using mlir::ValueRange;
  namespace arith = mlir::arith;
  namespace linalg = mlir::linalg;
  namespace tensor = mlir::tensor;

  Location loc = getLoc();
  LinalgBuilder build(builder, loc);
  Value x = operands[0];
  auto constant = [&](OpBuilder& b, double value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  };
  auto type = mlir::cast<mlir::RankedTensorType>(x.getType());
  llvm::StringRef form = getForm();

  if (form == "swish") {
    results.push_back(
        build.map(x, x, [&](OpBuilder& b, Location, ValueRange e) {
          Value scaled =
              arith::MulFOp::create(b, loc, e[0], constant(b, -getConstant()));
          Value one = constant(b, 1);
          Value power = mlir::math::ExpOp::create(b, loc, scaled);
          return arith::DivFOp::create(
              b, loc, e[0], arith::AddFOp::create(b, loc, one, power));
        }));
  } else if (form == "leaky") {
    Value slope = constant(builder, getConstant());
    Value zero = constant(builder, 0);
    results.push_back(
        build.map(x, operands, [&](OpBuilder& b, Location, ValueRange e) {
          Value isPositive = arith::CmpFOp::create(
              b, loc, arith::CmpFPredicate::OGE, e[1], zero);
          Value scaled = arith::MulFOp::create(b, loc, e[0], slope,
                                               arith::FastMathFlags::fast);
          return arith::SelectOp::create(b, loc, isPositive, e[0], scaled);
        }));
  } else if (form == "square") {
    auto multiply = [&](OpBuilder& b, Location, ValueRange e) -> Value {
      return arith::MulFOp::create(b, loc, e[0], e[1]);
    };
    Value same = build.map(
        x, x, [&](OpBuilder&, Location, ValueRange e) { return e[0]; });
    results.push_back(build.map(x, {same, same}, multiply));
  } else if (form == "column") {
    results.push_back(
        build.map(x, x, [&](OpBuilder& b, Location, ValueRange e) -> Value {
          Value column = linalg::IndexOp::create(b, loc, type.getRank() - 1);
          column = arith::IndexCastOp::create(b, loc, b.getI32Type(), column);
          column = arith::SIToFPOp::create(b, loc, b.getF32Type(), column);
          column =
              arith::MulFOp::create(b, loc, column, constant(b, getConstant()));
          return arith::AddFOp::create(b, loc, e[0], column);
        }));
  } else if (form == "mean") {
    results.push_back(
        build.fold(x, 0, [&](OpBuilder& b, Location, ValueRange e) -> Value {
          Value share = arith::DivFOp::create(
              b, loc, e[0],
              constant(b, static_cast<double>(type.getShape().back())));
          return arith::AddFOp::create(b, loc, e[1], share);
        }));
  } else if (form == "begin") {
    // Operands: x, then offsets, ordinals and rows of the segments.
    Value count = tensor::DimOp::create(builder, loc, operands[2], 0);
    Value init = tensor::EmptyOp::create(
        builder, loc, {mlir::ShapedType::kDynamic, type.getDimSize(1)},
        type.getElementType(), count);
    mlir::AffineMap identity = builder.getMultiDimIdentityMap(2);
    llvm::SmallVector<mlir::utils::IteratorType> parallel(
        2, mlir::utils::IteratorType::parallel);
    results.push_back(
        linalg::GenericOp::create(
            builder, loc, init.getType(), ValueRange{}, init,
            llvm::ArrayRef<mlir::AffineMap>{identity}, parallel,
            [&](OpBuilder& b, Location, ValueRange) {
              Value sequence = linalg::IndexOp::create(b, loc, 0);
              Value column = linalg::IndexOp::create(b, loc, 1);
              Value row =
                  tensor::ExtractOp::create(b, loc, operands[1], sequence);
              row = arith::IndexCastOp::create(b, loc, b.getIndexType(), row);
              Value element =
                  tensor::ExtractOp::create(b, loc, x, ValueRange{row, column});
              linalg::YieldOp::create(b, loc, element);
            })
            .getResult(0));
  } else if (form == "product") {
    auto right = mlir::cast<mlir::RankedTensorType>(operands[1].getType());
    Value rows = tensor::DimOp::create(builder, loc, x, 0);
    Value init = tensor::EmptyOp::create(
        builder, loc, {type.getShape()[0], right.getShape()[1]},
        type.getElementType(),
        type.isDynamicDim(0) ? ValueRange(rows) : ValueRange());
    init = linalg::FillOp::create(builder, loc, constant(builder, 0), init)
               .getResult(0);
    results.push_back(
        linalg::MatmulOp::create(builder, loc, operands, init).getResult(0));
  } else if (form == "swap") {
    Value rows = tensor::DimOp::create(builder, loc, x, 0);
    int64_t half = type.getDimSize(1) / 2;
    mlir::OpFoldResult zero = builder.getIndexAttr(0),
                       one = builder.getIndexAttr(1),
                       middle = builder.getIndexAttr(half);
    Value init = tensor::EmptyOp::create(
        builder, loc, type.getShape(), type.getElementType(),
        type.isDynamicDim(0) ? ValueRange(rows) : ValueRange());
    for (auto [from, to] : {std::pair{zero, middle}, {middle, zero}}) {
      Value part = tensor::ExtractSliceOp::create(
          builder, loc, x, llvm::ArrayRef<mlir::OpFoldResult>{zero, from},
          llvm::ArrayRef<mlir::OpFoldResult>{rows, middle},
          llvm::ArrayRef<mlir::OpFoldResult>{one, one});
      init = tensor::InsertSliceOp::create(
          builder, loc, part, init,
          llvm::ArrayRef<mlir::OpFoldResult>{zero, to},
          llvm::ArrayRef<mlir::OpFoldResult>{rows, middle},
          llvm::ArrayRef<mlir::OpFoldResult>{one, one});
    }
    results.push_back(init);
  } else if (form == "padded") {
    results.push_back(tensor::GenerateOp::create(
        builder, loc, type, ValueRange{},
        [&](OpBuilder& b, Location, ValueRange indices) {
          tensor::YieldOp::create(
              b, loc, tensor::ExtractOp::create(b, loc, x, indices));
        }));
  } else {
    return emitOpError("expects a known form, got ") << form;
  }
  return mlir::success();
}

}  // namespace graft

#endif  // GRAFT_TEST_DIALECTS_GRAFT_PLUG_DIALECT_H_
