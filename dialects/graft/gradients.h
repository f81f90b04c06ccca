// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Gradients of the dialect's ops: DifferentiableOpInterface as external models,
// one function an op.

#ifndef GRAFT_DIALECTS_GRAFT_GRADIENTS_H_
#define GRAFT_DIALECTS_GRAFT_GRADIENTS_H_

#include "dialects/graft/graft_ops.h"

namespace mlir {
class DialectRegistry;
}  // namespace mlir

namespace graft {

// Attaches the gradients of all differentiable ops when the dialect is loaded.
void registerGraftGradients(mlir::DialectRegistry& registry);

// What a gradient function works with: the incoming gradients, which operands
// want one, and a builder behind the op.
class GradientBuilder {
 public:
  GradientBuilder(mlir::Operation* op, mlir::OpBuilder& builder,
                  llvm::ArrayRef<mlir::Value> resultGradients,
                  llvm::ArrayRef<bool> needed,
                  llvm::SmallVectorImpl<mlir::Value>& operandGradients)
      : op(op),
        builder(builder),
        resultGradients(resultGradients),
        needed(needed),
        operandGradients(operandGradients) {
    operandGradients.assign(op->getNumOperands(), {});
  }

  // The gradient of result `index`; zeros where it does not reach the loss.
  mlir::Value gradient(unsigned index = 0);
  // Whether result `index` reaches the loss.
  bool hasGradient(unsigned index) const { return !!resultGradients[index]; }
  bool needs(unsigned operand) const { return needed[operand]; }
  void set(unsigned operand, mlir::Value gradient) {
    operandGradients[operand] = gradient;
  }

  // Creates an op at the place of the differentiated one.
  template <typename Op, typename... Args>
  Op create(Args&&... args) {
    return Op::create(builder, op->getLoc(), std::forward<Args>(args)...);
  }
  template <typename Op>
  mlir::Value binary(mlir::Value lhs, mlir::Value rhs) {
    return create<Op>(lhs, rhs).getResult();
  }
  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  mlir::Value sub(mlir::Value lhs, mlir::Value rhs);
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs);
  mlir::Value div(mlir::Value lhs, mlir::Value rhs);
  mlir::Value scale(mlir::Value value, double factor);
  mlir::Value negate(mlir::Value value) { return scale(value, -1); }
  mlir::Value constant(mlir::Type type, double value);
  // `value` as `type`, which may have other elements; as f32.
  mlir::Value cast(mlir::Value value, mlir::Type type);
  mlir::Value widen(mlir::Value value);
  // Sum over `dimensions`, and its inverse into `type`.
  mlir::Value sum(mlir::Value value, llvm::ArrayRef<int64_t> dimensions);
  mlir::Value broadcast(mlir::Value value, mlir::Type type,
                        llvm::ArrayRef<int64_t> dimensions);
  // The sum of each row of `value`, on each element of that row.
  mlir::Value rowSums(mlir::Value value);

  // Sets the gradients of an op that is a faster form of other ops: `build`
  // creates these and returns their results, one a result of the op, null where
  // no gradient arrives (`hasGradient`). They are differentiated in its place,
  // and can be again.
  mlir::LogicalResult differentiateAs(
      llvm::function_ref<llvm::SmallVector<mlir::Value>()> build);

  // The diagnostic of an op, or of an operand of it, without a gradient.
  mlir::LogicalResult fail(const llvm::Twine& what);

 private:
  mlir::Operation* op;
  mlir::OpBuilder& builder;
  llvm::ArrayRef<mlir::Value> resultGradients;
  llvm::ArrayRef<bool> needed;
  llvm::SmallVectorImpl<mlir::Value>& operandGradients;
};

// Wraps `gradientOf(op, builder)` as the interface's implementation.
template <typename Op, mlir::LogicalResult (*gradientOf)(Op, GradientBuilder&)>
struct GradientModel : public DifferentiableOpInterface::ExternalModel<
                           GradientModel<Op, gradientOf>, Op> {
  mlir::LogicalResult buildGradient(
      mlir::Operation* op, mlir::OpBuilder& builder,
      llvm::ArrayRef<mlir::Value> resultGradients, llvm::ArrayRef<bool> needed,
      llvm::SmallVectorImpl<mlir::Value>& operandGradients) const {
    GradientBuilder gradient(op, builder, resultGradients, needed,
                             operandGradients);
    return gradientOf(llvm::cast<Op>(op), gradient);
  }
};

template <typename Op, mlir::LogicalResult (*gradientOf)(Op, GradientBuilder&)>
void attachGradient(mlir::MLIRContext* context) {
  Op::template attachInterface<GradientModel<Op, gradientOf>>(*context);
}

// An error if the targets of a divergence of relations, operands `first` and
// the next, are to have a gradient.
mlir::LogicalResult checkTargets(GradientBuilder& g, unsigned first);

// One function a file of gradients.
void attachMathGradients(mlir::MLIRContext* context);
void attachShapeGradients(mlir::MLIRContext* context);
void attachNnGradients(mlir::MLIRContext* context);
void attachLossGradients(mlir::MLIRContext* context);
void attachSecondGradients(mlir::MLIRContext* context);

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_GRADIENTS_H_
