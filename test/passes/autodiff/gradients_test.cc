// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The gradient of every differentiable op against finite differences, and the
// closure of the op set under differentiation.

#include <cmath>

#include "dialects/graft/graft_ops.h"
#include "llvm/Support/MemoryBuffer.h"
#include "mlir/IR/Verifier.h"
#include "passes/autodiff/passes.h"
#include "passes/interpret/random_inputs.h"
#include "passes/transfer/passes.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using interpret::Interpreter;
using interpret::Tensor;
using mlir::func::FuncOp;

// Central differences of step h of a function computed in double: the error is
// of the order of h^2, and rounding adds 1e-16 / h.
constexpr double kStep = 1e-4;
constexpr double kTolerance = 1e-6;

// Ops without a gradient, and why.
const std::map<std::string, std::string> kNotDifferentiable = {
    {"graft.adamw", "ends a phase"},
    {"graft.lamb", "ends a phase"},
    {"graft.momentum", "ends a phase"},
    {"graft.sgd", "ends a phase"},
    {"graft.call", "inlined before"},
    {"graft.clip_factor", "ends a phase"},
    {"graft.constant", "has no operands"},
    {"graft.formula", "expanded before"},
    {"graft.gradient_products", "expanded before"},
    {"graft.gradients", "what is expanded"},
    {"graft.layers", "declaration"},
    {"graft.merge", "declaration"},
    {"graft.model", "declaration"},
    {"graft.one_hot", "integers"},
    {"graft.parameter", "declaration"},
    {"graft.positions", "integers"},
    {"graft.read", "has no operands"},
    {"graft.region", "made afterwards"},
    {"graft.repeat", "unrolled before"},
    {"graft.size", "declaration"},
    {"graft.spectral", "updates of states"},
    {"graft.state", "declaration"},
    {"graft.tap", "expanded before"},
    {"graft.uniform", "random numbers"},
    {"graft.write", "ends a phase"},
    {"graft.yield", "unrolled before"},
};

// Ops whose interface is only the diagnostic of a missing third derivative.
const std::set<std::string> kDiagnosedOnly = {
    "graft.attention_second_gradient",
    "graft.relation_divergence_second_gradient"};

mlir::OwningOpRef<mlir::ModuleOp> parseCases(mlir::MLIRContext* context) {
  auto module = parseFile(context, "test/passes/autodiff/differentiable.mlir");
  if (!module ||
      mlir::failed(runPass(*module, createTransferExpandFormulasPass())))
    return {};
  return module;
}

bool isFloat(mlir::Value value) {
  auto type = mlir::dyn_cast<mlir::RankedTensorType>(value.getType());
  return type && type.getElementType().isF32();
}

// Operands that the test differentiates with respect to.
llvm::SmallVector<unsigned> variables(FuncOp function) {
  llvm::SmallVector<unsigned> indices;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (isFloat(function.getArgument(i)) &&
        interpret::argumentName(function, i) != "fixed")
      indices.push_back(i);
  return indices;
}

// Turns `f(args) -> y` into `f(args, c) -> (sum(y c), gradients)`.
void appendGradients(FuncOp function) {
  mlir::Block& block = function.getBody().front();
  mlir::Operation* end = block.getTerminator();
  mlir::OpBuilder builder(end);
  mlir::Location location = function.getLoc();
  auto wrt = llvm::map_to_vector(variables(function), [&](unsigned i) {
    return mlir::Value(function.getArgument(i));
  });
  mlir::Value y = end->getOperand(0);
  unsigned last = function.getNumArguments();
  ASSERT_TRUE(mlir::succeeded(function.insertArgument(
      last, y.getType(), mlir::DictionaryAttr(), location)));
  mlir::Value weighted =
      MulOp::create(builder, location, y, function.getArgument(last));
  auto rank = mlir::cast<mlir::RankedTensorType>(y.getType()).getRank();
  mlir::Value loss = weighted;
  if (rank > 0)
    loss = ReduceOp::create(builder, location, weighted, ReduceKind::sum,
                            llvm::to_vector(llvm::seq<int64_t>(0, rank)));
  llvm::SmallVector<mlir::Value> results = {loss};
  llvm::append_range(
      results,
      GradientsOp::create(builder, location,
                          mlir::TypeRange(mlir::ValueRange(wrt)), loss, wrt)
          .getGradients());
  end->setOperands(results);
  function.setType(mlir::FunctionType::get(
      function.getContext(), function.getArgumentTypes(),
      mlir::TypeRange(mlir::ValueRange(results))));
}

// Runs in double; the loss is result 0.
class Evaluation {
 public:
  Evaluation(mlir::ModuleOp module, FuncOp function)
      : interpreter(module), function(function) {
    interpreter.setExact(true);
    interpreter.setRandomState({42, 3, 1});
  }

  double loss(llvm::ArrayRef<interpret::Value> arguments) {
    auto results = interpreter.run(function, arguments);
    EXPECT_TRUE(mlir::succeeded(results));
    return mlir::succeeded(results) ? (*results)[0].tensor().values[0] : NAN;
  }

  // d loss / d element `index` of argument `argument`.
  double difference(llvm::SmallVector<interpret::Value> arguments,
                    unsigned argument, size_t index) {
    double losses[2];
    interpret::Value original = arguments[argument];
    for (int side = 0; side < 2; ++side) {
      Tensor moved = original.tensor();
      moved.values[index] += side == 0 ? kStep : -kStep;
      arguments[argument] = interpret::Value(moved);
      losses[side] = loss(arguments);
    }
    return (losses[0] - losses[1]) / (2 * kStep);
  }

  Interpreter interpreter;
  FuncOp function;
};

