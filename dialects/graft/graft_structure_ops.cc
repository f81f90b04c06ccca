// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/formula.h"
#include "dialects/graft/graft_ops.h"
#include "dialects/graft/size_renaming.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/StringExtras.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace graft {
namespace {

LogicalResult verifyStatic(Operation* op, Type type) {
  if (cast<RankedTensorType>(type).hasStaticShape()) return success();
  return op->emitOpError("expects a static shape, got ") << type;
}

// The declared type of the parameter or state tensor `declaration`.
Type declaredType(Operation* declaration) {
  if (auto parameter = dyn_cast_or_null<ParameterOp>(declaration))
    return parameter.getType();
  if (auto state = dyn_cast_or_null<StateOp>(declaration))
    return state.getType();
  return {};
}

// Shared by reads and writes: (C1).
LogicalResult verifySlot(Operation* op, SymbolRefAttr symbol, Type type,
                         SymbolTableCollection& tables) {
  Operation* declaration = tables.lookupNearestSymbolFrom(op, symbol);
  Type declared = declaredType(declaration);
  if (!declared)
    return op->emitOpError("expects a parameter or state tensor, got ")
           << symbol;
  if (declared == type) return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expects ")
                                  << symbol << " of type " << declared
                                  << ", got " << type;
  diagnostic.attachNote(declaration->getLoc()) << "declared here";
  return diagnostic;
}

// Shared by parameters and states: how values begin.
LogicalResult verifyInitial(Operation* op, std::optional<StringRef> initial,
                            std::optional<APFloat> deviation) {
  if (initial && *initial != "normal" && *initial != "zeros" &&
      *initial != "ones")
    return op->emitOpError(
               "expects 'initial' to be \"normal\", \"zeros\" or "
               "\"ones\", got \"")
           << *initial << '"';
  if (initial == "normal" && !deviation)
    return op->emitOpError("expects 'deviation' with \"normal\", got none");
  if (initial != "normal" && deviation)
    return op->emitOpError(
               "expects 'deviation' with \"normal\" only, got it with ")
           << (initial ? "\"" + initial->str() + "\"" : "none");
  if (deviation && (!deviation->isFinite() || deviation->convertToFloat() < 0))
    return op->emitOpError("expects a finite 'deviation' of at least 0, got ")
           << deviation->convertToFloat();
  return success();
}

}  // namespace

void ModelOp::build(OpBuilder& builder, OperationState& state, StringRef name,
                    StringRef weights) {
  state.addAttribute(getSymNameAttrName(state.name),
                     builder.getStringAttr(name));
  if (!weights.empty())
    state.addAttribute(getWeightsAttrName(state.name),
                       builder.getStringAttr(weights));
  state.addRegion()->emplaceBlock();
}

LogicalResult ParameterOp::verify() {
  if (getNormsOfAttr() && getInitialAttr())  // C5.
    return emitOpError("expects 'norms_of' or 'initial', got both");
  // C1. A named dimension may be a size of a strategy.
  auto unnamed = [](const Dim& dim) { return !dim.isStatic() && !dim.name; };
  if (llvm::any_of(getDims(getType()), unnamed))
    return verifyStatic(*this, getType());
  return verifyInitial(*this, getInitial(), getDeviation());  // C2-C4.
}

// C1, C5.
LogicalResult ParameterOp::verifySymbolUses(SymbolTableCollection& tables) {
  if (FlatSymbolRefAttr name = getNormsOfAttr()) {
    auto matrix = tables.lookupNearestSymbolFrom<ParameterOp>(*this, name);
    RankedTensorType type = getType();
    if (!matrix || matrix.getInitial() || matrix.getType().getRank() != 2 ||
        type.getRank() != 1 ||
        matrix.getType().getDimSize(0) != type.getDimSize(0))
      return emitOpError(
                 "expects 'norms_of' a matrix with as many rows, without "
                 "'initial', got ")
             << name;
  }
  auto module = (*this)->getParentOfType<ModuleOp>();
  for (const Dim& dim : getDims(getType()))
    if (module && dim.name &&
        isa_and_nonnull<SizeOp>(tables.lookupSymbolIn(module, dim.name)))
      return emitOpError("expects a static shape, or sizes of a strategy, got ")
             << getType() << " with the graft.size @" << dim.name.getValue();
  return success();
}

LogicalResult LayersOp::verify() {
  // C1.
  if (!getOrigins()) return success();
  if (getOrigins()->size() != getCount() ||
      llvm::any_of(*getOrigins(), [](int64_t origin) { return origin < 0; }))
    return emitOpError("expects 'from' to have a number for each of ")
           << getCount() << " layers, got " << getOriginsAttr();
  return success();
}

