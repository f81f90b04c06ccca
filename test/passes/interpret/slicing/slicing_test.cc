// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The slicing test catches wrong rules. That each op passes with its own rule
// is tested by check_sharding.mlir.

#include "passes/interpret/slicing/slicing.h"

#include "dialects/graft/graft_interfaces.h"
#include "gmock/gmock.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "test/dialects/graft/plug_dialect.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kProgram = R"mlir(
func.func @linear(%x: tensor<5x6xf32>, %w: tensor<4x6xf32>, %b: tensor<4xf32>) -> tensor<5x4xf32> {
  %y = graft.linear %x, %w, %b : (tensor<5x6xf32>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}
func.func @max(%x: tensor<5x6xf32>) -> tensor<6xf32> {
  %y = graft.reduce max %x over [0] : (tensor<5x6xf32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}
func.func @norm(%x: tensor<5xf32>, %y: tensor<4xf32>) -> tensor<f32> {
  %n = graft.global_norm %x, %y : (tensor<5xf32>, tensor<4xf32>) -> tensor<f32>
  return %n : tensor<f32>
}
func.func @attention(%q: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
  %y = graft.attention %q, %q, %q, %s heads 2 dropout 3.000000e-01 id 3 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  return %y : tensor<?x8xf32, #graft.dims<T>>
}
func.func @dropout(%x: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
  %y = graft.dropout %x, %s rate 5.000000e-01 id 3 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  return %y : tensor<?x8xf32, #graft.dims<T>>
}
func.func @softmax(%x: tensor<5x6xf32>) -> tensor<5x6xf32> {
  %y = graft.softmax %x : (tensor<5x6xf32>) -> tensor<5x6xf32>
  return %y : tensor<5x6xf32>
}
func.func @layer_norm_gradient(%x: tensor<5x6xf32>, %g: tensor<6xf32>) -> tensor<6xf32> {
  %dx, %dg, %db = graft.layer_norm_gradient %x, %x, %g epsilon 9.99999996E-13 : (tensor<5x6xf32>, tensor<5x6xf32>, tensor<6xf32>) -> (tensor<5x6xf32>, tensor<6xf32>, tensor<6xf32>)
  return %dg : tensor<6xf32>
}
func.func @gather(%x: tensor<?x6xf32, #graft.dims<T>>, %i: tensor<?xi32, #graft.dims<P>>) -> tensor<?x6xf32, #graft.dims<P>> {
  %y = graft.gather %x, %i : (tensor<?x6xf32, #graft.dims<T>>, tensor<?xi32, #graft.dims<P>>) -> tensor<?x6xf32, #graft.dims<P>>
  return %y : tensor<?x6xf32, #graft.dims<P>>
}
func.func @swish(%x: tensor<5x6xf32>) -> tensor<5x6xf32> {
  %y = "plug.custom"(%x) {form = "swish", factors = "*->*", value = 2.0 : f32} : (tensor<5x6xf32>) -> tensor<5x6xf32>
  return %y : tensor<5x6xf32>
}
func.func @mean(%x: tensor<5x6xf32>) -> tensor<5xf32> {
  %y = "plug.custom"(%x) {form = "mean", factors = "tH->t", value = 0.0 : f32} : (tensor<5x6xf32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}
func.func @product(%x: tensor<5x6xf32>, %y: tensor<6x4xf32>) -> tensor<5x4xf32> {
  %z = "plug.custom"(%x, %y) {form = "product", factors = "tk,kn->tn; linear 0 1", value = 0.0 : f32} : (tensor<5x6xf32>, tensor<6x4xf32>) -> tensor<5x4xf32>
  return %z : tensor<5x4xf32>
}
func.func @slice(%x: tensor<5x12xf32>) -> tensor<5x4xf32> {
  %y = graft.slice %x columns 4 size 4 : (tensor<5x12xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}
)mlir";

class SlicingTest : public ::testing::Test {
 protected:
  // The diagnostic of the slicing test of the op of function `name`; empty if
  // the parts make the whole. `change` makes the op's own rule a wrong one.
  std::string check(llvm::StringRef name,
                    llvm::function_ref<void(ShardingRule&)> change) {
    mlir::Operation* op = find(name);
    ShardingRule rule = getShardingRule(op);
    change(rule);
    return check(op, rule);
  }
  // The same with a rule in its short form.
  std::string checkForm(llvm::StringRef name, llvm::StringRef form) {
    mlir::Operation* op = find(name);
    ShardingRule rule;
    EXPECT_TRUE(mlir::succeeded(parseShardingRule(form, op, rule)));
    return check(op, rule);
  }

 private:
  mlir::Operation* find(llvm::StringRef name) {
    return &module->lookupSymbol<mlir::func::FuncOp>(name).front().front();
  }
  std::string check(mlir::Operation* op, const ShardingRule& rule) {
    std::string messages;
    mlir::ScopedDiagnosticHandler handler(context.get(),
                                          [&](mlir::Diagnostic& diagnostic) {
                                            messages += diagnostic.str();
                                            return mlir::success();
                                          });
    // What the rule's verifier refuses needs no run.
    EXPECT_TRUE(mlir::succeeded(verifyShardingRule(rule, op))) << messages;
    auto inputs = interpret::makeSlicingInputs(op, rule, /*seed=*/1);
    EXPECT_TRUE(mlir::succeeded(inputs)) << messages;
    if (mlir::failed(inputs)) return messages;
    bool passed = mlir::succeeded(interpret::checkSlicing(op, rule, *inputs));
    EXPECT_EQ(passed, messages.empty());
    return messages;
  }

  static std::unique_ptr<mlir::MLIRContext> makePluggedContext() {
    auto context = makeContext();
    context->loadDialect<PlugDialect>();
    return context;
  }

  std::unique_ptr<mlir::MLIRContext> context = makePluggedContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(kProgram, context.get());
};

TEST_F(SlicingTest, RightRulesPass) {
  for (const char* name : {"linear", "max", "norm", "attention", "dropout",
                           "softmax", "layer_norm_gradient", "gather", "slice"})
    EXPECT_THAT(check(name, [](ShardingRule&) {}), IsEmpty()) << name;
}

// Ops of plug-ins run by their linalg form.
TEST_F(SlicingTest, OpsOfPlugins) {
  for (const char* name : {"swish", "mean", "product"})
    EXPECT_THAT(check(name, [](ShardingRule&) {}), IsEmpty()) << name;
  // A mean over columns is no sum of the means of parts.
  EXPECT_THAT(checkForm("mean", "th->t"),
              HasSubstr("expects the whole from 2 parts along 'h'"));
  EXPECT_THAT(checkForm("product", "tk,kn->tn; max"),
              HasSubstr("expects the whole from 2 parts along 'k'"));
}

TEST_F(SlicingTest, ABiasAddedByEachPart) {
  EXPECT_THAT(check("linear", [](ShardingRule& rule) { rule.addends.clear(); }),
              HasSubstr("expects the whole from 2 parts along 'i'"));
}

TEST_F(SlicingTest, AMaximumTreatedAsASum) {
  EXPECT_THAT(check("max",
                    [](ShardingRule& rule) {
                      rule.reductions[0].kind = ReductionKind::sum;
                    }),
              HasSubstr("expects the whole from 2 parts along 'd0'"));
}

TEST_F(SlicingTest, AHeadCutInHalf) {
  // Without heads as a factor each part would have two heads of half the width.
  EXPECT_THAT(
      checkForm("attention", "tf,tf,tf,ts->tf; segmented t s; linear 2"),
      HasSubstr("expects the whole from 2 parts along 'f'"));
  // Two heads are not cut in three: the width of a head is no factor.
  EXPECT_THAT(
      checkForm("attention",
                "t(hd),t(hd),t(hd),ts->t(hd); h = heads; segmented t s; "
                "random head h"),
      HasSubstr("expects the whole from 2 parts along 'd'"));
}

TEST_F(SlicingTest, RandomBitsOfTheFirstPartInEachPart) {
  for (const char* name : {"dropout", "attention"})
    EXPECT_THAT(check(name, [](ShardingRule& rule) { rule.random.reset(); }),
                HasSubstr("expects the whole from 2 parts along 'h'"))
        << name;
}

TEST_F(SlicingTest, ANormalisedRowInTwoParts) {
  EXPECT_THAT(checkForm("softmax", "tk->tk"),
              HasSubstr("expects the whole from 2 parts along 'k'"));
}

TEST_F(SlicingTest, WrongReductions) {
  EXPECT_THAT(check("norm",
                    [](ShardingRule& rule) {
                      for (auto& each : rule.reductions)
                        each.kind = ReductionKind::sum;
                    }),
              HasSubstr("expects the whole from 2 parts along 'a0'"));
  // The other operand's squares count in each part.
  EXPECT_THAT(check("norm", [](ShardingRule& rule) { rule.addends.clear(); }),
              HasSubstr("expects the whole from 2 parts along 'a0'"));
  // The gradient of the scale is a sum over rows, that of the input is not.
  EXPECT_THAT(check("layer_norm_gradient",
                    [](ShardingRule& rule) {
                      for (auto& each : rule.reductions)
                        each.kind = ReductionKind::max;
                    }),
              HasSubstr("of result 1"));
}

TEST_F(SlicingTest, AnAttributeThatStaysAsItIs) {
  // The second of three blocks begins at a third of the part's columns.
  EXPECT_THAT(
      check("slice", [](ShardingRule& rule) { rule.attributes.pop_back(); }),
      HasSubstr("expects the whole from 2 parts along 'w'"));
}

TEST_F(SlicingTest, WrongClaimsOfLinearity) {
  // With the input fixed a linear layer is affine in its weight alone.
  EXPECT_THAT(check("linear", [](ShardingRule& rule) { rule.linear = {{0}}; }),
              HasSubstr("expects to be linear in operands 0"));
  EXPECT_THAT(check("max", [](ShardingRule& rule) { rule.linear = {{0}}; }),
              HasSubstr("expects to be linear in operands 0"));
  EXPECT_THAT(
      check("attention", [](ShardingRule& rule) { rule.linear = {{1}}; }),
      HasSubstr("expects to be linear in operands 1"));
}

}  // namespace
}  // namespace graft
