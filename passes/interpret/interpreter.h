// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The reference interpreter: what each op means, in plain loops. Everything
// else that computes (generated kernels, passes, devices) is tested against it,
// and it is itself tested against PyTorch.
//
// Numbers: an op computes in double from its operands and rounds each element
// of a result once to the result's type. `exact` leaves the rounding out, for
// finite differences.

#ifndef GRAFT_PASSES_INTERPRET_INTERPRETER_H_
#define GRAFT_PASSES_INTERPRET_INTERPRETER_H_

#include <functional>
#include <string>

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/interpret/tensor.h"

namespace graft::interpret {

class OpCall;

// Executes functions of one module. An op without a reference function, such as
// that of a plug-in, is computed by its linalg form (linalg_reference.h). Holds
// the parameters and states between runs. Not thread-safe; the module must
// outlive it and stay unchanged while a function runs.
class Interpreter {
 public:
  explicit Interpreter(mlir::ModuleOp module) : module(module) {}

  // The value of parameter or state `name` of `model`, read by the next runs.
  // A parameter of a layer is "<layers>.<turn>.<name>". A state that was never
  // set is zero; reading a parameter that was never set is an error.
  void setSlot(llvm::StringRef model, llvm::StringRef name, Value value);
  // Null when it was never set or written.
  const Tensor* getSlot(llvm::StringRef model, llvm::StringRef name) const;
  const llvm::StringMap<Value>& getSlots() const { return slots; }
  // Keys of the slots that the last run wrote, sorted.
  std::vector<std::string> getWritten() const;
  // "model::name", the key of getSlots().
  static std::string slotKey(llvm::StringRef model, llvm::StringRef name);

  void setRandomState(RandomState state) { random = state; }
  void setExact(bool value) { exact = value; }
  // Makes the first op whose result is not finite an error.
  void setCheckFinite(bool value) { checkFinite = value; }
  // How ops of this name compute that have no reference, such as launches.
  void setReference(llvm::StringRef opName,
                    std::function<mlir::LogicalResult(OpCall&)> reference) {
    extra[opName] = std::move(reference);
  }
  // Called with each op that computes and its results, in order; with a
  // `graft.region` behind the ops of its body.
  using Observer = std::function<void(mlir::Operation*, llvm::ArrayRef<Value>)>;
  void setObserver(Observer value) { observer = std::move(value); }

  // Runs `function` and applies its writes at the end. Named sizes come from
  // the shapes of the arguments. On failure a diagnostic was emitted at the op
  // (unknown op, id out of range, shape that does not fit) and no write took
  // effect.
  mlir::FailureOr<llvm::SmallVector<Value>> run(
      mlir::func::FuncOp function, llvm::ArrayRef<Value> arguments);

 private:
  friend class OpCall;
  using Environment = llvm::DenseMap<mlir::Value, Value>;

  // Where the current op stands: the model whose symbols it sees, inside of
  // graft.repeat the layer, what its function's call adds to draws, and the
  // tensors of the model that it gives other values.
  struct Scope {
    llvm::StringRef model;
    llvm::StringRef layers;
    int64_t turn = -1;
    int64_t draw = 0;
    bool deterministic = false;
    llvm::StringMap<Value> given;
  };

  // Calls `function` in its own model; of `scope`, draws and values count.
  mlir::FailureOr<llvm::SmallVector<Value>> call(
      mlir::func::FuncOp function, llvm::ArrayRef<Value> arguments,
      Scope scope);
  mlir::FailureOr<llvm::SmallVector<Value>> runBlock(mlir::Block& block,
                                                     Environment& environment,
                                                     const Scope& scope);
  mlir::LogicalResult runOp(mlir::Operation* op, Environment& environment,
                            const Scope& scope);
  mlir::LogicalResult runRead(mlir::Operation* op, Environment& environment,
                              const Scope& scope);
  mlir::LogicalResult runWrite(mlir::Operation* op, Environment& environment,
                               const Scope& scope);
  mlir::LogicalResult runCall(mlir::Operation* op, Environment& environment,
                              const Scope& scope);
  mlir::LogicalResult runRepeat(mlir::Operation* op, Environment& environment,
                                const Scope& scope);
  mlir::LogicalResult runRegion(mlir::Operation* op, Environment& environment,
                                const Scope& scope);
  mlir::LogicalResult runCompute(mlir::Operation* op, Environment& environment,
                                 const Scope& scope);
  // Binds the names in `type` to the shape of `value`, or compares.
  mlir::LogicalResult bind(mlir::Location location, llvm::StringRef what,
                           mlir::Type type, const Value& value);
  mlir::LogicalResult bindSize(mlir::Location location, llvm::StringRef name,
                               int64_t size);
  mlir::FailureOr<Tensor> makeResult(mlir::OpResult result);

  mlir::ModuleOp module;
  llvm::StringMap<Value> slots;
  llvm::StringMap<Value> writes;
  llvm::StringMap<int64_t> sizes;
  llvm::SmallVector<mlir::Operation*> callStack;
  // The first draw that the next call of a function of this name uses, of any
  // model, in this run.
  llvm::DenseMap<mlir::StringAttr, int64_t> nextDraw;
  llvm::StringMap<std::function<mlir::LogicalResult(OpCall&)>> extra;
  Observer observer;
  RandomState random;
  bool exact = false;
  bool checkFinite = false;
};

// Where a random op runs. A turn of graft.repeat adds to the op's id and each
// call of a function to its draws what expansion and inlining add; a
// deterministic call drops nothing.
struct RandomPlace {
  RandomState state;
  int64_t idOffset = 0;
  int64_t drawOffset = 0;
  bool deterministic = false;
};

// One execution of one op: what a reference function sees.
class OpCall {
 public:
  OpCall(mlir::Operation* op, llvm::ArrayRef<Value> operands,
         llvm::MutableArrayRef<Tensor> results, const RandomPlace& place,
         const llvm::StringMap<int64_t>& sizes)
      : op(op),
        operands(operands),
        results(results),
        place(place),
        sizes(sizes) {}

  template <typename Op>
  Op as() const {
    return llvm::cast<Op>(op);
  }
  mlir::Operation* getOperation() const { return op; }
  size_t numOperands() const { return operands.size(); }
  const Value& operand(unsigned index) const { return operands[index]; }
  const Tensor& tensor(unsigned index) const {
    return operands[index].tensor();
  }
  const Segments& segments(unsigned index) const {
    return operands[index].segments();
  }
  // Zeros of the result's shape and kind, to be filled in.
  Tensor& result(unsigned index = 0) { return results[index]; }
  const RandomPlace& getRandom() const { return place; }
  // Values of the named sizes that are bound so far.
  const llvm::StringMap<int64_t>& getSizes() const { return sizes; }

 private:
  mlir::Operation* op;
  llvm::ArrayRef<Value> operands;
  llvm::MutableArrayRef<Tensor> results;
  const RandomPlace& place;
  const llvm::StringMap<int64_t>& sizes;
};

// What an op computes. Emits a diagnostic on failure.
using Reference = mlir::LogicalResult (*)(OpCall&);
// By op name, e.g. "graft.linear".
using References = llvm::StringMap<Reference>;

// The ops of the dialect; one function a family, each in reference/<family>.cc.
const References& getReferences();
void populateMathReferences(References& references);
void populateShapeReferences(References& references);
void populateNnReferences(References& references);
void populateAttentionReferences(References& references);
void populateGradientReferences(References& references);
void populateLossReferences(References& references);
void populateOptimizerReferences(References& references);
void populateRelationReferences(References& references);

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_INTERPRETER_H_