LogicalResult MergeOp::verify() {
  // C2.
  if (getScale().isFinite()) return success();
  return emitOpError("expects a finite scale, got ") << getScaleAttr();
}

LogicalResult MergeOp::verifySymbolUses(SymbolTableCollection& tables) {
  // C1.
  SmallVector<RankedTensorType> types;
  for (FlatSymbolRefAttr name :
       {getBaseAttr(), getLeftAttr(), getRightAttr()}) {
    auto parameter = tables.lookupNearestSymbolFrom<ParameterOp>(*this, name);
    if (!parameter || parameter.getType().getRank() != 2)
      return emitOpError("expects a matrix of its model, got ") << name;
    types.push_back(parameter.getType());
  }
  if (types[0].getDimSize(0) != types[1].getDimSize(0) ||
      types[0].getDimSize(1) != types[2].getDimSize(1) ||
      types[1].getDimSize(1) != types[2].getDimSize(0))
    return emitOpError("expects matrices [out, in], [out, r] and [r, in], got ")
           << types[0] << ", " << types[1] << " and " << types[2];
  if (!getNormsAttr()) return success();
  auto norms =
      tables.lookupNearestSymbolFrom<ParameterOp>(*this, getNormsAttr());
  if (norms && norms.getType().getRank() == 1 &&
      norms.getType().getDimSize(0) == types[0].getDimSize(0))
    return success();
  return emitOpError("expects 'norms' of ")
         << types[0].getDimSize(0) << " rows, got " << getNormsAttr();
}

LogicalResult StateOp::verify() {
  // C1.
  auto inName = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  if (getKind().empty() || !llvm::all_of(getKind(), inName))
    return emitOpError("expects 'kind' of letters, digits and '_', got \"")
           << getKind() << '"';
  if (failed(verifyStatic(*this, getType())) ||                    // C2.
      failed(verifyInitial(*this, getInitial(), getDeviation())))  // C3.
    return failure();
  Type element = cast<RankedTensorType>(getType()).getElementType();
  if (!getInitial() || *getInitial() == "zeros" || element.isF32())
    return success();
  return emitOpError("expects 'initial' of f32 only, got \"")
         << *getInitial() << "\" of " << element;
}

// C4.
LogicalResult StateOp::verifySymbolUses(SymbolTableCollection& tables) {
  if (!getParameterAttr() ||
      tables.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr()))
    return success();
  return emitOpError("expects a parameter of its model, got ")
         << getParameterAttr();
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection& tables) {
  if (!getLayer())
    return verifySlot(*this, getSymbol(), getType(), tables);  // C1.
  // C2.
  auto repeat = (*this)->getParentOfType<RepeatOp>();
  if (!repeat) return emitOpError("expects 'layer' inside graft.repeat only");
  auto layers =
      tables.lookupNearestSymbolFrom<LayersOp>(*this, repeat.getScopeAttr());
  if (!layers) return success();  // The repeat's own verifier speaks.
  Operation* declaration = tables.lookupSymbolIn(layers, getSymbol());
  Type declared = declaredType(declaration);
  if (!declared)
    return emitOpError("expects a parameter of ")
           << repeat.getScopeAttr() << ", got " << getSymbol();
  if (declared == getType()) return success();
  return emitOpError("expects ")
         << getSymbol() << " of type " << declared << ", got " << getType();
}

LogicalResult WriteOp::verifySymbolUses(SymbolTableCollection& tables) {
  return verifySlot(*this, getSymbol(), getValue().getType(), tables);  // C1.
}

LogicalResult CallOp::verify() {
  // C1.
  size_t named = getAt() ? getAt()->size() : 0;
  if (named != getValues().size())
    return emitOpError("expects a value for each parameter of 'at', got ")
           << getValues().size() << " for " << named;
  llvm::SmallDenseSet<Attribute> seen;
  for (size_t i = 0; i < named; ++i)
    if (Attribute name = (*getAt())[i]; !seen.insert(name).second)
      return emitOpError("expects each parameter of 'at' once, got ")
             << name << " twice";
  return success();
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection& tables) {
  auto callee =
      tables.lookupNearestSymbolFrom<func::FuncOp>(*this, getCallee());
  if (!callee)
    return emitOpError("expects a function of a model, got ") << getCallee();
  auto type = FunctionType::get(getContext(), getArguments().getTypes(),
                                getResultTypes());
  if (!matchSizes(callee.getFunctionType(), type))
    return emitOpError("expects ") << getCallee() << " of type " << type
                                   << ", got " << callee.getFunctionType();
  if (!getAt()) return success();
  // C1.
  auto model = callee->getParentOfType<ModelOp>();
  for (auto [name, value] :
       llvm::zip_equal(getAt()->getAsRange<FlatSymbolRefAttr>(), getValues())) {
    Type declared =
        model ? declaredType(tables.lookupSymbolIn(model, name)) : Type();
    if (declared == value.getType()) continue;
    InFlightDiagnostic diagnostic = emitOpError("expects ");
    if (!declared)
      return diagnostic << "a tensor of the model of " << getCallee()
                        << ", got " << name;
    return diagnostic << name << " of type " << declared << ", got "
                      << value.getType();
  }
  return success();
}

