// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/exec/exec_dialect.h"

#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

#include "dialects/exec/exec_dialect.cc.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/exec/exec_attrs.cc.inc"

namespace graft::exec {

void ExecDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/exec/exec_attrs.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/exec_launch_ops.cc.inc"
      >();
  registerProgramOps();
  registerHostOps();
}

LogicalResult ExecDialect::verifyRegionArgAttribute(Operation* op, unsigned,
                                                    unsigned index,
                                                    NamedAttribute attribute) {
  if (attribute.getName() != kSourceAttr ||
      isa<SourceAttr>(attribute.getValue()))
    return success();
  return op->emitOpError("expects '")
         << kSourceAttr << "' of argument " << index
         << " to be an #exec.source, got " << attribute.getValue();
}

LogicalResult ExecDialect::verifyOperationAttribute(Operation* op,
                                                    NamedAttribute attribute) {
  if (attribute.getName() != kGemmBlocksAttr) return success();
  if (!isa<ModuleOp>(op))
    return op->emitOpError("expects '")
           << kGemmBlocksAttr << "' on a module only";
  if (!isa<GemmBlocksAttr>(attribute.getValue()))
    return op->emitOpError("expects '")
           << kGemmBlocksAttr << "' to be an #exec.gemm_blocks, got "
           << attribute.getValue();
  return success();
}

LogicalResult GemmBlocksAttr::verify(
    llvm::function_ref<InFlightDiagnostic()> emitError, int64_t rows,
    int64_t depth, int64_t group) {
  if (rows >= 1 && depth >= 0 && group >= 1) return success();
  return emitError() << "expects at least one row, a depth of at least 0 and a "
                        "group of at least 1, got "
                     << rows << ", " << depth << " and " << group;
}

// <T / 32 * 12>, <T / 32>, <T>, <T * 12> or <6>.
Attribute GridAttr::parse(AsmParser& parser, Type) {
  StringAttr size;
  int64_t block = 1, count = 1;
  StringRef name;
  if (parser.parseLess()) return {};
  if (succeeded(parser.parseOptionalKeyword(&name))) {
    size = parser.getBuilder().getStringAttr(name);
    if (succeeded(parser.parseOptionalSlash()) && parser.parseInteger(block))
      return {};
    if (succeeded(parser.parseOptionalStar()) && parser.parseInteger(count))
      return {};
  } else if (parser.parseInteger(count)) {
    return {};
  }
  if (block < 1 || count < 1) {
    parser.emitError(parser.getCurrentLocation(),
                     "expects a positive block and count");
    return {};
  }
  if (parser.parseGreater()) return {};
  return GridAttr::get(parser.getContext(), size, block, count);
}

void GridAttr::print(AsmPrinter& printer) const {
  printer << '<';
  if (getSize()) {
    printer << getSize().getValue();
    if (getBlock() != 1) printer << " / " << getBlock();
    if (getCount() != 1) printer << " * " << getCount();
  } else {
    printer << getCount();
  }
  printer << '>';
}

namespace {

// 1536 * T, 48 * squares(T), 2 * T * S or 4.
CostTermAttr parseTerm(AsmParser& parser) {
  int64_t coefficient;
  SmallVector<StringAttr> sizes;
  bool squares = false;
  if (parser.parseInteger(coefficient)) return {};
  while (succeeded(parser.parseOptionalStar())) {
    StringRef name;
    if (squares) {
      parser.emitError(parser.getCurrentLocation(),
                       "expects nothing after squares of lengths");
      return {};
    }
    if (parser.parseKeyword(&name)) return {};
    squares = name == "squares" && succeeded(parser.parseOptionalLParen());
    if (squares && (parser.parseKeyword(&name) || parser.parseRParen()))
      return {};
    sizes.push_back(parser.getBuilder().getStringAttr(name));
  }
  if (squares && sizes.size() != 1) {
    parser.emitError(parser.getCurrentLocation(),
                     "expects nothing before squares of lengths");
    return {};
  }
  return CostTermAttr::get(parser.getContext(), coefficient, sizes, squares);
}

void printTerm(AsmPrinter& printer, CostTermAttr term) {
  printer << term.getCoefficient();
  for (StringAttr size : term.getSizes()) {
    printer << " * ";
    if (term.getSquares())
      printer << "squares(" << size.getValue() << ')';
    else
      printer << size.getValue();
  }
}

ParseResult parseTerms(AsmParser& parser, StringRef keyword,
                       SmallVectorImpl<CostTermAttr>& terms) {
  if (failed(parser.parseOptionalKeyword(keyword))) return success();
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    terms.push_back(parseTerm(parser));
    return success(terms.back() != nullptr);
  });
}

}  // namespace

