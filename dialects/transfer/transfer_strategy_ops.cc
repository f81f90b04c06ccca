// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/number.h"
#include "dialects/transfer/optimizer.h"
#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// How many numbers or classes a field has, as in labels<3> or soft<K>.
struct FieldWidth {
  int64_t number = 0;
  StringAttr size = {};  // in place of a number

  explicit operator bool() const { return number != 0 || size; }
};

template <typename Stream>
Stream& operator<<(Stream& stream, const FieldWidth& width) {
  if (width.size)
    stream << width.size.getValue();
  else
    stream << width.number;
  return stream;
}

// Of the fields that have one.
struct FieldWidths {
  FieldWidth labels, multi_hot, features, soft;

  // Of the field `name`, or null.
  FieldWidth* of(StringRef name) {
    if (name == "labels") return &labels;
    if (name == "multi_hot") return &multi_hot;
    if (name == "features") return &features;
    return name == "soft" ? &soft : nullptr;
  }
};

FieldWidths widthsOf(StreamOp stream) {
  FieldWidths widths;
  widths.labels = {static_cast<int64_t>(stream.getLabelCount().value_or(0)),
                   stream.getLabelSizeAttr()};
  widths.multi_hot = {
      static_cast<int64_t>(stream.getMultiHotCount().value_or(0)),
      stream.getMultiHotSizeAttr()};
  widths.features.number = stream.getFeatureCount().value_or(0);
  widths.soft = {static_cast<int64_t>(stream.getSoftCount().value_or(0)),
                 stream.getSoftSizeAttr()};
  return widths;
}

// The fields that a stream may have.
constexpr StringRef kFields[] = {"text",     "ids",      "types",  "segments",
                                 "adapters", "features", "labels", "multi_hot",
                                 "soft",     "weights"};

// The type of one of them.
Type fieldType(StringRef field, const FieldWidths& widths, StringAttr tokens,
               StringAttr sequences) {
  MLIRContext* context = tokens.getContext();
  if (field == "text") return TextType::get(context);
  Type i32 = IntegerType::get(context, 32);
  Type f32 = Float32Type::get(context);
  Dim t = getNamedDim(tokens);
  Dim s = getNamedDim(sequences);
  if (field == "ids" || field == "types" || field == "adapters")
    return getTensorType({t}, i32);
  if (field == "segments") return SegmentsType::get(context, tokens, sequences);
  if (field == "weights") return getTensorType({s}, f32);
  const auto rowsOf = [&](const FieldWidth& width) {
    return getTensorType(
        {s, width.size ? getNamedDim(width.size) : Dim{width.number, nullptr}},
        f32);
  };
  if (field == "features") return rowsOf(widths.features);
  if (field == "multi_hot") return rowsOf(widths.multi_hot);
  if (field == "soft") return rowsOf(widths.soft);
  if (widths.labels.number == 1)
    return getTensorType({s, Dim{1, nullptr}}, f32);
  return getTensorType({s}, i32);
}

// What POSIX extended regular expressions write for `\escape` of other
// dialects; empty if there is no such term.
StringRef posixTerm(char escape) {
  switch (escape) {
    case 'd':
      return "[0-9]";
    case 'D':
      return "[^0-9]";
    case 'w':
      return "[A-Za-z0-9_]";
    case 'W':
      return "[^A-Za-z0-9_]";
    case 's':
      return "[[:space:]]";
    case 'S':
      return "[^[:space:]]";
    default:
      return "";
  }
}

// Fails if a letter or digit follows a backslash. LLVM reads `\d` as `d`, which
// is not what people mean who know another dialect.
LogicalResult verifyEscapes(Operation* op, StringRef name, StringRef pattern) {
  for (size_t i = 0; i + 1 < pattern.size(); ++i) {
    if (pattern[i] != '\\') continue;
    const char escape = pattern[++i];
    if (!llvm::isAlnum(escape)) continue;
    InFlightDiagnostic diagnostic =
        op->emitOpError("expects '")
        << name
        << "' to be a POSIX extended regular expression, which has no \\"
        << escape << ", got \"" << pattern << '"';
    if (StringRef term = posixTerm(escape); !term.empty())
      diagnostic << "; write " << term;
    return diagnostic;
  }
  return success();
}

