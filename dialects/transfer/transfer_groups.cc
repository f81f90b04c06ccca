// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The parameters of a model, and the group of each.

#include <cmath>
#include <string>

#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_analysis.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace graft::transfer {
namespace {

// A larger number in a name is not the number of a layer.
constexpr int64_t kMostLayers = 1 << 20;

// The pattern of a group that selects, or excepts, nothing on purpose.
constexpr StringRef kNoParameter = "^$";

// Returns the first numeric part of a dotted name: the layer of an expanded
// stack.
std::optional<int64_t> layerOf(StringRef name) {
  SmallVector<StringRef> parts;
  name.split(parts, '.');
  // The last part names the tensor itself.
  for (StringRef part : ArrayRef(parts).drop_back()) {
    int64_t layer;
    if (!part.getAsInteger(10, layer) && layer >= 0 && layer < kMostLayers)
      return layer;
  }
  return std::nullopt;
}

// A group with its regular expressions compiled.
class Selector {
 public:
  explicit Selector(GroupOp group) : group(group) {
    if (StringAttr text = getVerifiedText(group, group.getSelectAttr()))
      select.emplace(text.getValue());
    if (StringAttr text = getVerifiedText(group, group.getExceptAttr()))
      except.emplace(text.getValue());
  }

  bool matches(StringRef name) const {
    return (!select || select->match(name)) && !(except && except->match(name));
  }

  GroupOp group;

 private:
  std::optional<llvm::Regex> select, except;
};

// C3: a pattern that matches no parameter is misspelt, unless it is the one
// that says so.
LogicalResult checkPattern(GroupOp group, StringRef name, Attribute attribute,
                           ArrayRef<Parameter> parameters) {
  StringAttr text = getVerifiedText(group, attribute);
  if (!text || text == kNoParameter) return success();
  llvm::Regex pattern(text.getValue());
  if (llvm::any_of(parameters, [&](const Parameter& parameter) {
        return pattern.match(parameter.name());
      }))
    return success();
  InFlightDiagnostic diagnostic = group.emitOpError("expects '")
                                  << name << "' to match a parameter of "
                                  << group.getModelAttr() << ", got \""
                                  << text.getValue() << '"';
  if (auto declared = dyn_cast<ExpressionAttr>(attribute))
    diagnostic << ", the value of " << declared.getText();
  return diagnostic << "; \"" << kNoParameter << "\" means none";
}

// Returns the groups in the order in which they select parameters. Those with
// `rest` come last, and select only parameters without a group.
SmallVector<Selector> getSelectors(StrategyOp strategy, StringRef model) {
  SmallVector<Selector> selectors;
  for (bool rest : {false, true})
    for (auto group : strategy.getOps<GroupOp>())
      if (group.getModel() == model && group.getRest() == rest)
        selectors.emplace_back(group);
  return selectors;
}

// Returns the group of `parameter`, or null.
FailureOr<GroupOp> findGroup(const Parameter& parameter,
                             ArrayRef<Selector> selectors) {
  GroupOp owner;
  for (const Selector& selector : selectors) {
    GroupOp group = selector.group;
    if ((owner && group.getRest()) || !selector.matches(parameter.name()))
      continue;
    if (!owner) {
      owner = group;
      continue;
    }
    InFlightDiagnostic diagnostic =
        group.emitOpError("expects disjoint groups, got ")
        << parameter.symbol << " in " << owner.getSymNameAttr() << " as well";
    diagnostic.attachNote(owner.getLoc()) << "the other group";
    return diagnostic;
  }
  return owner;
}

}  // namespace

SmallVector<Parameter> getParameters(ModelOp model) {
  SmallVector<Parameter> parameters;
  int64_t layers = 0;
  // Depths that depend on the number of layers are -1 until it is known.
  auto add = [&](ParameterOp op, const Twine& name,
                 std::optional<int64_t> layer) {
    auto symbol = SymbolRefAttr::get(
        model.getSymNameAttr(),
        FlatSymbolRefAttr::get(model.getContext(), name.str()));
    if (layer) layers = std::max(layers, *layer + 1);
    int64_t outside = layers == 0 ? 0 : -1;
    parameters.push_back({symbol, op, layer ? *layer + 1 : outside});
  };
  for (Operation& op : model.getBody().front()) {
    if (auto parameter = dyn_cast<ParameterOp>(op))
      add(parameter, parameter.getSymName(), layerOf(parameter.getSymName()));
    auto stack = dyn_cast<LayersOp>(op);
    if (!stack) continue;
    for (int64_t i = 0, e = stack.getCount(); i < e; ++i)
      for (auto parameter : stack.getOps<ParameterOp>())
        add(parameter,
            stack.getSymName() + "." + Twine(i) + "." + parameter.getSymName(),
            i);
  }
  for (Parameter& parameter : parameters)
    if (parameter.depth < 0) parameter.depth = layers + 2;
  return parameters;
}