LogicalResult GradientProductsOp::verify() {
  // C1.
  size_t losses = getLosses(), count = getGradients().size() / losses;
  if (count == 0 || count * losses != getGradients().size())
    return emitOpError("expects as many gradients of each of ")
           << losses << " losses, got " << getGradients().size() << " in all";
  for (auto [index, value] : llvm::enumerate(getGradients()))
    if (Type type = getGradients()[index % count].getType();
        value.getType() != type)
      return emitOpError("expects a gradient of type ")
             << type << ", as of the first loss, got " << value.getType();
  // C2.
  auto size = static_cast<int64_t>(losses);
  auto type = cast<RankedTensorType>(getProducts().getType());
  if (type.getShape() == ArrayRef({size, size})) return success();
  return emitOpError("expects a row and a column for each of ")
         << losses << " losses, got " << type;
}

LogicalResult TapOp::verify() {
  // C1.
  if (!(*this)->getParentOfType<ModelOp>())
    return emitOpError("expects to be in a function of a graft.model");
  // C2.
  if (getLayer() && isa<RepeatOp>((*this)->getParentOp()))
    return emitOpError(
               "expects no 'layer' inside graft.repeat, whose iterations "
               "count, got ")
           << *getLayer();
  return success();
}

// graft.region (%a = %x, ...) : (TYPES) -> (TYPES) { ... }
ParseResult RegionOp::parse(OpAsmParser& parser, OperationState& result) {
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs;
  FunctionType type;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseAssignmentList(arguments, inputs) ||
      parser.parseColonType(type) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  if (type.getNumInputs() != inputs.size())
    return parser.emitError(location, "expects ")
           << inputs.size() << " types of operands, got "
           << type.getNumInputs();
  for (auto [argument, input] : llvm::zip(arguments, type.getInputs()))
    argument.type = input;
  if (parser.resolveOperands(inputs, type.getInputs(), location,
                             result.operands))
    return failure();
  result.addTypes(type.getResults());
  Region* body = result.addRegion();
  if (parser.parseRegion(*body, arguments)) return failure();
  ensureTerminator(*body, parser.getBuilder(), result.location);
  return success();
}

