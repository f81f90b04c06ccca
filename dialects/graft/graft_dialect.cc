// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_dialect.h"

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

#include "dialects/graft/graft_dialect.cc.inc"
#include "dialects/graft/graft_enums.cc.inc"
#include "dialects/graft/graft_interfaces.cc.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/graft/graft_attrs.cc.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/graft/graft_types.cc.inc"

namespace graft {
namespace {

// Prints `#graft.dims<T>` once, as `#T`.
struct GraftAsmInterface : public OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream& os) const override {
    auto dims = dyn_cast<DimsAttr>(attr);
    if (!dims) return AliasResult::NoAlias;
    llvm::interleave(
        dims.getNames(), os, [&](StringAttr name) { os << name.getValue(); },
        "_");
    return AliasResult::FinalAlias;
  }
};

}  // namespace

void GraftDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/graft/graft_attrs.cc.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/graft/graft_types.cc.inc"
      >();
  registerOps();
  addInterfaces<GraftAsmInterface>();
}

LogicalResult GraftDialect::verifyOperationAttribute(Operation* op,
                                                     NamedAttribute attribute) {
  if (attribute.getName() != kPrecisionAttr) return success();
  auto name = dyn_cast<StringAttr>(attribute.getValue());
  if (name && parsePrecisionClass(name.getValue())) return success();
  return op->emitOpError("expects '")
         << kPrecisionAttr << "' to be \"low\", \"keep\" or \"follow\", got "
         << attribute.getValue();
}

std::optional<PrecisionClass> parsePrecisionClass(StringRef name) {
  return llvm::StringSwitch<std::optional<PrecisionClass>>(name)
      .Case("low", PrecisionClass::low)
      .Case("keep", PrecisionClass::keep)
      .Case("follow", PrecisionClass::follow)
      .Default(std::nullopt);
}

// The names stand bare: `#graft.dims<T, S>`.
Attribute DimsAttr::parse(AsmParser& parser, Type) {
  SmallVector<StringAttr> names;
  auto parseName = [&]() -> ParseResult {
    StringRef name;
    if (parser.parseKeyword(&name)) return failure();
    names.push_back(parser.getBuilder().getStringAttr(name));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater,
                                     parseName, " of dimension names"))
    return {};
  return DimsAttr::get(parser.getContext(), names);
}

void DimsAttr::print(AsmPrinter& printer) const {
  printer << '<';
  llvm::interleaveComma(getNames(), printer,
                        [&](StringAttr name) { printer << name.getValue(); });
  printer << '>';
}

LogicalResult DimsAttr::verifyEncoding(
    ArrayRef<int64_t> shape, Type,
    function_ref<InFlightDiagnostic()> emitError) const {
  auto dynamic = llvm::count_if(shape, ShapedType::isDynamic);
  if (static_cast<size_t>(dynamic) == getNames().size()) return success();
  return emitError() << "expects a name for each dynamic dimension, got "
                     << getNames().size() << " names for " << dynamic
                     << " dimensions";
}

Type SegmentsType::parse(AsmParser& parser) {
  StringRef tokens, sequences;
  if (parser.parseLess() || parser.parseKeyword(&tokens) ||
      parser.parseComma() || parser.parseKeyword(&sequences) ||
      parser.parseGreater())
    return {};
  Builder& builder = parser.getBuilder();
  return SegmentsType::get(parser.getContext(), builder.getStringAttr(tokens),
                           builder.getStringAttr(sequences));
}

void SegmentsType::print(AsmPrinter& printer) const {
  printer << '<' << getTokens().getValue() << ", " << getSequences().getValue()
          << '>';
}

bool Dim::isCompatible(const Dim& other) const {
  if (isStatic() && other.isStatic()) return size == other.size;
  if (!isStatic() && !other.isStatic())
    return !name || !other.name || name == other.name;
  return isStatic() ? !other.name : !name;
}

Dim getDim(RankedTensorType type, unsigned index) {
  if (!type.isDynamicDim(index)) return {type.getDimSize(index), nullptr};
  auto dims = dyn_cast_or_null<DimsAttr>(type.getEncoding());
  if (!dims) return {ShapedType::kDynamic, nullptr};
  return {ShapedType::kDynamic,
          dims.getNames()[type.getDynamicDimIndex(index)]};
}

SmallVector<Dim> getDims(RankedTensorType type) {
  SmallVector<Dim> dims;
  for (unsigned i = 0; i < type.getRank(); ++i) dims.push_back(getDim(type, i));
  return dims;
}

RankedTensorType getTensorType(ArrayRef<Dim> dims, Type elementType) {
  SmallVector<int64_t> shape;
  SmallVector<StringAttr> names;
  bool named = true;
  for (const Dim& dim : dims) {
    shape.push_back(dim.size);
    if (dim.isStatic()) continue;
    named &= static_cast<bool>(dim.name);
    names.push_back(dim.name);
  }
  Attribute encoding;
  if (named && !names.empty())
    encoding = DimsAttr::get(elementType.getContext(), names);
  return RankedTensorType::get(shape, elementType, encoding);
}

RankedTensorType withElements(RankedTensorType type, Type element) {
  return RankedTensorType::get(type.getShape(), element, type.getEncoding());
}

bool areSameOrF32(TypeRange inferred, TypeRange actual) {
  if (inferred.size() != actual.size()) return false;
  return llvm::all_of(llvm::zip(inferred, actual), [](auto pair) {
    auto [want, have] = pair;
    auto type = dyn_cast<RankedTensorType>(want);
    return want == have ||
           (type &&
            withElements(type, Float32Type::get(type.getContext())) == have);
  });
}

Dim getNamedDim(StringAttr name) { return {ShapedType::kDynamic, name}; }

}  // namespace graft
