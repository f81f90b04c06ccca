// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-compile/strategy.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_analysis.h"
#include "frontend/parse_module.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/FileUtilities.h"
#include "models/strategies/registry.h"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"
#include "tools/option_values.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

// What a user sets must have an effect. The batch size is read by each run.
absl::Status CheckParametersRead(transfer::StrategyOp strategy) {
  llvm::StringSet<> read;
  read.insert("batch_size");
  // From the end: what reads a value stands behind it. A value that nothing
  // alive reads is not computed.
  llvm::SmallPtrSet<mlir::Operation*, 16> dead;
  for (mlir::Operation& op : llvm::reverse(strategy.getBody().front())) {
    if (op.getNumResults() > 0 &&
        !mlir::isa<transfer::StreamOp, transfer::KeepOp>(op) &&
        llvm::all_of(op.getUsers(), [&](mlir::Operation* user) {
          return dead.contains(user);
        })) {
      dead.insert(&op);
      continue;
    }
    for (mlir::NamedAttribute attribute : op.getAttrs())
      transfer::collectParameterNames(attribute.getValue(), read);
  }
  for (auto parameter : strategy.getOps<transfer::HyperparameterOp>()) {
    if (read.contains(parameter.getSymName())) continue;
    auto at = mlir::cast<mlir::FileLineColLoc>(parameter.getLoc());
    return absl::InvalidArgumentError(absl::StrCat(
        at.getFilename().str(), ":", at.getLine(), ":", at.getColumn(),
        ": expects an op of the strategy that reads @",
        parameter.getSymName().str(), ", got none"));
  }
  return absl::OkStatus();
}

// Prints errors of MLIR's parsers that name what only the compiler's authors
// know in a user's words: an op that no dialect has, with a list of dialects,
// a word that is none of those of an op, with a class of C++, and a type of the
// result alone. Fails for other diagnostics.
mlir::LogicalResult PrintParserError(mlir::SourceMgrDiagnosticHandler& printer,
                                     mlir::Diagnostic& diagnostic) {
  const std::string text = diagnostic.str();
  const llvm::StringRef message = text;
  // What follows the error of such a word, about the rest of the op.
  if (message.contains("' which is to be a `::graft::")) return mlir::success();
  std::string plain;
  if (const auto [op, words] = message.split(" to be one of: ");
      !words.empty() && op.contains(" expected ::graft::"))
    plain = absl::StrCat(op.split(" expected ").first.str(), " expects one of ",
                         words.str());
  else if (const auto [op, type] = message.split(
               " invalid kind of type specified: expected builtin.function, "
               "but found ");
           !type.empty())
    plain = absl::StrCat(op.str(), " expects a type '(OPERANDS) -> RESULT', ",
                         "got ", type.str());
  else if (llvm::StringRef name =
               message.split("not found for custom op '").second;
           !name.empty())
    plain = absl::StrCat(
        "expects an op of transfer or graft, got ",
        Shorten(name.take_until([](char c) { return c == '\''; }).str()));
  else
    return mlir::failure();
  printer.emitDiagnostic(diagnostic.getLocation(), plain,
                         diagnostic.getSeverity());
  return mlir::success();
}

// Whether a place is in a text. Those in models that are imported have names
// alone.
bool IsInText(mlir::Location location) {
  return bool(location->findInstanceOf<mlir::FileLineColLoc>());
}

// Prints a diagnostic without what tells a user nothing. Fails for others.
mlir::LogicalResult PrintInUsersWords(mlir::SourceMgrDiagnosticHandler& printer,
                                      mlir::Diagnostic& diagnostic) {
  if (mlir::succeeded(PrintParserError(printer, diagnostic)))
    return mlir::success();
  if (llvm::all_of(diagnostic.getNotes(), [](mlir::Diagnostic& note) {
        return IsInText(note.getLocation());
      }))
    return mlir::failure();
  printer.emitDiagnostic(diagnostic.getLocation(), diagnostic.str(),
                         diagnostic.getSeverity());
  for (mlir::Diagnostic& note : diagnostic.getNotes())
    if (IsInText(note.getLocation()))
      printer.emitDiagnostic(note.getLocation(), note.str(),
                             note.getSeverity());
  return mlir::success();
}