LogicalResult verifyRegex(Operation* op, StringRef name, Attribute text) {
  if (!text) return success();
  FailureOr<StringAttr> pattern = getText(op, name, text);
  if (failed(pattern) || failed(verifyEscapes(op, name, pattern->getValue())))
    return failure();
  std::string error;
  if (llvm::Regex(pattern->getValue()).isValid(error)) return success();
  return op->emitOpError("expects '")
         << name << "' to be a regular expression, got " << *pattern << ": "
         << error;
}

}  // namespace

// transfer.stream @NAME of FIELD, FIELD<K>, ... in @TOKENS, @SEQUENCES
ParseResult StreamOp::parse(OpAsmParser& parser, OperationState& result) {
  Builder& builder = parser.getBuilder();
  StringAttr name;
  SmallVector<StringRef> fields;
  FieldWidths widths;
  FlatSymbolRefAttr tokens, sequences;
  auto parseField = [&]() -> ParseResult {
    const SMLoc begin = parser.getCurrentLocation();
    if (parser.parseKeyword(&fields.emplace_back())) return failure();
    if (!llvm::is_contained(kFields, fields.back()))  // C1.
      return parser.emitError(begin)
             << "expects fields of text, ids, types, segments, adapters, "
                "features, labels, multi_hot, soft and weights, got "
             << fields.back();
    const SMLoc place = parser.getCurrentLocation();
    FieldWidth* width = widths.of(fields.back());
    if (failed(parser.parseOptionalLess())) {
      // Here, for the type of the value depends on it.
      if (!width) return success();
      return parser.emitError(place)
             << "expects " << fields.back() << " with a number, as "
             << fields.back() << "<2>";
    }
    if (!width)  // C2.
      return parser.emitError(place)
             << "expects a number for labels, multi_hot, features and soft "
                "only, got one for "
             << fields.back();
    StringRef size;
    if (succeeded(parser.parseOptionalKeyword(&size)))
      width->size = builder.getStringAttr(size);
    else if (parser.parseInteger(width->number))
      return failure();
    if (width == &widths.features && width->size)  // C2.
      return parser.emitError(place)
             << "expects features of a number of columns, as features<2>, got "
             << size;
    return parser.parseGreater();
  };
  if (parser.parseSymbolName(name) || parser.parseKeyword("of") ||
      parser.parseCommaSeparatedList(parseField) || parser.parseKeyword("in"))
    return failure();
  if (parser.parseAttribute(tokens) || parser.parseComma() ||
      parser.parseAttribute(sequences) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  result.addAttribute(getSymNameAttrName(result.name), name);
  result.addAttribute(getFieldsAttrName(result.name),
                      builder.getStrArrayAttr(fields));
  result.addAttribute(getTokensAttrName(result.name), tokens);
  result.addAttribute(getSequencesAttrName(result.name), sequences);
  const auto addWidth = [&](const FieldWidth& width, StringAttr count,
                            StringAttr size) {
    if (width.number != 0)
      result.addAttribute(count, builder.getI64IntegerAttr(width.number));
    if (width.size) result.addAttribute(size, width.size);
  };
  addWidth(widths.labels, getLabelCountAttrName(result.name),
           getLabelSizeAttrName(result.name));
  addWidth(widths.multi_hot, getMultiHotCountAttrName(result.name),
           getMultiHotSizeAttrName(result.name));
  addWidth(widths.features, getFeatureCountAttrName(result.name), {});
  addWidth(widths.soft, getSoftCountAttrName(result.name),
           getSoftSizeAttrName(result.name));
  for (StringRef field : fields)
    result.addTypes(
        fieldType(field, widths, tokens.getAttr(), sequences.getAttr()));
  return success();
}

void StreamOp::print(OpAsmPrinter& printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " of ";
  FieldWidths widths = widthsOf(*this);
  llvm::interleaveComma(getFields().getAsValueRange<StringAttr>(), printer,
                        [&](StringRef field) {
                          printer << field;
                          const FieldWidth* width = widths.of(field);
                          if (!width || !*width) return;
                          printer << '<' << *width << '>';
                        });
  printer << " in " << getTokensAttr() << ", " << getSequencesAttr();
  printer.printOptionalAttrDict(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getFieldsAttrName(), getLabelCountAttrName(),
       getLabelSizeAttrName(), getMultiHotCountAttrName(),
       getMultiHotSizeAttrName(), getFeatureCountAttrName(),
       getSoftCountAttrName(), getSoftSizeAttrName(), getTokensAttrName(),
       getSequencesAttrName()});
}

void StreamOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  for (auto [field, value] :
       llvm::zip(getFields().getAsValueRange<StringAttr>(), getValues()))
    setName(value, field);
}

// Entries and registers are called after streams and phases.
static LogicalResult verifyName(Operation* op, StringRef name) {
  if (!name.empty() &&
      llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; }))
    return success();
  return op->emitOpError("expects a name of letters, digits and '_', got @")
         << name;
}

// C2, of one field.
static LogicalResult verifyWidth(StreamOp op, StringRef field, bool present,
                                 std::optional<int64_t> number,
                                 StringAttr size) {
  const bool counted = number.has_value() != (size != nullptr);
  if (present != counted && counted)
    return op.emitOpError("expects a number for ") << field << " only";
  if (present != counted)
    return op.emitOpError("expects ")
           << field << " with a number, as " << field << "<2>";
  if (size) {
    std::optional<ArrayAttr> sizes =
        op->getParentOfType<StrategyOp>().getSizes();
    if (!sizes || !llvm::is_contained(sizes->getAsRange<StringAttr>(), size))
      return op.emitOpError("expects ")
             << field << " of a number, or of a size of the strategy, got "
             << size.getValue();
  }
  if (number.value_or(1) >= 1) return success();
  return op.emitOpError("expects at least 1 ")
         << (field == "features" ? "column of features"
             : field == "soft"   ? "label of soft targets"
                                 : "label")
         << ", got " << *number;
}

LogicalResult StreamOp::verify() {
  if (failed(verifyName(*this, getSymName()))) return failure();
  llvm::StringSet<> seen;
  for (StringRef field : getFields().getAsValueRange<StringAttr>())
    if (!seen.insert(field).second)  // C1.
      return emitOpError("expects each field once, got ") << field << " twice";
  // C2.
  if (failed(verifyWidth(*this, "labels", seen.contains("labels"),
                         getLabelCount(), getLabelSizeAttr())) ||
      failed(verifyWidth(*this, "multi_hot", seen.contains("multi_hot"),
                         getMultiHotCount(), getMultiHotSizeAttr())) ||
      failed(verifyWidth(*this, "features", seen.contains("features"),
                         getFeatureCount(), {})) ||
      failed(verifyWidth(*this, "soft", seen.contains("soft"), getSoftCount(),
                         getSoftSizeAttr())))
    return failure();
  const FieldWidths widths = widthsOf(*this);
  if (widths.multi_hot && widths.labels)
    return emitOpError(
        "expects labels, one of each example, or multi_hot, any number of "
        "them, got both");
  if (widths.multi_hot.number == 1)
    return emitOpError(
        "expects multi_hot of at least 2 labels, got 1; whether an example has "
        "one label or not is labels<2>");
  if (widths.soft.number == 1)
    return emitOpError(
        "expects soft targets of at least 2 classes, got 1; a number for each "
        "example is labels<1>");
  if (widths.soft && widths.labels &&
      (widths.soft.number != widths.labels.number ||
       widths.soft.size != widths.labels.size))
    return emitOpError("expects soft targets of the classes of labels, ")
           << widths.labels << ", got " << widths.soft;
  // C3.
  if (getFields().size() != getNumResults())
    return emitOpError("expects a result for each of ")
           << getFields().size() << " fields, got " << getNumResults();
  for (auto [field, value] :
       llvm::zip(getFields().getAsValueRange<StringAttr>(), getValues())) {
    Type type = getFieldType(field);
    if (type != value.getType())
      return emitOpError("expects ")
             << field << " of type " << type << ", got " << value.getType();
  }
  return success();
}

