// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/scalar_function.h"

#include <bit>
#include <cmath>

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/interpret/tensor.h"

using namespace mlir;

namespace graft::interpret {
namespace {

using Scalars = ArrayRef<Scalar>;

Scalar makeReal(double value) { return {value, 0}; }
Scalar makeInteger(int64_t value) { return {0, value}; }

unsigned widthOf(Type type) {
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

// `value` as an integer of this type: sign-extended, but for i1.
int64_t wrap(int64_t value, Type type) {
  unsigned width = widthOf(type);
  if (width == 1) return value & 1;
  return width >= 64 ? value : llvm::SignExtend64(value, width);
}

uint64_t toUnsigned(int64_t value, Type type) {
  unsigned width = widthOf(type);
  return static_cast<uint64_t>(value) & llvm::maskTrailingOnes<uint64_t>(width);
}

// NaN if either is; arith.maxnumf and minnumf take the other one.
double maximum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? a + b : std::fmax(a, b);
}
double minimum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? a + b : std::fmin(a, b);
}

using Unary = double (*)(double);
using Binary = double (*)(double, double);
using IntegerBinary = int64_t (*)(int64_t, int64_t);
using UnsignedBinary = uint64_t (*)(uint64_t, uint64_t);

const llvm::StringMap<Unary>& getUnary() {
  static const llvm::StringMap<Unary> functions = {
      {"arith.negf", [](double x) { return -x; }},
      {"math.absf", [](double x) { return std::fabs(x); }},
      {"math.acos", [](double x) { return std::acos(x); }},
      {"math.acosh", [](double x) { return std::acosh(x); }},
      {"math.asin", [](double x) { return std::asin(x); }},
      {"math.asinh", [](double x) { return std::asinh(x); }},
      {"math.atan", [](double x) { return std::atan(x); }},
      {"math.atanh", [](double x) { return std::atanh(x); }},
      {"math.cbrt", [](double x) { return std::cbrt(x); }},
      {"math.ceil", [](double x) { return std::ceil(x); }},
      {"math.cos", [](double x) { return std::cos(x); }},
      {"math.cosh", [](double x) { return std::cosh(x); }},
      {"math.erf", [](double x) { return std::erf(x); }},
      {"math.erfc", [](double x) { return std::erfc(x); }},
      {"math.exp", [](double x) { return std::exp(x); }},
      {"math.exp2", [](double x) { return std::exp2(x); }},
      {"math.expm1", [](double x) { return std::expm1(x); }},
      {"math.floor", [](double x) { return std::floor(x); }},
      {"math.log", [](double x) { return std::log(x); }},
      {"math.log10", [](double x) { return std::log10(x); }},
      {"math.log1p", [](double x) { return std::log1p(x); }},
      {"math.log2", [](double x) { return std::log2(x); }},
      {"math.round", [](double x) { return std::round(x); }},
      {"math.roundeven", [](double x) { return std::nearbyint(x); }},
      {"math.rsqrt", [](double x) { return 1 / std::sqrt(x); }},
      {"math.sin", [](double x) { return std::sin(x); }},
      {"math.sinh", [](double x) { return std::sinh(x); }},
      {"math.sqrt", [](double x) { return std::sqrt(x); }},
      {"math.tan", [](double x) { return std::tan(x); }},
      {"math.tanh", [](double x) { return std::tanh(x); }},
      {"math.trunc", [](double x) { return std::trunc(x); }},
  };
  return functions;
}

const llvm::StringMap<Binary>& getBinary() {
  static const llvm::StringMap<Binary> functions = {
      {"arith.addf", [](double a, double b) { return a + b; }},
      {"arith.subf", [](double a, double b) { return a - b; }},
      {"arith.mulf", [](double a, double b) { return a * b; }},
      {"arith.divf", [](double a, double b) { return a / b; }},
      {"arith.remf", [](double a, double b) { return std::fmod(a, b); }},
      {"arith.maximumf", maximum},
      {"arith.minimumf", minimum},
      {"arith.maxnumf", [](double a, double b) { return std::fmax(a, b); }},
      {"arith.minnumf", [](double a, double b) { return std::fmin(a, b); }},
      {"math.atan2", [](double a, double b) { return std::atan2(a, b); }},
      {"math.copysign", [](double a, double b) { return std::copysign(a, b); }},
      {"math.powf", [](double a, double b) { return std::pow(a, b); }},
  };
  return functions;
}

// Of sign-extended values; the result is wrapped.
const llvm::StringMap<IntegerBinary>& getIntegerBinary() {
  using I = int64_t;
  using U = uint64_t;
  static const llvm::StringMap<IntegerBinary> functions = {
      {"arith.addi", [](I a, I b) { return I(U(a) + U(b)); }},
      {"arith.subi", [](I a, I b) { return I(U(a) - U(b)); }},
      {"arith.muli", [](I a, I b) { return I(U(a) * U(b)); }},
      {"arith.divsi", [](I a, I b) { return b ? (b == -1 ? -a : a / b) : 0; }},
      {"arith.remsi", [](I a, I b) { return b && b != -1 ? a % b : 0; }},
      {"arith.floordivsi",
       [](I a, I b) { return b ? llvm::divideFloorSigned(a, b) : 0; }},
      {"arith.ceildivsi",
       [](I a, I b) { return b ? llvm::divideCeilSigned(a, b) : 0; }},
      {"arith.andi", [](I a, I b) { return a & b; }},
      {"arith.ori", [](I a, I b) { return a | b; }},
      {"arith.xori", [](I a, I b) { return a ^ b; }},
      {"arith.shli", [](I a, I b) { return b < 64 ? I(U(a) << U(b)) : 0; }},
      {"arith.shrsi", [](I a, I b) { return a >> (b < 64 ? b : 63); }},
      {"arith.maxsi", [](I a, I b) { return std::max(a, b); }},
      {"arith.minsi", [](I a, I b) { return std::min(a, b); }},
  };
  return functions;
}

// Of zero-extended values; the result is wrapped.
const llvm::StringMap<UnsignedBinary>& getUnsignedBinary() {
  using U = uint64_t;
  static const llvm::StringMap<UnsignedBinary> functions = {
      {"arith.divui", [](U a, U b) { return b ? a / b : 0; }},
      {"arith.remui", [](U a, U b) { return b ? a % b : 0; }},
      {"arith.shrui", [](U a, U b) { return b < 64 ? a >> b : 0; }},
      {"arith.maxui", [](U a, U b) { return std::max(a, b); }},
      {"arith.minui", [](U a, U b) { return std::min(a, b); }},
  };
  return functions;
}

// The value of a constant that is a scalar.
ScalarFunction getConstant(arith::ConstantOp op) {
  Scalar value;
  if (auto real = dyn_cast<FloatAttr>(op.getValue()))
    value.real = real.getValueAsDouble();
  else if (auto integer = dyn_cast<IntegerAttr>(op.getValue()))
    value.integer = wrap(integer.getValue().getSExtValue(), op.getType());
  else
    return nullptr;
  return [value](Scalars) { return value; };
}

ScalarFunction getBitcast(Type from, Type to) {
  if (from.isF32() && to.isInteger(32))
    return [](Scalars x) {
      return makeInteger(std::bit_cast<int32_t>(static_cast<float>(x[0].real)));
    };
  if (from.isInteger(32) && to.isF32())
    return [](Scalars x) {
      return makeReal(std::bit_cast<float>(static_cast<int32_t>(x[0].integer)));
    };
  return nullptr;
}

// Conversions and ops that only their types tell apart; null for others.
ScalarFunction getTyped(Operation* op) {
  Type to = op->getResult(0).getType();
  Type from = op->getNumOperands() ? op->getOperand(0).getType() : Type();
  if (isa<arith::SelectOp>(op))
    return [](Scalars x) { return x[0].integer ? x[1] : x[2]; };
  if (isa<arith::ExtFOp>(op)) return [](Scalars x) { return x[0]; };
  if (isa<arith::TruncFOp>(op)) {
    FailureOr<ElementKind> kind = getElementKind(to);
    if (failed(kind)) return nullptr;
    if (*kind == ElementKind::f32) return [](Scalars x) { return x[0]; };
    return [kind = *kind](Scalars x) {
      return makeReal(roundTo(x[0].real, kind));
    };
  }
  if (isa<arith::SIToFPOp>(op))
    return [](Scalars x) { return makeReal(double(x[0].integer)); };
  if (isa<arith::UIToFPOp>(op))
    return [from](Scalars x) {
      return makeReal(double(toUnsigned(x[0].integer, from)));
    };
  if (isa<arith::FPToSIOp, arith::FPToUIOp>(op))
    return [to](Scalars x) {
      return makeInteger(wrap(static_cast<int64_t>(x[0].real), to));
    };
  if (isa<arith::IndexCastOp, arith::TruncIOp>(op))
    return [to](Scalars x) { return makeInteger(wrap(x[0].integer, to)); };
  if (isa<arith::ExtSIOp>(op)) {
    if (from.isInteger(1))
      return [](Scalars x) { return makeInteger(-x[0].integer); };
    return [](Scalars x) { return x[0]; };
  }
  if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op))
    return [from, to](Scalars x) {
      return makeInteger(
          wrap(static_cast<int64_t>(toUnsigned(x[0].integer, from)), to));
    };
  if (isa<arith::BitcastOp>(op)) return getBitcast(from, to);
  return nullptr;
}

