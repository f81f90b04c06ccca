// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/parse_module.h"

#include <algorithm>

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/IR/Location.h"

using namespace mlir;

namespace graft {
namespace {

// Turns the names of values into locations.
class Namer {
 public:
  explicit Namer(const AsmParserState& state) : state(state) {}

  void run() {
    for (bool name : {false, true}) {
      naming = name;
      for (const auto& op : state.getOpDefs()) visit(op);
      for (const auto& block : state.getBlockDefs()) visit(block);
    }
  }

 private:
  // The first round collects names, for equal ones cannot be told from their
  // numbered copies before; the second applies them.
  bool naming = false;

  void visit(const AsmParserState::OperationDefinition& definition) {
    // Ops of several results name these themselves.
    if (definition.op->getNumResults() != 1 ||
        definition.resultGroups.size() != 1)
      return;
    Operation* op = definition.op;
    StringRef name = textOf(definition.resultGroups.front().definition);
    op->setLoc(visit(name, op, op->getLoc()));
  }

  void visit(const AsmParserState::BlockDefinition& definition) {
    if (!definition.block->getParentOp()) return;
    for (auto [argument, name] :
         llvm::zip(definition.block->getArguments(), definition.arguments))
      argument.setLoc(visit(textOf(name), definition.block->getParentOp(),
                            argument.getLoc()));
  }

  // The location of a value below `op`. One that the text gives by itself is
  // kept.
  Location visit(StringRef name, Operation* op, Location location) {
    if (name.empty() || llvm::all_of(name, llvm::isDigit) ||
        !isa<FileLineColLoc>(location))
      return location;
    while (op && !op->hasTrait<OpTrait::IsIsolatedFromAbove>())
      op = op->getParentOp();
    llvm::StringSet<>& scope = names[op];
    if (!naming) {
      scope.insert(name);
      return location;
    }
    StringRef stem = name.rtrim("0123456789");
    if (stem.size() < name.size() && stem.consume_back("_") &&
        scope.contains(stem))
      name = stem;
    return NameLoc::get(StringAttr::get(location.getContext(), name), location);
  }

  // A name without its "%".
  static StringRef textOf(const AsmParserState::SMDefinition& definition) {
    if (!definition.loc.isValid()) return {};
    const char* start = definition.loc.Start.getPointer();
    StringRef text(start, definition.loc.End.getPointer() - start);
    return text.consume_front("%") ? text : StringRef();
  }

  const AsmParserState& state;
  llvm::DenseMap<Operation*, llvm::StringSet<>> names;
};

// More than any page has, and few enough for the stack of a parser that calls
// itself for each.
constexpr int kMaxDepth = 256;

// The first bracket that opens below kMaxDepth others, or null. Strings and
// comments do not count.
const char* findTooDeep(StringRef text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"' && c != '\n';
    } else if (c == '"') {
      quoted = true;
    } else if (text.substr(i).starts_with("//")) {
      i = std::min(text.find('\n', i), text.size());
    } else if (StringRef("({[").contains(c) ||
               (c == '<' && !text.substr(i + 1).starts_with("=") &&
                !text.substr(i + 1).starts_with(" "))) {
      if (++depth > kMaxDepth) return text.data() + i;
    } else if (StringRef(")}]").contains(c) ||
               (c == '>' && i > 0 && text[i - 1] != '-')) {
      depth = std::max(depth - 1, 0);
    }
  }
  return nullptr;
}

// Whether the text may be parsed; otherwise says where it nests too deeply.
bool checkDepth(const llvm::SourceMgr& sources, MLIRContext* context) {
  const unsigned id = sources.getMainFileID();
  const llvm::MemoryBuffer* buffer = sources.getMemoryBuffer(id);
  const char* place = findTooDeep(buffer->getBuffer());
  if (!place) return true;
  const auto [line, column] =
      sources.getLineAndColumn(llvm::SMLoc::getFromPointer(place), id);
  emitError(
      FileLineColLoc::get(context, buffer->getBufferIdentifier(), line, column))
      << "expects at most " << kMaxDepth << " nested brackets, got more";
  return false;
}

}  // namespace

OwningOpRef<ModuleOp> parseModule(const llvm::SourceMgr& sources,
                                  MLIRContext* context) {
  if (!checkDepth(sources, context)) return {};
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  AsmParserState state;
  ParserConfig config(context, /*verifyAfterParse=*/false);
  if (failed(parseAsmSourceFile(sources, module->getBody(), config, &state)))
    return {};
  Namer(state).run();
  // The text may have written the module itself.
  Block* body = module->getBody();
  auto inner = body->empty() ? ModuleOp() : dyn_cast<ModuleOp>(body->front());
  if (!inner || !llvm::hasSingleElement(*body)) return module;
  inner->remove();
  return inner;
}

}  // namespace graft
