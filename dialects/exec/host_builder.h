// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Writes the ops of a host program.

#ifndef GRAFT_DIALECTS_EXEC_HOST_BUILDER_H_
#define GRAFT_DIALECTS_EXEC_HOST_BUILDER_H_

#include <string>
#include <utility>

#include "dialects/exec/exec_host.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace graft::exec {

// Inserts at the end of a host program; `builder` may be moved elsewhere.
//
// Expressions and names of registers may contain `$name`: the variable that
// `declareVariable` made of `name`. A bare name is a register of that name,
// such as a parameter of a strategy, so that both may have one name.
class HostBuilder {
 public:
  HostBuilder(HostOp host, mlir::Location location);

  HostOp op() const { return host; }

  // `name`, followed by as many '_' as it takes to be new in the host program.
  std::string unusedName(llvm::StringRef name);
  // Declares a variable of this name, or of an unused one like it.
  void declareVariable(llvm::StringRef name) { declareVariable(name, name); }
  // Declares a variable that is `$variable` here, under a name like `name`.
  void declareVariable(llvm::StringRef variable, llvm::StringRef name,
                       double initial = 0);
  // Declares a parameter or an option.
  void declareRegister(RegisterKind kind, llvm::StringRef name, double initial,
                       double minimum, double maximum, llvm::StringRef meaning);

  // Fills the body of an op that has just been made.
  using Body = llvm::function_ref<void()>;

  void set(llvm::StringRef variable, const llvm::Twine& value);
  void when(const llvm::Twine& condition, Body body, Body otherwise = nullptr);
  void repeat(llvm::StringRef variable, const llvm::Twine& end, Body body);
  void forEachBatch(llvm::StringRef stream, llvm::StringRef examples,
                    Body body);
  void withBatch(llvm::StringRef stream, llvm::StringRef examples, Body body);
  // `whole` says why there must be one; empty: there may be several.
  void forEachMicroBatch(llvm::StringRef stream, llvm::StringRef whole,
                         Body body);

  void withWholeBatch(llvm::StringRef stream, Body body);

  // Registers that are shown: their names there, and here.
  using Shown = llvm::ArrayRef<std::pair<llvm::StringRef, llvm::StringRef>>;
  mlir::ArrayAttr shown(Shown registers);
  // `target` = `name` of a result, or `target` += `name`.
  AssignmentAttr result(llvm::StringRef target, llvm::StringRef name,
                        bool add = false);

  // The register `name` or `$name`.
  mlir::FlatSymbolRefAttr symbol(llvm::StringRef name);
  // An expression without `$`.
  mlir::StringAttr expression(const llvm::Twine& text);

  mlir::ImplicitLocOpBuilder builder;

 private:
  void fill(mlir::Region& region, Body body);
  std::string resolve(llvm::StringRef text);

  HostOp host;
  llvm::StringMap<std::string> variables;
};

}  // namespace graft::exec

#endif  // GRAFT_DIALECTS_EXEC_HOST_BUILDER_H_