// Parses the buffer; `name` is for messages.
absl::StatusOr<std::unique_ptr<StrategyText>> Parse(
    mlir::MLIRContext& context, std::unique_ptr<llvm::MemoryBuffer> buffer,
    const std::string& name) {
  context.getOrLoadDialect<mlir::func::FuncDialect>();
  auto text = std::make_unique<StrategyText>();
  text->sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  text->handler = std::make_unique<mlir::SourceMgrDiagnosticHandler>(
      text->sources, &context);
  text->words_handler = std::make_unique<mlir::ScopedDiagnosticHandler>(
      &context, [printer = text->handler.get()](mlir::Diagnostic& diagnostic) {
        return PrintInUsersWords(*printer, diagnostic);
      });
  text->module = parseModule(text->sources, &context);
  // What one op can tell by itself. Models, and how ops fit to each other, are
  // verified when all is there.
  if (!text->module || text->module
                           ->walk([](mlir::Operation* op) -> mlir::WalkResult {
                             return op->getName().verifyInvariants(op);
                           })
                           .wasInterrupted())
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": is not read further; see the messages above"));
  for (auto strategy : text->module->getOps<transfer::StrategyOp>()) {
    if (text->strategy)
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": expects one transfer.strategy, got @",
                       text->strategy.getSymName().str(), " and @",
                       strategy.getSymName().str()));
    text->strategy = strategy;
  }
  if (!text->strategy)
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expects a transfer.strategy, got none"));
  llvm::StringSet<> streams;
  for (auto stream : text->strategy.getOps<transfer::StreamOp>())
    if (!streams.insert(stream.getSymName()).second)
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": expects streams of different names, got two @",
                       stream.getSymName().str()));
  return text;
}

// Whether a group of the model `symbol` is not frozen.
bool IsTrained(transfer::StrategyOp strategy, mlir::StringAttr symbol) {
  return llvm::any_of(
      strategy.getOps<transfer::GroupOp>(), [&](transfer::GroupOp group) {
        return group.getModelAttr().getAttr() == symbol && !group.getFrozen();
      });
}

// Whether the module declares the model with initial values for all that it
// has.
bool IsComplete(mlir::ModuleOp module, mlir::StringAttr symbol) {
  auto model = module.lookupSymbol<ModelOp>(symbol);
  return model &&
         !model
              ->walk([](ParameterOp parameter) -> mlir::WalkResult {
                return mlir::success(parameter.getInitial().has_value());
              })
              .wasInterrupted();
}

// Notes what the strategy calls of the model.
void ReadCalls(transfer::StrategyOp strategy, ModelRole& model) {
  bool head = false, other = false;
  for (auto call : strategy.getOps<transfer::CallOp>()) {
    if (call.getCallee().getRootReference() != model.symbol) continue;
    const llvm::StringRef function = call.getCallee().getLeafReference();
    model.pooled |= function == "pooled";
    (function == "pooled" || function == "encode" ? other : head) = true;
  }
  model.headless = other && !head;
  for (auto tap : strategy.getOps<transfer::TapOp>()) {
    auto call = tap.getSource().getDefiningOp<transfer::CallOp>();
    model.tapped |= call.getCallee().getRootReference() == model.symbol;
  }
}

// The value of the declared parameter `name`, or null.
mlir::Attribute ValueOf(transfer::StrategyOp strategy, llvm::StringRef name) {
  for (auto parameter : strategy.getOps<transfer::HyperparameterOp>())
    if (parameter.getSymName() == name) return parameter.getValue();
  return {};
}

// Calls the model @model of a page `name`.
void RenameModel(transfer::StrategyOp strategy, llvm::StringRef name) {
  mlir::AttrTypeReplacer replacer;
  auto symbol = mlir::StringAttr::get(strategy.getContext(), name);
  replacer.addReplacement(
      [&](mlir::SymbolRefAttr reference) -> std::optional<mlir::Attribute> {
        if (reference.getRootReference() != "model") return std::nullopt;
        return mlir::SymbolRefAttr::get(symbol,
                                        reference.getNestedReferences());
      });
  replacer.recursivelyReplaceElementsIn(strategy);
}

