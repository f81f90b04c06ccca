// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/parse_module.h"

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

}  // namespace

OwningOpRef<ModuleOp> parseModule(const llvm::SourceMgr& sources,
                                  MLIRContext* context) {
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
