// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// The type of a field of a stream, or null for a name that is none.
Type fieldType(StringRef field, int64_t labels, StringAttr tokens,
               StringAttr sequences) {
  MLIRContext* context = tokens.getContext();
  Type i32 = IntegerType::get(context, 32);
  Type f32 = Float32Type::get(context);
  Dim t = getNamedDim(tokens);
  Dim s = getNamedDim(sequences);
  if (field == "ids" || field == "types") return getTensorType({t}, i32);
  if (field == "segments") return SegmentsType::get(context, tokens, sequences);
  if (field == "weights") return getTensorType({s}, f32);
  if (field != "labels") return {};
  if (labels == 1) return getTensorType({s, Dim{1, nullptr}}, f32);
  return getTensorType({s}, i32);
}

LogicalResult verifyRegex(Operation* op, StringRef name,
                          std::optional<StringRef> pattern) {
  std::string error;
  if (!pattern || llvm::Regex(*pattern).isValid(error)) return success();
  return op->emitOpError("expects '")
         << name << "' to be a regular expression, got \"" << *pattern
         << "\": " << error;
}

}  // namespace

// transfer.stream @NAME of FIELD, FIELD<K>, ... in @TOKENS, @SEQUENCES
ParseResult StreamOp::parse(OpAsmParser& parser, OperationState& result) {
  Builder& builder = parser.getBuilder();
  StringAttr name;
  SmallVector<StringRef> fields;
  int64_t labels = 0;
  FlatSymbolRefAttr tokens, sequences;
  auto parseField = [&]() -> ParseResult {
    if (parser.parseKeyword(&fields.emplace_back())) return failure();
    if (failed(parser.parseOptionalLess())) return success();
    return failure(parser.parseInteger(labels) || parser.parseGreater());
  };
  if (parser.parseSymbolName(name) || parser.parseKeyword("of") ||
      parser.parseCommaSeparatedList(parseField) || parser.parseKeyword("in"))
    return failure();
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseAttribute(tokens) || parser.parseComma() ||
      parser.parseAttribute(sequences) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  result.addAttribute(getSymNameAttrName(result.name), name);
  result.addAttribute(getFieldsAttrName(result.name),
                      builder.getStrArrayAttr(fields));
  result.addAttribute(getTokensAttrName(result.name), tokens);
  result.addAttribute(getSequencesAttrName(result.name), sequences);
  if (labels != 0)
    result.addAttribute(getLabelCountAttrName(result.name),
                        builder.getI64IntegerAttr(labels));
  for (StringRef field : fields) {
    Type type = fieldType(field, labels, tokens.getAttr(), sequences.getAttr());
    if (!type)  // C1.
      return parser.emitError(location)
             << "expects fields of ids, types, segments, labels and weights, "
                "got "
             << field;
    result.addTypes(type);
  }
  return success();
}

void StreamOp::print(OpAsmPrinter& printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " of ";
  llvm::interleaveComma(getFields().getAsValueRange<StringAttr>(), printer,
                        [&](StringRef field) {
                          printer << field;
                          if (field == "labels" && getLabelCount())
                            printer << '<' << *getLabelCount() << '>';
                        });
  printer << " in " << getTokensAttr() << ", " << getSequencesAttr();
  printer.printOptionalAttrDict(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getFieldsAttrName(), getLabelCountAttrName(),
       getTokensAttrName(), getSequencesAttrName()});
}

void StreamOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  for (auto [field, value] :
       llvm::zip(getFields().getAsValueRange<StringAttr>(), getValues()))
    setName(value, field);
}

LogicalResult StreamOp::verify() {
  llvm::StringSet<> seen;
  for (StringRef field : getFields().getAsValueRange<StringAttr>())
    if (!seen.insert(field).second)  // C1.
      return emitOpError("expects each field once, got ") << field << " twice";
  // C2.
  if (seen.contains("labels") != getLabelCount().has_value())
    return emitOpError(getLabelCount()
                           ? "expects a number for labels only"
                           : "expects labels with their number, as labels<2>");
  int64_t labels = getLabelCount().value_or(1);
  if (labels < 1)
    return emitOpError("expects at least 1 label, got ") << labels;
  // C3.
  if (getFields().size() != getNumResults())
    return emitOpError("expects a result for each of ")
           << getFields().size() << " fields, got " << getNumResults();
  for (auto [field, value] :
       llvm::zip(getFields().getAsValueRange<StringAttr>(), getValues())) {
    Type type =
        fieldType(field, getLabelCount().value_or(0), getTokensAttr().getAttr(),
                  getSequencesAttr().getAttr());
    if (type != value.getType())
      return emitOpError("expects ")
             << field << " of type " << type << ", got " << value.getType();
  }
  return success();
}

Value StreamOp::getField(StringRef name) {
  for (auto [field, value] :
       llvm::zip(getFields().getAsValueRange<StringAttr>(), getValues()))
    if (field == name) return value;
  return {};
}

LogicalResult GroupOp::verify() {
  if (getSelect() && getRest())  // C1.
    return emitOpError("expects 'select' or 'rest', got both");
  if (failed(verifyRegex(*this, "select", getSelect())) ||
      failed(verifyRegex(*this, "except", getExcept())))
    return failure();  // C2.
  // C3.
  if (getFrozen() && (getDecay().convertToDouble() != 0 ||
                      getMultiplier().convertToDouble() != 1 ||
                      getLayerDecay().convertToDouble() != 1))
    return emitOpError(
        "expects no 'decay', 'multiplier' or 'layer_decay' of a frozen group");
  return success();
}

}  // namespace graft::transfer

#define GET_OP_CLASSES
#include "dialects/transfer/transfer_strategy_ops.cc.inc"