std::optional<Parameter> findNamesake(const Parameter& parameter,
                                      ModelOp model) {
  for (const Parameter& other : getParameters(model))
    if (other.name() == parameter.name()) return other;
  return std::nullopt;
}

FailureOr<SmallVector<GroupedParameter>> groupParameters(StrategyOp strategy,
                                                         ModelOp model,
                                                         bool complete) {
  SmallVector<Selector> selectors = getSelectors(strategy, model.getSymName());
  SmallVector<Parameter> parameters = getParameters(model);
  for (const Selector& selector : selectors) {
    GroupOp group = selector.group;
    if (failed(
            checkPattern(group, "select", group.getSelectAttr(), parameters)) ||
        failed(
            checkPattern(group, "except", group.getExceptAttr(), parameters)))
      return failure();
  }
  // Without layers, all depths are 0.
  int64_t deepest = 0;
  for (const Parameter& parameter : parameters)
    deepest = std::max(deepest, parameter.depth);
  SmallVector<GroupedParameter> grouped;
  llvm::DenseSet<Operation*> used;
  for (const Parameter& parameter : parameters) {
    FailureOr<GroupOp> group = findGroup(parameter, selectors);
    if (failed(group)) return failure();
    if (!*group) {
      if (!complete) continue;
      InFlightDiagnostic diagnostic =
          strategy.emitOpError(
              "expects every parameter in a group, got none "
              "for ")
          << parameter.symbol;
      ParameterOp declaration = parameter.declaration;
      diagnostic.attachNote(declaration.getLoc()) << "declared here";
      return diagnostic;
    }
    used.insert(*group);
    double multiplier =
        getVerifiedNumber(*group, group->getMultiplierAttr(), 1) *
        std::pow(getVerifiedNumber(*group, group->getLayerDecayAttr(), 1),
                 static_cast<double>(deepest - parameter.depth));
    grouped.push_back({parameter, *group, multiplier});
  }
  for (Selector& selector : selectors)
    if (!used.contains(selector.group) && !selector.group.getOptional())
      return selector.group.emitOpError("expects to select a parameter of ")
             << selector.group.getModelAttr() << ", got none";
  return grouped;
}

FailureOr<SmallVector<GroupOp>> findGroups(Operation* op, ArrayAttr names) {
  auto strategy = op->getParentOfType<StrategyOp>();
  SmallVector<GroupOp> groups;
  for (auto name : names.getAsRange<FlatSymbolRefAttr>()) {
    auto group =
        dyn_cast_or_null<GroupOp>(SymbolTable::lookupSymbolIn(strategy, name));
    if (!group)
      return op->emitOpError("expects a transfer.group, got ") << name;
    if (llvm::is_contained(groups, group))
      return op->emitOpError("expects each group once, got ")
             << name << " twice";
    groups.push_back(group);
  }
  return groups;
}

ModelOp getModel(StrategyOp strategy, FlatSymbolRefAttr symbol) {
  return dyn_cast_or_null<ModelOp>(SymbolTable::lookupSymbolIn(
      strategy->getParentOfType<ModuleOp>(), symbol));
}

FailureOr<func::FuncOp> findFunction(Operation* op, SymbolRefAttr name) {
  auto module = op->getParentOfType<ModuleOp>();
  auto function =
      dyn_cast_or_null<func::FuncOp>(SymbolTable::lookupSymbolIn(module, name));
  if (function && isa<ModelOp>(function->getParentOp())) return function;
  InFlightDiagnostic diagnostic =
      op->emitOpError("expects a function of a model");
  if (auto model = dyn_cast_or_null<ModelOp>(
          SymbolTable::lookupSymbolIn(module, name.getRootReference()))) {
    SmallVector<StringRef> names;
    for (auto known : model.getOps<func::FuncOp>())
      names.push_back(known.getSymName());
    if (!names.empty())
      diagnostic << " (@" << model.getSymName() << " has "
                 << llvm::join(names, ", ") << ")";
  }
  return diagnostic << ", got " << name;
}

}  // namespace graft::transfer