void RegionOp::print(OpAsmPrinter& printer) {
  printer << " (";
  llvm::interleaveComma(llvm::zip(getBody().getArguments(), getInputs()),
                        printer, [&](auto pair) {
                          printer << std::get<0>(pair) << " = "
                                  << std::get<1>(pair);
                        });
  printer << ") : ";
  printer.printFunctionalType(getInputs().getTypes(), getOutputs().getTypes());
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult RegionOp::verify() {
  Block& body = getBody().front();
  // C1.
  if (body.getArgumentTypes() != TypeRange(getInputs()))
    return emitOpError("expects arguments of the types of its operands, got ")
           << body.getArgumentTypes() << " for " << getInputs().getTypes();
  // C2.
  TypeRange yielded = body.getTerminator()->getOperandTypes();
  if (yielded != TypeRange(getOutputs()))
    return emitOpError("expects results of the types it yields, got ")
           << getOutputs().getTypes() << " for " << yielded;
  // C3.
  for (Operation& op : body.without_terminator())
    if (!isPure(&op))
      return emitOpError("expects ops without effects, got '")
             << op.getName() << "'";
  return success();
}

// Drops operands that the body does not read or that are given twice, and
// results that nobody reads.
LogicalResult RegionOp::canonicalize(RegionOp op, PatternRewriter& rewriter) {
  Block& body = op.getBody().front();
  llvm::DenseMap<Value, BlockArgument> arguments;
  for (auto [input, argument] :
       llvm::zip(op.getInputs(), body.getArguments())) {
    auto [first, inserted] = arguments.try_emplace(input, argument);
    if (!inserted) rewriter.replaceAllUsesWith(argument, first->second);
  }
  llvm::BitVector unread(body.getNumArguments());
  SmallVector<Value> inputs, yielded;
  for (auto [index, input] : llvm::enumerate(op.getInputs()))
    if (body.getArgument(index).use_empty())
      unread.set(index);
    else
      inputs.push_back(input);
  SmallVector<OpResult> read;
  Operation* yield = body.getTerminator();
  for (OpResult result : op->getResults()) {
    if (result.use_empty()) continue;
    read.push_back(result);
    yielded.push_back(yield->getOperand(result.getResultNumber()));
  }
  if (unread.none() && read.size() == op->getNumResults()) return failure();

  auto smaller = RegionOp::create(rewriter, op.getLoc(),
                                  TypeRange(ValueRange(yielded)), inputs);
  rewriter.modifyOpInPlace(yield, [&] { yield->setOperands(yielded); });
  rewriter.inlineRegionBefore(op.getBody(), smaller.getBody(),
                              smaller.getBody().end());
  rewriter.modifyOpInPlace(
      smaller, [&] { smaller.getBody().front().eraseArguments(unread); });
  for (auto [result, replacement] : llvm::zip(read, smaller.getOutputs()))
    rewriter.replaceAllUsesWith(result, replacement);
  rewriter.eraseOp(op);
  return success();
}

// graft.repeat COUNT scope @S (%a = %x, ...) : TYPES { ... }
ParseResult RepeatOp::parse(OpAsmParser& parser, OperationState& result) {
  Builder& builder = parser.getBuilder();
  int64_t count;
  FlatSymbolRefAttr scope;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> inits;
  SmallVector<Type> types;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseInteger(count) || parser.parseKeyword("scope") ||
      parser.parseAttribute(scope) ||
      parser.parseAssignmentList(arguments, inits) ||
      parser.parseColonTypeList(types) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  if (types.size() != inits.size())
    return parser.emitError(location, "expects ")
           << inits.size() << " types, got " << types.size();
  for (auto [argument, type] : llvm::zip(arguments, types))
    argument.type = type;
  if (parser.resolveOperands(inits, types, location, result.operands))
    return failure();
  result.addAttribute(getCountAttrName(result.name),
                      builder.getI64IntegerAttr(count));
  result.addAttribute(getScopeAttrName(result.name), scope);
  result.addTypes(types);
  return parser.parseRegion(*result.addRegion(), arguments);
}

void RepeatOp::print(OpAsmPrinter& printer) {
  printer << ' ' << getCount() << " scope " << getScopeAttr() << " (";
  llvm::interleaveComma(
      llvm::zip(getBody().getArguments(), getInits()), printer, [&](auto pair) {
        printer << std::get<0>(pair) << " = " << std::get<1>(pair);
      });
  printer << ") : ";
  llvm::interleaveComma(getInits().getTypes(), printer);
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(), {getCountAttrName(), getScopeAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult RepeatOp::verify() {
  // C1.
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (TypeRange(getInits()) != TypeRange(getResults()) ||
      TypeRange(getInits()) != getBody().getArgumentTypes() ||
      TypeRange(getInits()) != TypeRange(yield.getValues()))
    return emitOpError(
        "expects operands, arguments, yielded values and results "
        "of the same types");
  // C2.
  auto layers =
      SymbolTable::lookupNearestSymbolFrom<LayersOp>(*this, getScopeAttr());
  if (!layers)
    return emitOpError("expects ") << getScopeAttr() << " to be graft.layers";
  if (layers.getCount() == getCount()) return success();
  InFlightDiagnostic diagnostic = emitOpError("expects as many turns as ")
                                  << getScopeAttr() << " has layers, got "
                                  << getCount() << " and " << layers.getCount();
  diagnostic.attachNote(layers.getLoc()) << "declared here";
  return diagnostic;
}

LogicalResult FormulaOp::verify() {
  // C7.
  auto precision = (*this)->getAttrOfType<StringAttr>(kPrecisionAttr);
  if (precision && precision != "follow")
    return emitOpError("expects '")
           << kPrecisionAttr << "' to be \"follow\" or absent, got "
           << precision;
  // C1 to C6.
  auto emitError = [&] { return emitOpError(); };
  FailureOr<formula::Formula> parsed = formula::parse(getFormula(), emitError);
  if (failed(parsed)) return failure();
  return formula::bind(*parsed, getInputs().getTypes(), getOutput().getType(),
                       emitError);
}

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_structure_ops.cc.inc"