Type StreamOp::getFieldType(StringRef name) {
  return fieldType(name, widthsOf(*this), getTokensAttr().getAttr(),
                   getSequencesAttr().getAttr());
}

bool StreamOp::isInput(StringRef name) {
  return name != "labels" && name != "multi_hot" && name != "weights" &&
         name != "soft";
}

StringRef StreamOp::getClassField() {
  for (StringRef field : {"labels", "multi_hot", "soft"})
    if (getField(field)) return field;
  return "";
}

std::optional<int64_t> StreamOp::getClassCount() {
  FieldWidths widths = widthsOf(*this);
  const FieldWidth* width = widths.of(getClassField());
  return width && width->number != 0 ? std::optional(width->number)
                                     : std::nullopt;
}

StringAttr StreamOp::getClassSize() {
  FieldWidths widths = widthsOf(*this);
  const FieldWidth* width = widths.of(getClassField());
  return width ? width->size : StringAttr();
}

Value StreamOp::getField(StringRef name) {
  for (auto [field, value] :
       llvm::zip(getFields().getAsValueRange<StringAttr>(), getValues()))
    if (field == name) return value;
  return {};
}

// (NAME, NAME, ...)
ParseResult parseSizes(OpAsmParser& parser, ArrayAttr& sizes) {
  SmallVector<StringRef> names;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
        return parser.parseKeyword(&names.emplace_back());
      }))
    return failure();
  sizes = parser.getBuilder().getStrArrayAttr(names);
  return success();
}

void printSizes(OpAsmPrinter& printer, StrategyOp, ArrayAttr sizes) {
  printer << '(';
  llvm::interleaveComma(sizes.getAsValueRange<StringAttr>(), printer);
  printer << ')';
}

bool StrategyOp::isLinked() {
  if (getSizes() || !getOps<CountOp>().empty()) return false;
  return llvm::none_of(getOps<StreamOp>(), [](StreamOp stream) {
    return stream.getField("text") != nullptr;
  });
}

bool StrategyOp::predictsAlone() {
  return getOps<PhaseOp>().empty() && getOps<ScheduleOp>().empty();
}

bool StrategyOp::isComplete() {
  for (Operation& op : getBody().front())
    if (isa<InjectOp, TapOp, RelationDivergenceOp, ReadParameterOp>(op))
      return false;
  // Functions of models compute formulas, too.
  return isLinked() &&
         !(*this)
              ->getParentOp()
              ->walk([](FormulaOp) { return WalkResult::interrupt(); })
              .wasInterrupted();
}

LogicalResult StrategyOp::setParameter(StringRef name, StringRef text) {
  SmallVector<StringRef> names;
  for (auto parameter : getOps<HyperparameterOp>()) {
    if (parameter.getSymName() == name) return parameter.setFromText(text);
    names.push_back(parameter.getSymName());
  }
  return mlir::emitError(getLoc())
         << "strategy @" << getSymName() << " expects a parameter"
         << (names.empty() ? "" : " of ") << llvm::join(names, ", ") << ", got "
         << name;
}

LogicalResult InjectOp::verify() {
  if (failed(verifyRegex(*this, "select", getSelectAttr())))  // C1.
    return failure();
  // C2, C3.
  const bool bottleneck = getKind() == InjectKind::bottleneck;
  auto expect = [&](StringRef name, Attribute number, bool wanted) {
    if (bool(number) == wanted) return success();
    InFlightDiagnostic diagnostic = emitOpError("expects ");
    if (!wanted) diagnostic << "no ";
    diagnostic << '\'' << name << "' of " << stringifyInjectKind(getKind());
    return LogicalResult(diagnostic << (wanted ? ", got none" : ""));
  };
  if (failed(expect("rank", getRankAttr(), !bottleneck)) ||
      failed(expect("alpha", getAlphaAttr(), !bottleneck)) ||
      failed(expect("width", getWidthAttr(), bottleneck)))
    return failure();
  if (bottleneck && getLoaded())  // C4.
    return emitOpError("expects no 'loaded' of bottleneck");
  return success(
      succeeded(verifyNumber(*this, "rank", getRankAttr(), kCount)) &&
      succeeded(verifyNumber(*this, "alpha", getAlphaAttr(), kPositive)) &&
      succeeded(verifyNumber(*this, "width", getWidthAttr(), kCount)));
}

