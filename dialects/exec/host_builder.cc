// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/exec/host_builder.h"

#include <cmath>

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace graft::exec {

HostBuilder::HostBuilder(HostOp host, Location location)
    : builder(location, host.getContext()), host(host) {
  builder.setInsertionPointToEnd(&host.getBody().front());
}

std::string HostBuilder::unusedName(StringRef name) {
  std::string unused = name.str();
  while (SymbolTable::lookupSymbolIn(host, unused)) unused += '_';
  return unused;
}

void HostBuilder::declareVariable(StringRef variable, StringRef name,
                                  double initial) {
  std::string unique = unusedName(name);
  variables[variable] = unique;
  RegisterOp::create(builder, builder.getStringAttr(unique),
                     RegisterKind::variable, APFloat(initial),
                     /*minimum=*/FloatAttr(), /*maximum=*/FloatAttr(),
                     /*meaning=*/StringAttr());
}

void HostBuilder::declareRegister(RegisterKind kind, StringRef name,
                                  double initial, double minimum,
                                  double maximum, StringRef meaning) {
  auto number = [&](double value) {
    return std::isfinite(value) ? builder.getF64FloatAttr(value) : FloatAttr();
  };
  RegisterOp::create(builder, builder.getStringAttr(name), kind,
                     APFloat(initial), number(minimum), number(maximum),
                     builder.getStringAttr(meaning));
}

std::string HostBuilder::resolve(StringRef rest) {
  std::string text;
  for (;;) {
    auto [before, after] = rest.split('$');
    text += before;
    if (before.size() == rest.size()) return text;
    StringRef name =
        after.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    text += variables.lookup(name);
    rest = after.drop_front(name.size());
  }
}

StringAttr HostBuilder::expression(const Twine& text) {
  return builder.getStringAttr(resolve(text.str()));
}

FlatSymbolRefAttr HostBuilder::symbol(StringRef name) {
  return FlatSymbolRefAttr::get(builder.getContext(), resolve(name));
}

void HostBuilder::set(StringRef variable, const Twine& value) {
  SetOp::create(builder, symbol(variable), expression(value));
}

void HostBuilder::fill(Region& region, Body body) {
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&region);
  body();
}

void HostBuilder::when(const Twine& condition, Body body, Body otherwise) {
  auto op = WhenOp::create(builder, expression(condition));
  fill(op.getBody(), body);
  if (otherwise) fill(op.getOtherwise(), otherwise);
}

void HostBuilder::repeat(StringRef variable, const Twine& end, Body body) {
  auto op = RepeatOp::create(builder, symbol(variable), expression(end));
  fill(op.getBody(), body);
}

void HostBuilder::forEachBatch(StringRef stream, StringRef examples,
                               Body body) {
  auto op = ForEachBatchOp::create(
      builder, FlatSymbolRefAttr::get(builder.getContext(), stream),
      expression(examples));
  fill(op.getBody(), body);
}

void HostBuilder::withBatch(StringRef stream, StringRef examples, Body body) {
  auto op = WithBatchOp::create(
      builder, FlatSymbolRefAttr::get(builder.getContext(), stream),
      expression(examples));
  fill(op.getBody(), body);
}

void HostBuilder::forEachMicroBatch(StringRef stream, StringRef whole,
                                    Body body) {
  auto op = ForEachMicroBatchOp::create(
      builder, FlatSymbolRefAttr::get(builder.getContext(), stream),
      whole.empty() ? StringAttr() : builder.getStringAttr(whole));
  fill(op.getBody(), body);
}

void HostBuilder::withWholeBatch(StringRef stream, Body body) {
  auto op = WithWholeBatchOp::create(
      builder, FlatSymbolRefAttr::get(builder.getContext(), stream));
  fill(op.getBody(), body);
}

ArrayAttr HostBuilder::shown(Shown registers) {
  SmallVector<Attribute> list;
  for (auto [name, value] : registers) list.push_back(result(value, name));
  return builder.getArrayAttr(list);
}

AssignmentAttr HostBuilder::result(StringRef target, StringRef name, bool add) {
  return AssignmentAttr::get(builder.getContext(), builder.getStringAttr(name),
                             symbol(target), add);
}

}  // namespace graft::exec