// "--epochs", or "--set epochs=3" with a value of any length.
std::string ShownOption(const Setting& setting) {
  absl::string_view option = setting.option;
  return absl::ConsumePrefix(&option, "--set ")
             ? absl::StrCat("--set ", Shorten(option))
             : setting.option;
}

// What is wrong with a setting that the strategy refuses with `message`.
std::string RefusedSetting(transfer::StrategyOp strategy,
                           const Setting& setting, llvm::StringRef message) {
  // The option says which parameter it is.
  message.consume_front(setting.name + ": ");
  std::vector<std::string> names, choices;
  for (auto parameter : strategy.getOps<transfer::HyperparameterOp>()) {
    names.push_back(parameter.getSymName().str());
    if (names.back() == setting.name && parameter.getChoices())
      for (auto choice : parameter.getChoices()->getAsRange<mlir::StringAttr>())
        choices.push_back(choice.str());
  }
  const bool known = absl::c_linear_search(names, setting.name);
  const std::string& given = known ? setting.value : setting.name;
  message.consume_back(given);
  return absl::StrCat(ShownOption(setting), ": ", message.str(),
                      DescribeValue(given),
                      DidYouMean(given, known ? choices : names));
}

// Prints what a diagnostic says, without the place in a page: "the group
// expects ..." for "'transfer.group' op expects ...".
mlir::LogicalResult PrintPlainly(mlir::Diagnostic& diagnostic) {
  std::string message = diagnostic.str();
  auto [op, rest] = llvm::StringRef(message).split(" op ");
  if (op.consume_front("'") && op.consume_back("'") && !op.contains(' '))
    message =
        absl::StrCat("the ", op.rsplit('.').second.str(), " ", rest.str());
  const bool remark =
      diagnostic.getSeverity() == mlir::DiagnosticSeverity::Remark;
  llvm::errs() << "graft-compile: " << (remark ? "remark: " : "") << message
               << '\n';
  return mlir::success();
}

}  // namespace

absl::StatusOr<const StrategyPage*> FindPage(const std::string& input) {
  const llvm::StringRef name =
      llvm::StringRef(input).substr(kPagePrefix.size());
  if (const StrategyPage* page = findStrategyPage(name)) return page;
  std::vector<std::string> names;
  for (const StrategyPage& page : getStrategyPages())
    names.emplace_back(page.name);
  return UsageError(absl::StrCat(
      input, ": expects a page that `graft strategies` lists, got ",
      name.empty() ? "none" : Shorten(name.str()),
      DidYouMean(name.str(), names)));
}

absl::StatusOr<std::unique_ptr<StrategyText>> ReadStrategy(
    mlir::MLIRContext& context, const std::string& path) {
  if (IsPage(path)) {
    GRAFT_ASSIGN_OR_RETURN(const StrategyPage* page, FindPage(path));
    const std::string name = absl::StrCat(page->name, ".mlir");
    return Parse(context, llvm::MemoryBuffer::getMemBuffer(page->text, name),
                 name);
  }
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer =
      mlir::openInputFile(path, &error);
  if (!buffer) return absl::NotFoundError(absl::StrCat(path, ": ", error));
  // MLIR takes a NUL for a blank.
  const llvm::StringRef bytes = buffer->getBuffer();
  const size_t bad =
      std::min(FindInvalidUtf8({bytes.data(), bytes.size()}), bytes.find('\0'));
  if (bad != llvm::StringRef::npos)
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", bytes.take_front(bad).count('\n') + 1,
                     ": expects text in UTF-8, got ",
                     bytes[bad] == '\0' ? "a NUL" : "other bytes"));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<StrategyText> text,
                         Parse(context, std::move(buffer), path));
  text->unread = CheckParametersRead(text->strategy);
  return text;
}

absl::StatusOr<std::unique_ptr<StrategyText>> ReadPage(
    mlir::MLIRContext& context, bool regression, bool teacher,
    llvm::StringRef model) {
  const StrategyPage* page =
      findStrategyPage(teacher ? (regression ? "distill_regression" : "distill")
                               : (regression ? "regression" : "finetune"));
  const std::string name = absl::StrCat(page->name, ".mlir");
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<StrategyText> text,
      Parse(context, llvm::MemoryBuffer::getMemBuffer(page->text, name), name));
  text->page_handler =
      std::make_unique<mlir::ScopedDiagnosticHandler>(&context, PrintPlainly);
  if (model != "model") RenameModel(text->strategy, model);
  return text;
}

