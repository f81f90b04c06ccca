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

// Returns the element type of a float tensor; null for other values.
FloatType elementOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? dyn_cast<FloatType>(type.getElementType()) : FloatType();
}

bool isF32(Value value) {
  FloatType element = elementOf(value);
  return element && element.isF32();
}

// Returns the precision class of the op, or none if its types are fixed.
std::optional<PrecisionClass> classOf(Operation* op) {
  // The types of a cast are its meaning.
  auto precision = dyn_cast<PrecisionOpInterface>(op);
  if (!precision || isa<CastOp>(op)) return std::nullopt;
  if (auto name = op->getAttrOfType<StringAttr>(kPrecisionAttr))
    return parsePrecisionClass(name.getValue());
  return precision.getPrecisionClass();
}

PrecisionClass operandClassOf(Operation* op, unsigned operand,
                              PrecisionClass own) {
  // An override applies to all operands.
  auto precision = cast<PrecisionOpInterface>(op);
  if (precision.getPrecisionClass() != own) return own;
  return precision.getOperandPrecision(operand);
}

// Assigns the types of one phase in program order. Results of the ops before
// the current one have their final types; all others still have the original
// ones.
class Assignment {
 public:
  Assignment(Block& block, FloatType low)
      : block(block), low(low), builder(low.getContext()) {}

  void run() {
    for (Operation& op : llvm::make_early_inc_range(block)) assign(&op);
    // Casts of the input program whose users now read the operand of the cast.
    for (CastOp op : llvm::make_early_inc_range(block.getOps<CastOp>()))
      if (op->use_empty()) op.erase();
  }

 private:
  void assign(Operation* op) {
    std::optional<PrecisionClass> own = classOf(op);
    if (!own) {
      // Ops inside a region may use values of the phase.
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
    // The op may infer wide results itself, or allow them.
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

  // Returns whether every user of a result of `op` reads f32 in any case.
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

  // Returns whether the type of `value` is final when `op` is assigned.
  bool isFinal(Value value, Operation* op) {
    Operation* source = value.getDefiningOp();
    if (!source || source->isBeforeInBlock(op)) return true;
    std::optional<PrecisionClass> own = classOf(source);
    return !own || *own == PrecisionClass::keep;
  }

  void restoreOperands(Operation* op) {
    for (OpOperand& operand : op->getOpOperands()) restore(operand);
  }

  // Gives an operand its type in the input program.
  void restore(OpOperand& operand) {
    auto found = original.find(operand.get());
    if (found != original.end()) operand.set(get(operand.get(), found->second));
  }

  void setType(Value value, Type type) {
    if (value.getType() == type) return;
    original[value] = elementOf(value);
    value.setType(type);
  }

  // Returns `value` with elements of type `element`: the value itself, the
  // value from which it was cast without rounding, or its only cast.
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
  llvm::DenseMap<Value, FloatType> original;  // of values whose type changed
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