// C1.
LogicalResult CountOp::verify() {
  return verifyNumber(*this, "count", getCountAttr(), kCount);
}

LogicalResult GroupOp::verify() {
  if (failed(verifyRegex(*this, "select", getSelectAttr())) ||
      failed(verifyRegex(*this, "except", getExceptAttr())))
    return failure();  // C1.
  // C2.
  if (!isLearned() &&
      (getDecayAttr() || getMultiplierAttr() || getLayerDecayAttr()))
    return emitOpError(
               "expects no 'decay', 'multiplier' or 'layer_decay' of a group "
               "that ")
           << (getFrozen() ? "is frozen" : "tracks a model");
  if (getFrozen() && getTracksAttr())
    return emitOpError(
        "expects a group that is frozen or tracks a model, got "
        "both");
  // C3.
  if (getToStart() && !getDecayAttr())
    return emitOpError("expects 'decay' with 'to_start', got none");
  if (bool(getTracksAttr()) != bool(getKeepAttr()))
    return emitOpError("expects 'tracks' and 'keep' together");
  return success(
      succeeded(verifyNumber(*this, "keep", getKeepAttr(), kShare,
                             Change::allowed)) &&
      succeeded(verifyNumber(*this, "decay", getDecayAttr(), kNonNegative)) &&
      succeeded(
          verifyNumber(*this, "multiplier", getMultiplierAttr(), kPositive)) &&
      succeeded(verifyNumber(*this, "layer_decay", getLayerDecayAttr(),
                             kLayerDecay)));
}

LogicalResult PhaseOp::verify() {
  if (failed(verifyName(*this, getSymName()))) return failure();  // C3.
  FailureOr<StringAttr> schedule =
      getText(*this, "schedule", getScheduleAttr());
  if (failed(schedule)) return failure();
  if (!symbolizeRateSchedule(schedule->getValue()))
    return emitOpError("expects a schedule constant, linear or cosine, got ")
           << *schedule;
  return success(
      succeeded(verifyNumber(*this, "rate", getRateAttr(),
                             mayHaveNegativeRate(*this) ? kAny : kNonNegative,
                             Change::allowed)) &&
      succeeded(verifyNumber(*this, "warmup", getWarmupAttr(), kShare)) &&
      succeeded(
          verifyNumber(*this, "momentum", getMomentumAttr(), kFraction)) &&
      succeeded(verifyNumber(*this, "beta1", getBeta1Attr(), kFraction)) &&
      succeeded(verifyNumber(*this, "beta2", getBeta2Attr(), kFraction)) &&
      succeeded(verifyNumber(*this, "epsilon", getEpsilonAttr(), kPositive)) &&
      succeeded(verifyNumber(*this, "clip", getClipAttr(), kNonNegative)) &&
      succeeded(verifyOptimizer(*this)));
}

// [@phase times n every m, ...], both in any order; where nothing says how
// often, once.
ParseResult parseTurns(OpAsmParser& parser, ArrayAttr& phases, ArrayAttr& times,
                       ArrayAttr& every) {
  Builder& builder = parser.getBuilder();
  SmallVector<Attribute> names, counts, steps;
  Attribute once = builder.getI64IntegerAttr(1);
  auto parsePhase = [&]() -> ParseResult {
    StringAttr name;
    if (parser.parseSymbolName(name)) return failure();
    names.push_back(FlatSymbolRefAttr::get(name));
    counts.push_back(once);
    steps.push_back(once);
    for (;;) {
      if (succeeded(parser.parseOptionalKeyword("times"))) {
        if (parseNumber(parser, counts.back())) return failure();
      } else if (succeeded(parser.parseOptionalKeyword("every"))) {
        if (parseNumber(parser, steps.back())) return failure();
      } else {
        return success();
      }
    }
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parsePhase))
    return failure();
  auto isOnce = [&](Attribute number) { return number == once; };
  phases = builder.getArrayAttr(names);
  if (!llvm::all_of(counts, isOnce)) times = builder.getArrayAttr(counts);
  if (!llvm::all_of(steps, isOnce)) every = builder.getArrayAttr(steps);
  return success();
}