absl::StatusOr<std::unique_ptr<StrategyText>> ReadAdapterPage(
    mlir::MLIRContext& context, const std::string& model,
    const std::vector<AdapterHead>& heads) {
  constexpr absl::string_view kPooled = "tensor<?x?xf32, #graft.dims<S, H>>";
  std::string page = absl::StrCat(
      "transfer.strategy @predict sizes (H) {\n"
      "  %text = transfer.stream @texts of text in @T, @S\n"
      "  transfer.group @all of @",
      model, " frozen\n  %pooled = transfer.call @", model,
      "::@pooled(%text) : (!transfer.text) -> ", kPooled, "\n");
  for (const AdapterHead& head : heads) {
    const std::string logits =
        absl::StrCat("tensor<?x", head.labels.size(), "xf32, #graft.dims<S>>");
    absl::StrAppend(
        &page, "  %logits_", head.name, " = transfer.call @", model,
        "::@classify_", head.name, "(%pooled) : (", kPooled, ") -> ", logits,
        "\n  transfer.predict @", head.name, " %logits_", head.name,
        head.labels.size() > 1 ? " softmax" : "", " : ", logits, "\n");
  }
  absl::StrAppend(&page, "}\n");
  constexpr char kName[] = "adapters.mlir";
  return Parse(context, llvm::MemoryBuffer::getMemBufferCopy(page, kName),
               kName);
}

std::vector<ModelRole> FindModels(const StrategyText& text) {
  transfer::StrategyOp strategy = text.strategy;
  mlir::ModuleOp module = *text.module;
  llvm::SetVector<mlir::StringAttr> symbols;
  for (auto call : strategy.getOps<transfer::CallOp>())
    symbols.insert(call.getCallee().getRootReference());
  for (auto read : strategy.getOps<transfer::ReadParameterOp>())
    symbols.insert(read.getModelAttr().getAttr());
  for (auto group : strategy.getOps<transfer::GroupOp>())
    symbols.insert(group.getModelAttr().getAttr());
  for (auto model : module.getOps<ModelOp>())
    symbols.insert(model.getSymNameAttr());
  std::vector<ModelRole> models;
  for (mlir::StringAttr symbol : symbols) {
    ModelRole& model = models.emplace_back();
    model.symbol = symbol.str();
    model.declared = module.lookupSymbol<ModelOp>(symbol) != nullptr;
    model.complete = IsComplete(module, symbol);
    model.trained = IsTrained(strategy, symbol);
    for (auto group : strategy.getOps<transfer::GroupOp>())
      if (group.getModelAttr().getAttr() == symbol && group.getTracks())
        model.tracked = group.getTracks()->str();
    ReadCalls(strategy, model);
  }
  return models;
}

bool DeclaresSizes(const StrategyText& text) {
  mlir::ModuleOp module = *text.module;
  transfer::StrategyOp strategy = text.strategy;
  return llvm::all_of(
      strategy.getOps<transfer::StreamOp>(), [&](transfer::StreamOp stream) {
        return module.lookupSymbol(stream.getTokensAttr().getAttr()) &&
               module.lookupSymbol(stream.getSequencesAttr().getAttr());
      });
}

bool ReadsTexts(transfer::StrategyOp strategy) {
  return llvm::any_of(strategy.getOps<transfer::StreamOp>(),
                      transfer::readsText);
}

