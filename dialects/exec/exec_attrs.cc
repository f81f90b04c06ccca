// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Attributes that stand bare in ops: buffers, sources, assignments.

#include "dialects/exec/exec_dialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

namespace graft::exec {
namespace {

// Parts of a segments input, in the order of the calling convention.
constexpr StringRef kParts[] = {"offsets", "ordinals", "rows"};

// In the order of SourceKind.
constexpr StringRef kSources[] = {"caller", "stream", "cache", "register"};

}  // namespace

BufferAttr BufferAttr::getArena(MLIRContext* context, int64_t offset,
                                int64_t bytes) {
  return get(context, Place::kArena, {}, 0, 0, offset, bytes);
}

BufferAttr BufferAttr::getSlot(SymbolRefAttr slot) {
  return get(slot.getContext(), Place::kSlot, slot, 0, 0, 0, 0);
}

BufferAttr BufferAttr::getInput(MLIRContext* context, int64_t index,
                                int64_t part) {
  return get(context, Place::kInput, {}, index, part, 0, 0);
}

BufferAttr BufferAttr::getOutput(MLIRContext* context, int64_t index) {
  return get(context, Place::kOutput, {}, index, 0, 0, 0);
}

BufferAttr BufferAttr::parseBare(AsmParser& parser) {
  MLIRContext* context = parser.getContext();
  SymbolRefAttr slot;
  OptionalParseResult symbol = parser.parseOptionalAttribute(slot);
  if (symbol.has_value()) {
    if (failed(*symbol)) return {};
    return getSlot(slot);
  }
  StringRef keyword;
  int64_t number = 0, bytes = 0;
  llvm::SMLoc location = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword) || parser.parseInteger(number)) return {};
  if (keyword == "arena") {
    if (parser.parseColon() || parser.parseInteger(bytes)) return {};
    return getArena(context, number, bytes);
  }
  if (keyword == "input") return getInput(context, number);
  if (keyword == "output") return getOutput(context, number);
  for (auto [part, name] : llvm::enumerate(kParts))
    if (keyword == name) return getInput(context, number, part);
  parser.emitError(location, "expects a buffer, got ") << keyword;
  return {};
}

void BufferAttr::printBare(AsmPrinter& printer) const {
  switch (getPlace()) {
    case Place::kArena:
      printer << "arena " << getOffset() << " : " << getBytes();
      return;
    case Place::kSlot:
      printer << getSlot();
      return;
    case Place::kInput:
      // The first part of segments reads like an input; see ProgramOp.
      printer << (getPart() == 0 ? "input" : kParts[getPart()]) << ' '
              << getIndex();
      return;
    case Place::kOutput:
      printer << "output " << getIndex();
      return;
  }
}

Attribute BufferAttr::parse(AsmParser& parser, Type) {
  if (parser.parseLess()) return {};
  BufferAttr buffer = parseBare(parser);
  if (!buffer || parser.parseGreater()) return {};
  return buffer;
}

void BufferAttr::print(AsmPrinter& printer) const {
  printer << '<';
  printBare(printer);
  printer << '>';
}

SourceAttr SourceAttr::getCaller(MLIRContext* context) {
  return get(context, SourceKind::kCaller, {}, {});
}

SourceAttr SourceAttr::getStream(StringAttr stream, StringAttr field) {
  return get(stream.getContext(), SourceKind::kStream,
             FlatSymbolRefAttr::get(stream), field);
}

SourceAttr SourceAttr::getCache(StringAttr cache) {
  return get(cache.getContext(), SourceKind::kCache,
             FlatSymbolRefAttr::get(cache), {});
}

SourceAttr SourceAttr::getRegister(StringAttr name) {
  return get(name.getContext(), SourceKind::kRegister,
             FlatSymbolRefAttr::get(name), {});
}

StringRef stringifySource(SourceKind kind) {
  return kSources[static_cast<size_t>(kind)];
}

// caller, stream @NAME FIELD, cache @NAME or register @NAME.
SourceAttr SourceAttr::parseBare(AsmParser& parser) {
  StringRef keyword;
  llvm::SMLoc location = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword)) return {};
  const auto* found = llvm::find(kSources, keyword);
  if (found == std::end(kSources)) {
    parser.emitError(location,
                     "expects caller, stream, cache or register, got ")
        << keyword;
    return {};
  }
  auto kind = static_cast<SourceKind>(found - std::begin(kSources));
  StringAttr symbol;
  std::string field;
  if (kind == SourceKind::kCaller) return getCaller(parser.getContext());
  if (parser.parseSymbolName(symbol)) return {};
  if (kind == SourceKind::kCache) return getCache(symbol);
  if (kind == SourceKind::kRegister) return getRegister(symbol);
  if (parser.parseKeywordOrString(&field)) return {};
  return getStream(symbol, parser.getBuilder().getStringAttr(field));
}

void SourceAttr::printBare(AsmPrinter& printer) const {
  printer << stringifySource(getKind());
  if (getSymbol()) printer << ' ' << getSymbol();
  if (!getField()) return;
  printer << ' ';
  printer.printKeywordOrString(getField().getValue());
}

Attribute SourceAttr::parse(AsmParser& parser, Type) {
  if (parser.parseLess()) return {};
  SourceAttr source = parseBare(parser);
  if (!source || parser.parseGreater()) return {};
  return source;
}

void SourceAttr::print(AsmPrinter& printer) const {
  printer << '<';
  printBare(printer);
  printer << '>';
}

// @TARGET = NAME or @TARGET += NAME.
AssignmentAttr AssignmentAttr::parseBare(AsmParser& parser) {
  StringAttr target;
  std::string name;
  if (parser.parseSymbolName(target)) return {};
  bool add = succeeded(parser.parseOptionalPlus());
  if (parser.parseEqual() || parser.parseKeywordOrString(&name)) return {};
  return get(parser.getContext(), parser.getBuilder().getStringAttr(name),
             FlatSymbolRefAttr::get(target), add);
}

void AssignmentAttr::printBare(AsmPrinter& printer) const {
  printer << getTarget() << (getAdd() ? " += " : " = ");
  printer.printKeywordOrString(getName().getValue());
}

Attribute AssignmentAttr::parse(AsmParser& parser, Type) {
  if (parser.parseLess()) return {};
  AssignmentAttr assignment = parseBare(parser);
  if (!assignment || parser.parseGreater()) return {};
  return assignment;
}

void AssignmentAttr::print(AsmPrinter& printer) const {
  printer << '<';
  printBare(printer);
  printer << '>';
}

}  // namespace graft::exec