void printTurns(OpAsmPrinter& printer, ScheduleOp op, ArrayAttr phases,
                ArrayAttr times, ArrayAttr every) {
  auto printCount = [&](StringRef keyword, ArrayAttr numbers, size_t i) {
    if (!numbers || getLiteralNumber(numbers[i]) == 1.0) return;
    printer << ' ' << keyword << ' ';
    printNumber(printer, op, numbers[i]);
  };
  printer << '[';
  for (auto [i, name] : llvm::enumerate(phases)) {
    if (i > 0) printer << ", ";
    printer << name;
    printCount("times", times, i);
    printCount("every", every, i);
  }
  printer << ']';
}

// [@stream times n, ...], where nothing says how many, one.
ParseResult parseBatches(OpAsmParser& parser, ArrayAttr& streams,
                         ArrayAttr& batches) {
  Builder& builder = parser.getBuilder();
  SmallVector<Attribute> names, counts;
  Attribute one = builder.getI64IntegerAttr(1);
  auto parseStream = [&]() -> ParseResult {
    StringAttr name;
    if (parser.parseSymbolName(name)) return failure();
    names.push_back(FlatSymbolRefAttr::get(name));
    counts.push_back(one);
    if (failed(parser.parseOptionalKeyword("times"))) return success();
    return parseNumber(parser, counts.back());
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseStream))
    return failure();
  streams = builder.getArrayAttr(names);
  batches = builder.getArrayAttr(counts);
  return success();
}

void printBatches(OpAsmPrinter& printer, ScheduleOp op, ArrayAttr streams,
                  ArrayAttr batches) {
  printer << '[';
  for (auto [i, name] : llvm::enumerate(streams)) {
    if (i > 0) printer << ", ";
    printer << name;
    if (!batches || getLiteralNumber(batches[i]) == 1.0) continue;
    printer << " times ";
    printNumber(printer, op, batches[i]);
  }
  printer << ']';
}

std::pair<Attribute, Attribute> ScheduleOp::getTurns(Operation* op) {
  auto* found = llvm::find(getPhases(), FlatSymbolRefAttr::get(op));
  size_t i = found - getPhases().begin();
  auto numberOf = [&](std::optional<ArrayAttr> numbers) {
    if (!numbers || i >= numbers->size() ||
        getLiteralNumber((*numbers)[i]) == 1.0)
      return Attribute();
    return (*numbers)[i];
  };
  return {numberOf(getTimes()), numberOf(getEvery())};
}

LogicalResult ScheduleOp::verify() {
  if (getPowerAttr() && getStreamsAttr())  // C2.
    return emitOpError("expects 'drawing' or 'taking', got both");
  if (getStreams() &&
      (!getBatches() || getBatches()->size() != getStreams()->size()))
    return emitOpError("expects a number of batches for each of ")
           << getStreams()->size() << " streams, got "
           << (getBatches() ? getBatches()->size() : 0);
  if (failed(verifyNumber(*this, "power", getPowerAttr(), kNonNegative,
                          Change::allowed)))
    return failure();
  for (Attribute number :
       getBatches().value_or(Builder(getContext()).getArrayAttr({})))
    if (failed(verifyNumber(*this, "times", number, kCount))) return failure();
  for (auto [name, numbers] :
       {std::pair{"times", getTimes()}, std::pair{"every", getEvery()}}) {
    if (!numbers) continue;
    if (numbers->size() != getPhases().size())
      return emitOpError("expects '")
             << name << "' of each phase, got " << numbers->size() << " of "
             << getPhases().size();
    for (Attribute number : *numbers)
      if (failed(verifyNumber(*this, name, number, kCount))) return failure();
  }
  return verifyNumber(*this, "epochs", getEpochsAttr(), kCount);
}

}  // namespace graft::transfer

#define GET_OP_CLASSES
#include "dialects/transfer/transfer_strategy_ops.cc.inc"