absl::StatusOr<std::vector<std::string>> FindPredicted(
    const StrategyText& text, const std::string& input) {
  transfer::StrategyOp strategy = text.strategy;
  std::vector<std::string> symbols;
  for (auto predict : strategy.getOps<transfer::PredictOp>()) {
    mlir::StringAttr symbol, complete;
    bool trained = false;
    for (mlir::Operation* op :
         transfer::getComputation({predict.getPrediction()}))
      if (auto call = mlir::dyn_cast<transfer::CallOp>(op)) {
        mlir::StringAttr model = call.getCallee().getRootReference();
        (IsComplete(*text.module, model) ? complete : symbol) = model;
        trained |= IsTrained(strategy, model);
      }
    // Nobody's tokenizer is needed.
    if (!symbol && !ReadsTexts(strategy)) symbol = complete;
    if (symbol && (trained || strategy.predictsAlone())) {
      symbols.push_back(symbol.str());
      continue;
    }
    // The verifier knows more, but not before the models are read.
    if (symbol)
      return absl::InvalidArgumentError(absl::StrCat(
          input,
          ": expects a transfer.predict of a model that is trained, got "
          "@",
          symbol.str(), ", of which no group is trained"));
    if (complete)
      return absl::InvalidArgumentError(absl::StrCat(
          input,
          ": expects a transfer.predict of a model with a checkpoint, "
          "whose tokenizer reads the texts, got @",
          complete.str(), ", which the file declares with all of its values"));
    symbols.clear();
    break;
  }
  if (!symbols.empty()) return symbols;
  return absl::InvalidArgumentError(absl::StrCat(
      input, ": expects a transfer.predict of what a model returns, got none"));
}

SizeBinding FindBinding(transfer::StrategyOp strategy, mlir::StringAttr size) {
  auto module = strategy->getParentOfType<mlir::ModuleOp>();
  for (auto call : strategy.getOps<transfer::CallOp>()) {
    mlir::SymbolRefAttr callee = call.getCallee();
    auto function = mlir::dyn_cast_or_null<mlir::func::FuncOp>(
        mlir::SymbolTable::lookupSymbolIn(module, callee));
    for (auto [index, result] : llvm::enumerate(call.getResultTypes())) {
      auto type = mlir::dyn_cast<mlir::RankedTensorType>(result);
      if (!type) continue;
      for (auto [place, dim] : llvm::enumerate(getDims(type))) {
        if (dim.name != size) continue;
        if (!function) return {true, -1, callee};
        if (index >= function.getNumResults()) continue;
        auto actual = mlir::dyn_cast<mlir::RankedTensorType>(
            function.getResultTypes()[index]);
        if (actual && static_cast<int64_t>(place) < actual.getRank() &&
            !actual.isDynamicDim(place))
          return {true, actual.getDimSize(place), callee};
      }
    }
  }
  return {};
}

absl::Status ApplySettings(transfer::StrategyOp strategy,
                           absl::Span<const Setting> settings) {
  // The first setting of each parameter, with the value that it gave.
  std::map<std::string, std::pair<const Setting*, mlir::Attribute>> first;
  for (const Setting& setting : settings) {
    std::string message;
    mlir::ScopedDiagnosticHandler handler(strategy.getContext(),
                                          [&](mlir::Diagnostic& diagnostic) {
                                            message = diagnostic.str();
                                            return mlir::success();
                                          });
    if (mlir::succeeded(strategy.setParameter(setting.name, setting.value))) {
      const mlir::Attribute value = ValueOf(strategy, setting.name);
      const auto& [other, given] =
          first.try_emplace(setting.name, &setting, value).first->second;
      if (given == value) continue;
      return UsageError(absl::StrCat(
          ShownOption(setting), ": expects one value of ", setting.name,
          ", got ", Shorten(setting.value), " and, by ", ShownOption(*other),
          ", ", Shorten(other->value)));
    }
    return UsageError(RefusedSetting(strategy, setting, message));
  }
  return absl::OkStatus();
}