Attribute CostTermAttr::parse(AsmParser& parser, Type) {
  if (parser.parseLess()) return {};
  CostTermAttr term = parseTerm(parser);
  if (!term || parser.parseGreater()) return {};
  return term;
}

void CostTermAttr::print(AsmPrinter& printer) const {
  printer << '<';
  printTerm(printer, *this);
  printer << '>';
}

// One byte of an artifact.
static constexpr int64_t kMostUnits = 255;

Attribute CostAttr::parse(AsmParser& parser, Type) {
  SmallVector<CostTermAttr> flops, bytes;
  StringAttr unit;
  int64_t count = 0;
  if (parser.parseLess() || parseTerms(parser, "flops", flops) ||
      (!flops.empty() && succeeded(parser.parseOptionalKeyword("each")) &&
       (parser.parseInteger(count) || parser.parseAttribute(unit))) ||
      parseTerms(parser, "bytes", bytes) || parser.parseGreater())
    return {};
  if (unit && (unit.empty() || count < 1 || count > kMostUnits)) {
    parser.emitError(parser.getCurrentLocation(),
                     "expects the name of a unit and a count from 1 to ")
        << kMostUnits << ", got " << count << ' ' << unit;
    return {};
  }
  return CostAttr::get(parser.getContext(), flops, bytes, unit, count);
}

void CostAttr::print(AsmPrinter& printer) const {
  auto print = [&](StringRef keyword, ArrayRef<CostTermAttr> terms) {
    printer << keyword << " [";
    llvm::interleaveComma(terms, printer,
                          [&](CostTermAttr term) { printTerm(printer, term); });
    printer << ']';
  };
  printer << '<';
  if (!getFlops().empty()) {
    print("flops", getFlops());
    if (getUnit()) printer << " each " << getUnitCount() << ' ' << getUnit();
    if (!getBytes().empty()) printer << ' ';
  }
  if (!getBytes().empty()) print("bytes", getBytes());
  printer << '>';
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection& tables) {
  // C1.
  auto kernel =
      tables.lookupNearestSymbolFrom<func::FuncOp>(*this, getKernel());
  if (!kernel || !isa<KernelsOp>(kernel->getParentOp()))
    return emitOpError("expects a function of exec.kernels, got ")
           << getKernel();
  // C2.
  ArrayRef<int64_t> ties = getTies();
  if (ties.size() % 2 != 0)
    return emitOpError("expects pairs in 'ties', got ")
           << ties.size() << " numbers";
  for (size_t i = 0; i < ties.size(); i += 2) {
    auto inside = [](int64_t index, unsigned count) {
      return index >= 0 && index < static_cast<int64_t>(count);
    };
    if (!inside(ties[i], getNumResults()) ||
        !inside(ties[i + 1], getNumOperands()) ||
        getResult(ties[i]).getType() != getOperand(ties[i + 1]).getType())
      return emitOpError(
                 "expects a tie of a result and an operand of the "
                 "same type, got result ")
             << ties[i] << " and operand " << ties[i + 1];
  }
  return success();
}

}  // namespace graft::exec

#define GET_OP_CLASSES
#include "dialects/exec/exec_launch_ops.cc.inc"
