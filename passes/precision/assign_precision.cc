// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/phases.h"
#include "passes/precision/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_PRECISIONASSIGNPASS
#include "passes/precision/passes.h.inc"

namespace {

// The element type of a tensor of floats; null for other values.
FloatType elementOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? dyn_cast<FloatType>(type.getElementType()) : FloatType();
}

bool isF32(Value value) {
  FloatType element = elementOf(value);
  return element && element.isF32();
}

// What the op says of itself; none where its types are as they are.
std::optional<PrecisionClass> classOf(Operation* op) {
  // A cast says its types.
  auto precision = dyn_cast<PrecisionOpInterface>(op);
  if (!precision || isa<CastOp>(op)) return std::nullopt;
  if (auto name = op->getAttrOfType<StringAttr>(kPrecisionAttr))
    return parsePrecisionClass(name.getValue());
  return precision.getPrecisionClass();
}

PrecisionClass operandClassOf(Operation* op, unsigned operand,
                              PrecisionClass own) {
  // An op that is told otherwise is so in all of its operands.
  auto precision = cast<PrecisionOpInterface>(op);
  if (precision.getPrecisionClass() != own) return own;
  return precision.getOperandPrecision(operand);
}

// Assigns the types of one phase, in the order of its ops: those before the
// current one have their final types, the others those of the program.
class Assignment {
 public:
  Assignment(Block& block, FloatType low)
      : block(block), low(low), builder(low.getContext()) {}

  void run() {
    for (Operation& op : llvm::make_early_inc_range(block)) assign(&op);
    // Casts of the program whose users now take what they cast.
    for (CastOp op : llvm::make_early_inc_range(block.getOps<CastOp>()))
      if (op->use_empty()) op.erase();
  }

 private:
  void assign(Operation* op) {
    std::optional<PrecisionClass> own = classOf(op);
    if (!own) {
      // What is inside of a region has other operands.
      op->walk([&](Operation* inner) { restoreOperands(inner); });
    } else if (*own == PrecisionClass::keep) {
      for (OpOperand& operand : op->getOpOperands())
        if (operandClassOf(op, operand.getOperandNumber(), *own) ==
            PrecisionClass::keep)
          restore(operand);
    } else if (*own == PrecisionClass::low) {
      assignLow(op);
    } else {
      assignFollowing(op);
    }
  }

  void assignLow(Operation* op) {
    for (OpOperand& operand : op->getOpOperands())
      if (isF32(operand.get()) &&
          operandClassOf(op, operand.getOperandNumber(), PrecisionClass::low) ==
              PrecisionClass::low)
        operand.set(get(operand.get(), low));
    SmallVector<Type> types;
    for (Value result : op->getResults())
      types.push_back(
          isF32(result)
              ? withElements(cast<RankedTensorType>(result.getType()), low)
              : result.getType());
    // An op may widen results by itself, or leave that to us.
    auto inferring = dyn_cast<InferTypeOpInterface>(op);
    if (inferring) {
      SmallVector<Type> inferred;
      if (succeeded(inferring.inferReturnTypes(
              op->getContext(), op->getLoc(), op->getOperands(),
              op->getAttrDictionary(), op->getPropertiesStorage(),
              op->getRegions(), inferred)))
        types = inferred;
      SmallVector<Type> wide = types;
      for (auto [type, result] : llvm::zip_equal(wide, op->getResults()))
        if (isF32(result) && wantsF32(op, result)) type = result.getType();
      if (inferring.isCompatibleReturnTypes(types, wide)) types = wide;
    }
    for (auto [result, type] : llvm::zip_equal(op->getResults(), types))
      setType(result, type);
  }

  void assignFollowing(Operation* op) {
    FloatType common;
    for (Value operand : op->getOperands())
      if (FloatType element = elementOf(operand))
        common = !common || element == common
                     ? element
                     : FloatType(Float32Type::get(op->getContext()));
    if (!common) return;
    for (OpOperand& operand : op->getOpOperands())
      if (elementOf(operand.get())) operand.set(get(operand.get(), common));
    for (Value result : op->getResults())
      if (isF32(result))
        setType(result,
                withElements(cast<RankedTensorType>(result.getType()), common));
  }

  // Whether every user of a result of `op` takes f32 in any case.
  bool wantsF32(Operation* op, Value result) {
    return llvm::all_of(result.getUses(), [&](OpOperand& use) {
      Operation* user = use.getOwner();
      std::optional<PrecisionClass> own = classOf(user);
      if (!own) return true;
      if (*own != PrecisionClass::follow)
        return operandClassOf(user, use.getOperandNumber(), *own) !=
               PrecisionClass::low;
      return llvm::any_of(user->getOperands(), [&](Value other) {
        return other != result && isF32(other) && isFinal(other, op);
      });
    });
  }

  // Whether the type of a value is its last one when `op` is assigned.
  bool isFinal(Value value, Operation* op) {
    Operation* source = value.getDefiningOp();
    if (!source || source->isBeforeInBlock(op)) return true;
    std::optional<PrecisionClass> own = classOf(source);
    return !own || *own == PrecisionClass::keep;
  }

  void restoreOperands(Operation* op) {
    for (OpOperand& operand : op->getOpOperands()) restore(operand);
  }

  // Gives an operand the type that it had in the program.
  void restore(OpOperand& operand) {
    auto found = original.find(operand.get());
    if (found != original.end()) operand.set(get(operand.get(), found->second));
  }

  void setType(Value value, Type type) {
    if (value.getType() == type) return;
    original[value] = elementOf(value);
    value.setType(type);
  }

  // The value with these elements: itself, what it was cast from without a
  // rounding, or its one cast.
  Value get(Value value, FloatType element) {
    if (elementOf(value) == element) return value;
    auto source = value.getDefiningOp<CastOp>();
    if (source && isF32(value) && elementOf(source.getInput()) == element)
      return source.getInput();
    Value& result = casts[{value, element}];
    if (!result) {
      builder.setInsertionPointAfterValue(value);
      result = CastOp::create(
          builder, value.getLoc(),
          withElements(cast<RankedTensorType>(value.getType()), element),
          value);
    }
    return result;
  }

  Block& block;
  FloatType low;
  OpBuilder builder;
  llvm::DenseMap<Value, FloatType> original;  // elements of changed values
  llvm::DenseMap<std::pair<Value, Type>, Value> casts;
};

struct PrecisionAssignPass
    : public impl::PrecisionAssignPassBase<PrecisionAssignPass> {
  using PrecisionAssignPassBase::PrecisionAssignPassBase;

  void runOnOperation() override {
    MLIRContext* context = &getContext();
    FloatType low;
    if (type == "bf16") low = BFloat16Type::get(context);
    if (type == "f16") low = Float16Type::get(context);
    if (!low) {
      getOperation().emitError("expects type bf16 or f16, got '")
          << type << "'";
      return signalPassFailure();
    }
    for (func::FuncOp phase : getPhases(getOperation()))
      Assignment(phase.getBody().front(), low).run();
  }
};

}  // namespace
}  // namespace graft