llvm::SmallVector<interpret::Value> makeArguments(FuncOp function) {
  interpret::RandomInputOptions options;
  options.seed = 11;
  options.lengths = {3, 1, 2};
  auto arguments = interpret::makeRandomInputs(function, options);
  EXPECT_TRUE(mlir::succeeded(arguments));
  for (unsigned i = 0; i < arguments->size(); ++i)
    if (interpret::argumentName(function, i) == "positive") {
      Tensor tensor = (*arguments)[i].tensor();
      for (double& value : tensor.values) value = std::abs(value) + 0.5;
      (*arguments)[i] = interpret::Value(tensor);
    }
  return *arguments;
}

TEST(Gradients, EqualFiniteDifferences) {
  auto context = makeContext();
  auto module = parseCases(context.get());
  ASSERT_TRUE(module);
  for (auto function : module->getOps<FuncOp>()) appendGradients(function);
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  ASSERT_TRUE(
      mlir::succeeded(runPass(*module, createAutodiffExpandGradientsPass())));
  for (auto function : module->getOps<FuncOp>()) {
    SCOPED_TRACE(function.getName().str());
    auto arguments = makeArguments(function);
    Evaluation evaluation(*module, function);
    auto results = evaluation.interpreter.run(function, arguments);
    ASSERT_TRUE(mlir::succeeded(results));
    auto indices = variables(function);
    indices.pop_back();  // the weights c
    double largest = 0;
    for (auto [position, argument] : llvm::enumerate(indices)) {
      const Tensor& gradient = (*results)[position + 1].tensor();
      for (size_t i = 0; i < gradient.values.size(); ++i) {
        double want = evaluation.difference(arguments, argument, i);
        EXPECT_NEAR(gradient.values[i], want, kTolerance * (1 + std::abs(want)))
            << "argument " << argument << " element " << i;
        largest = std::max(largest, std::abs(want));
      }
    }
    // Agreement on zero everywhere would prove nothing.
    EXPECT_GT(largest, 0.01);
  }
}

TEST(Gradients, CoverEveryOpOfTheDialect) {
  auto context = makeContext();
  auto module = parseCases(context.get());
  ASSERT_TRUE(module);
  std::set<std::string> covered;
  module->walk([&](mlir::Operation* op) {
    covered.insert(op->getName().getStringRef().str());
  });
  for (mlir::RegisteredOperationName name :
       context->getRegisteredOperationsByDialect("graft")) {
    std::string text = name.getStringRef().str();
    bool differentiable = name.hasInterface<DifferentiableOpInterface>();
    EXPECT_NE(differentiable, kNotDifferentiable.count(text) > 0) << text;
    if (differentiable && !kDiagnosedOnly.count(text)) {
      EXPECT_TRUE(covered.count(text)) << text << " has no case";
    }
  }
}

// The names of ops in docs/writing-an-op.md from `begin` to `end`.
std::set<std::string> namesInDocs(llvm::StringRef begin, llvm::StringRef end) {
  auto file =
      llvm::MemoryBuffer::getFile(GRAFT_SOURCE_DIR "/docs/writing-an-op.md");
  if (!file) return {};
  llvm::StringRef text =
      (*file)->getBuffer().split(begin).second.split(end).first;
  std::set<std::string> names;
  while (!text.empty()) {
    auto [before, rest] = text.split("`graft.");
    auto [name, after] = rest.split('`');
    if (!name.empty()) names.insert(("graft." + name).str());
    text = after;
  }
  return names;
}

// The docs list what a gradient may be built from: ops that have gradients
// themselves, and ops that have none or whose operands need none.
TEST(Gradients, MayBeBuiltFromWhatTheDocsList) {
  auto context = makeContext();
  std::set<std::string> again, once;
  for (mlir::RegisteredOperationName name :
       context->getRegisteredOperationsByDialect("graft")) {
    const std::string text = name.getStringRef().str();
    if (!interpret::getReferences().count(text)) continue;
    if (auto why = kNotDifferentiable.find(text);
        why != kNotDifferentiable.end() && why->second == "ends a phase")
      continue;
    (name.hasInterface<DifferentiableOpInterface>() &&
             !kDiagnosedOnly.count(text)
         ? again
         : once)
        .insert(text);
  }
  EXPECT_EQ(namesInDocs("differentiated again:", "It may also"), again);
  EXPECT_EQ(namesInDocs("It may also", "Ops of other dialects"), once);
}

// Gradients consist of graft ops that can be interpreted, and that can be
// differentiated again or say that they cannot.
TEST(Gradients, AreGraftOps) {
  auto context = makeContext();
  auto module = parseCases(context.get());
  ASSERT_TRUE(module);
  for (auto function : module->getOps<FuncOp>()) appendGradients(function);
  ASSERT_TRUE(
      mlir::succeeded(runPass(*module, createAutodiffExpandGradientsPass())));
  module->walk([&](mlir::Operation* op) {
    std::string name = op->getName().getStringRef().str();
    if (op->getDialect()->getNamespace() != "graft") return;
    EXPECT_TRUE(interpret::getReferences().count(name)) << name;
    if (!kNotDifferentiable.count(name))
      EXPECT_TRUE(mlir::isa<DifferentiableOpInterface>(op)) << name;
  });
}

// Every op that computes has a reference: no phase stops in the interpreter.
TEST(References, CoverEveryComputeOp) {
  auto context = makeContext();
  for (mlir::RegisteredOperationName name :
       context->getRegisteredOperationsByDialect("graft"))
    if (name.hasInterface<PrecisionOpInterface>()) {
      EXPECT_TRUE(interpret::getReferences().count(name.getStringRef()))
          << name.getStringRef().str();
    }
}

}  // namespace
}  // namespace graft