ScalarFunction getComparison(Operation* op) {
  if (auto compareFloats = dyn_cast<arith::CmpFOp>(op))
    return [predicate = compareFloats.getPredicate()](Scalars x) {
      return makeInteger(arith::applyCmpPredicate(predicate, APFloat(x[0].real),
                                                  APFloat(x[1].real)));
    };
  if (auto compareIntegers = dyn_cast<arith::CmpIOp>(op)) {
    Type type = op->getOperand(0).getType();
    return [predicate = compareIntegers.getPredicate(), type](Scalars x) {
      unsigned width = widthOf(type);
      auto bits = [&](int64_t value) {
        return APInt(64, toUnsigned(value, type)).zextOrTrunc(width);
      };
      return makeInteger(arith::applyCmpPredicate(predicate, bits(x[0].integer),
                                                  bits(x[1].integer)));
    };
  }
  return nullptr;
}

}  // namespace

ScalarFunction getScalarFunction(Operation* op) {
  StringRef name = op->getName().getStringRef();
  if (op->getNumResults() != 1) return nullptr;
  Type type = op->getResult(0).getType();
  if (!isa<FloatType>(type) && !type.isSignlessIntOrIndex()) return nullptr;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return getConstant(constant);
  if (auto unary = getUnary().lookup(name))
    return [unary](Scalars x) { return makeReal(unary(x[0].real)); };
  if (auto binary = getBinary().lookup(name))
    return
        [binary](Scalars x) { return makeReal(binary(x[0].real, x[1].real)); };
  if (name == "math.fma")
    return [](Scalars x) {
      return makeReal(std::fma(x[0].real, x[1].real, x[2].real));
    };
  if (name == "math.fpowi")
    return [](Scalars x) {
      return makeReal(std::pow(x[0].real, double(x[1].integer)));
    };
  if (auto binary = getIntegerBinary().lookup(name))
    return [binary, type](Scalars x) {
      return makeInteger(wrap(binary(x[0].integer, x[1].integer), type));
    };
  if (auto binary = getUnsignedBinary().lookup(name))
    return [binary, type](Scalars x) {
      return makeInteger(
          wrap(static_cast<int64_t>(binary(toUnsigned(x[0].integer, type),
                                           toUnsigned(x[1].integer, type))),
               type));
    };
  if (ScalarFunction comparison = getComparison(op)) return comparison;
  return getTyped(op);
}

}  // namespace graft::interpret