void AddWeights(transfer::StrategyOp strategy) {
  for (auto stream :
       llvm::make_early_inc_range(strategy.getOps<transfer::StreamOp>())) {
    if (stream.getField("weights") ||
        (!stream.getField("labels") && !stream.getField("multi_hot")))
      continue;
    mlir::OpBuilder builder(stream);
    llvm::SmallVector<mlir::Type> types(stream.getValues().getTypes());
    types.push_back(
        getTensorType({getNamedDim(stream.getSequencesAttr().getAttr())},
                      builder.getF32Type()));
    llvm::SmallVector<mlir::Attribute> fields(stream.getFields().getValue());
    fields.push_back(builder.getStringAttr("weights"));
    auto weighted = transfer::StreamOp::create(
        builder, stream.getLoc(), types, stream.getSymNameAttr(),
        builder.getArrayAttr(fields), stream.getLabelCountAttr(),
        stream.getLabelSizeAttr(), stream.getMultiHotCountAttr(),
        stream.getMultiHotSizeAttr(), stream.getFeatureCountAttr(),
        stream.getSoftCountAttr(), stream.getSoftSizeAttr(),
        stream.getTokensAttr(), stream.getSequencesAttr());
    for (auto [before, after] :
         llvm::zip(stream.getValues(), weighted.getValues()))
      before.replaceAllUsesWith(after);
    stream.erase();
    // Losses of the stream's own examples.
    const mlir::Value weights = weighted.getField("weights");
    const auto isOwn = [&](mlir::Value loss) {
      const auto read = transfer::getStreams({loss});
      return read.size() == 1 && read.front() == weighted;
    };
    for (auto loss : strategy.getOps<transfer::LossOp>())
      if (!loss.getWeight() && isOwn(loss.getLoss()))
        loss.getWeightMutable().assign(weights);
    for (auto mean : strategy.getOps<transfer::MeanOp>())
      if (!mean.getWeight() && isOwn(mean.getLoss()))
        mean.getWeightMutable().assign(weights);
    for (auto total : strategy.getOps<transfer::TotalOp>())
      if (!total.getWeight() && isOwn(total.getLoss()))
        total.getWeightMutable().assign(weights);
  }
}

namespace {

// Whether a part of the loss of a phase that reads the stream is such a one.
bool HasPart(transfer::StrategyOp strategy, transfer::StreamOp stream,
             llvm::function_ref<bool(const transfer::LossPart&)> is) {
  return llvm::any_of(
      strategy.getOps<transfer::PhaseOp>(), [&](transfer::PhaseOp phase) {
        return llvm::any_of(
            transfer::splitLoss(phase), [&](const transfer::LossPart& part) {
              return llvm::is_contained(part.streams, stream) && is(part);
            });
      });
}

}  // namespace

bool RelatesExamples(transfer::StrategyOp strategy, transfer::StreamOp stream) {
  return HasPart(strategy, stream,
                 [](const transfer::LossPart& part) { return part.isWhole(); });
}

bool AddsUp(transfer::StrategyOp strategy, transfer::StreamOp stream) {
  return HasPart(strategy, stream, [](const transfer::LossPart& part) {
    return llvm::any_of(transfer::getComputation(part.terms),
                        llvm::IsaPred<transfer::TotalOp>);
  });
}

absl::Status SetMaxBatch(transfer::StrategyOp strategy, int64_t most) {
  const bool relates = llvm::any_of(strategy.getOps<transfer::StreamOp>(),
                                    [&](transfer::StreamOp stream) {
                                      return RelatesExamples(strategy, stream);
                                    });
  if (!relates)
    return UsageError(absl::StrCat(
        "--max-batch: expects a loss that relates the examples of a batch, and "
        "@",
        strategy.getSymName().str(), " has none"));
  strategy.setBatch(most);
  return absl::OkStatus();
}

std::string DescribeSettings(transfer::StrategyOp strategy) {
  auto print = [](mlir::Attribute value) {
    if (auto text = mlir::dyn_cast<mlir::StringAttr>(value))
      return absl::StrCat("\"", text.str(), "\"");
    return absl::StrCat(*transfer::getLiteralNumber(value));
  };
  std::string text;
  for (auto parameter : strategy.getOps<transfer::HyperparameterOp>()) {
    absl::StrAppend(&text, parameter.getSymName().str(), " = ",
                    print(parameter.getValue()));
    if (parameter.getMinimum() && parameter.getMaximum())
      absl::StrAppend(&text, " in [", print(*parameter.getMinimum()), ", ",
                      print(*parameter.getMaximum()), "]");
    if (parameter.getChoices())
      absl::StrAppend(
          &text, " of [",
          absl::StrJoin(*parameter.getChoices(), ", ",
                        [&](std::string* out, mlir::Attribute choice) {
                          absl::StrAppend(out, print(choice));
                        }),
          "]");
    absl::StrAppend(&text, ": ", parameter.getMeaning().str(), "\n");
  }
  return text;
}

}  // namespace graft
