// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The short form of sharding rules, their verifier, and what passes ask them.

#include "dialects/graft/sharding_rule.h"

#include "dialects/graft/graft_ops.h"
#include "gmock/gmock.h"
#include "mlir/IR/Diagnostics.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kProgram = R"mlir(
#T = #graft.dims<T>
#S = #graft.dims<S>
func.func @linear(%x: tensor<?x6xf32, #T>, %w: tensor<4x6xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32, #T> {
  %y = graft.linear %x, %w, %b : (tensor<?x6xf32, #T>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
  return %y : tensor<?x4xf32, #T>
}
func.func @no_bias(%x: tensor<?x6xf32, #T>, %w: tensor<4x6xf32>) -> tensor<?x4xf32, #T> {
  %y = graft.linear %x, %w : (tensor<?x6xf32, #T>, tensor<4x6xf32>) -> tensor<?x4xf32, #T>
  return %y : tensor<?x4xf32, #T>
}
func.func @attention(%q: tensor<?x12xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x12xf32, #T> {
  %y = graft.attention %q, %q, %q, %s heads 4 : (tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, !graft.segments<T, S>) -> tensor<?x12xf32, #T>
  return %y : tensor<?x12xf32, #T>
}
func.func @pool(%x: tensor<?x6xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x6xf32, #S> {
  %y = graft.segment_pool mean %x, %s : (tensor<?x6xf32, #T>, !graft.segments<T, S>) -> tensor<?x6xf32, #S>
  return %y : tensor<?x6xf32, #S>
}
func.func @dropout(%x: tensor<?x6xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x6xf32, #T> {
  %y = graft.dropout %x, %s rate 5.000000e-01 id 3 : (tensor<?x6xf32, #T>, !graft.segments<T, S>) -> tensor<?x6xf32, #T>
  return %y : tensor<?x6xf32, #T>
}
func.func @add(%x: tensor<?x6xf32, #T>) -> tensor<?x6xf32, #T> {
  %y = graft.add %x, %x : tensor<?x6xf32, #T>
  return %y : tensor<?x6xf32, #T>
}
func.func @square(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %y = graft.matmul %x, %x transpose_lhs : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}
func.func @softmax(%x: tensor<?x6xf32, #T>) -> tensor<?x6xf32, #T> {
  %y = graft.softmax %x : (tensor<?x6xf32, #T>) -> tensor<?x6xf32, #T>
  return %y : tensor<?x6xf32, #T>
}
func.func @softmax_vector(%x: tensor<6xf32>) -> tensor<6xf32> {
  %y = graft.softmax %x : (tensor<6xf32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}
func.func @layer_norm(%x: tensor<?x6xf32, #T>, %g: tensor<6xf32>) -> tensor<?x6xf32, #T> {
  %y = graft.layer_norm %x, %g, %g epsilon 1.000000e-05 : (tensor<?x6xf32, #T>, tensor<6xf32>, tensor<6xf32>) -> tensor<?x6xf32, #T>
  return %y : tensor<?x6xf32, #T>
}
func.func @layer_norm_gradient(%x: tensor<?x6xf32, #T>, %g: tensor<6xf32>) -> tensor<6xf32> {
  %dx, %dg, %db = graft.layer_norm_gradient %x, %x, %g epsilon 1.000000e-05 : (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<6xf32>) -> (tensor<?x6xf32, #T>, tensor<6xf32>, tensor<6xf32>)
  return %dg : tensor<6xf32>
}
func.func @gather(%x: tensor<?x6xf32, #T>, %i: tensor<?xi32, #S>) -> tensor<?x6xf32, #S> {
  %y = graft.gather %x, %i : (tensor<?x6xf32, #T>, tensor<?xi32, #S>) -> tensor<?x6xf32, #S>
  return %y : tensor<?x6xf32, #S>
}
func.func @reshape(%x: tensor<?x12xf32, #T>) -> tensor<?x4x3xf32, #T> {
  %y = graft.reshape %x : (tensor<?x12xf32, #T>) -> tensor<?x4x3xf32, #T>
  return %y : tensor<?x4x3xf32, #T>
}
)mlir";

class ShardingRuleTest : public ::testing::Test {
 protected:
  mlir::Operation* find(llvm::StringRef name) {
    return &module->lookupSymbol<mlir::func::FuncOp>(name).front().front();
  }
  std::string print(const ShardingRule& rule) {
    std::string text;
    llvm::raw_string_ostream os(text);
    rule.print(os);
    return text;
  }
  // The short form of the rule of function `name`'s op.
  std::string ruleOf(llvm::StringRef name) {
    return print(getShardingRule(find(name)));
  }
  // What is wrong with `form` as the rule of that op; empty if nothing is.
  std::string refuse(llvm::StringRef name, llvm::StringRef form) {
    return collect([&] {
      mlir::Operation* op = find(name);
      ShardingRule rule;
      if (mlir::failed(parseShardingRule(form, op, rule)))
        return mlir::failure();
      return verifyShardingRule(rule, op);
    });
  }
  // The same for the op's own rule, changed.
  std::string refuse(llvm::StringRef name,
                     llvm::function_ref<void(ShardingRule&)> change) {
    return collect([&] {
      ShardingRule rule = getShardingRule(find(name));
      change(rule);
      return verifyShardingRule(rule, find(name));
    });
  }

 private:
  std::string collect(llvm::function_ref<mlir::LogicalResult()> verify) {
    std::string messages;
    mlir::ScopedDiagnosticHandler handler(context.get(),
                                          [&](mlir::Diagnostic& diagnostic) {
                                            messages += diagnostic.str();
                                            return mlir::success();
                                          });
    EXPECT_EQ(mlir::succeeded(verify()), messages.empty());
    return messages;
  }

  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(kProgram, context.get());
};

TEST_F(ShardingRuleTest, Print) {
  EXPECT_EQ(ruleOf("linear"), "ti,oi,o->to; addend 2; linear 0+2 1+2");
  EXPECT_EQ(ruleOf("no_bias"), "ti,oi->to; linear 0 1");
  EXPECT_EQ(ruleOf("attention"),
            "t(hD),t(hD),t(hD),ts->t(hD); h = heads; D = 3; segmented t s; "
            "linear 2; random head h");
  EXPECT_EQ(ruleOf("add"), "d0d1,d0d1->d0d1; linear 0+1; elementwise");
  EXPECT_EQ(ruleOf("square"), "km,kn->mn; linear 0 1");
  EXPECT_EQ(ruleOf("softmax"), "r0K->r0K");
  EXPECT_EQ(ruleOf("gather"), "th,p->ph; segmented t; linear 0; index 1 t");
  EXPECT_EQ(ruleOf("reshape"), "t0(f1f2)->t0f1f2; linear 0");
}

// What is printed is a form of the same rule.
TEST_F(ShardingRuleTest, PrintedRulesParse) {
  for (const char* name :
       {"linear", "no_bias", "attention", "pool", "dropout", "add", "square",
        "softmax", "layer_norm_gradient", "gather", "reshape"}) {
    std::string form = ruleOf(name);
    EXPECT_THAT(refuse(name, form), IsEmpty());
    ShardingRule rule;
    ASSERT_TRUE(mlir::succeeded(parseShardingRule(form, find(name), rule)));
    EXPECT_EQ(print(rule), form);
  }
}

TEST_F(ShardingRuleTest, OneResultKeepsWhatAnotherSums) {
  ShardingRule rule = getShardingRule(find("layer_norm_gradient"));
  unsigned tokens = *rule.findFactor("t");
  EXPECT_TRUE(rule.factors[tokens].isRagged());
  EXPECT_TRUE(rule.results[0].contains(tokens));
  EXPECT_EQ(rule.getReduction(0, tokens), std::nullopt);
  EXPECT_EQ(rule.getReduction(1, tokens), ReductionKind::sum);
  EXPECT_EQ(rule.getReduction(2, tokens), ReductionKind::sum);
}

TEST_F(ShardingRuleTest, Elementwise) {
  for (const char* name : {"add", "dropout"})
    EXPECT_TRUE(getShardingRule(find(name)).isElementwise) << name;
  for (const char* name : {"linear", "attention", "pool", "softmax",
                           "softmax_vector", "layer_norm", "gather", "square"})
    EXPECT_FALSE(getShardingRule(find(name)).isElementwise) << name;
}

TEST_F(ShardingRuleTest, RowFactor) {
  for (auto [name, factor] : {std::pair{"linear", "t"},
                              {"add", "d0"},
                              {"softmax", "r0"},
                              {"layer_norm", "t"},
                              {"gather", "p"}}) {
    ShardingRule rule = getShardingRule(find(name));
    ASSERT_TRUE(rule.getRowFactor()) << name;
    EXPECT_EQ(rule.factors[*rule.getRowFactor()].name, factor);
  }
  // Rows of a transposed operand are not those of the result, though there are
  // as many; a vector has no rows; sums over rows need all of them.
  for (const char* name : {"square", "softmax_vector", "layer_norm_gradient",
                           "attention", "pool", "dropout"})
    EXPECT_EQ(getShardingRule(find(name)).getRowFactor(), std::nullopt) << name;
}

TEST_F(ShardingRuleTest, AnOpWithoutARuleIsWhole) {
  ShardingRule rule = getWholeRule(find("linear"));
  EXPECT_EQ(print(rule), "W0W1,W2W3,W4->W5W6");
  EXPECT_TRUE(mlir::succeeded(verifyShardingRule(rule, find("linear"))));
  mlir::Operation* yield = find("linear")->getNextNode();
  EXPECT_EQ(print(getShardingRule(yield)), "W0W1->");
}

TEST_F(ShardingRuleTest, FormErrors) {
  EXPECT_THAT(refuse("linear", "ti,oi,o"),
              HasSubstr("'->' between operands and results"));
  EXPECT_THAT(refuse("linear", "->to"),
              HasSubstr("a term for each operand, got none"));
  EXPECT_THAT(refuse("linear", "ti,oi,o->to,o"),
              HasSubstr("a term for each of 1 results, got 2"));
  EXPECT_THAT(refuse("linear", "t+,oi,o->to"),
              HasSubstr("names of factors in term 't+'"));
  EXPECT_THAT(refuse("linear", "t(oi,oi,o->to"),
              HasSubstr("names of factors in term 't(oi'"));
  EXPECT_THAT(refuse("linear", "ti,oi,o->to; addends 2"),
              HasSubstr("known clauses, got 'addends 2'"));
  EXPECT_THAT(refuse("linear", "ti,oi,o->to;"), HasSubstr("no empty clause"));
  EXPECT_THAT(refuse("linear", "ti,oi,o->to; addend b"),
              HasSubstr("numbers of operands, got 'b'"));
  EXPECT_THAT(refuse("linear", "ti,oi,o->to; segmented x"),
              HasSubstr("factor 'x' in a term"));
  EXPECT_THAT(refuse("softmax", "tK->tK; segmented K"),
              HasSubstr("segmented factors in lower case, got 'K'"));
  EXPECT_THAT(refuse("attention", "t(hD),t(hD),t(hD),ts->t(hD)"),
              HasSubstr("the size of factor 'h'"));
  EXPECT_THAT(refuse("attention", "t(hD),t(hD),t(hD),ts->t(hD); h = width"),
              HasSubstr("an integer attribute as size, got 'width'"));
  EXPECT_THAT(refuse("attention", "t(hD),t(hD),t(hD),ts->t(hD); h = 0"),
              HasSubstr("positive sizes, got 0"));
  EXPECT_THAT(refuse("dropout", "th,ts->th; segmented s; random token t"),
              HasSubstr("'feature' or 'head' as random coordinate"));
}

TEST_F(ShardingRuleTest, R1Terms) {
  EXPECT_THAT(
      refuse("linear", [](ShardingRule& rule) { rule.operands.pop_back(); }),
      HasSubstr("with 3 operands and 1 results, got 2 and 1"));
}

TEST_F(ShardingRuleTest, R2Dimensions) {
  // A factor is missing from an operand.
  EXPECT_THAT(refuse("linear", "t,oi,o->to"),
              HasSubstr("with 2 dimensions of operand 0, got 1"));
  EXPECT_THAT(refuse("pool", "th,-->sh"),
              HasSubstr("with 2 dimensions of operand 1, got 0"));
  EXPECT_THAT(refuse("square", "kk,kn->kn"),
              HasSubstr("each factor once in operand 0, got 'k' twice"));
}

TEST_F(ShardingRuleTest, R3Sizes) {
  // The weight has o rows and i columns.
  EXPECT_THAT(
      refuse("linear", "ti,io,o->to"),
      HasSubstr("multiply to 4 in dimension 0 of operand 1, got 'i' = 6"));
  // Another name.
  EXPECT_THAT(
      refuse("pool", "th,ts->th; segmented t s"),
      HasSubstr("multiply to S in dimension 0 of result 0, got 't' = T"));
  // A ragged dimension is no compound.
  EXPECT_THAT(
      refuse("add", "(ab)c,(ab)c->(ab)c; a = 2; b = 3"),
      HasSubstr("multiply to T in dimension 0 of operand 0, got 'a' = 2, 'b' "
                "= 3"));
  // Five heads do not divide twelve features.
  EXPECT_THAT(
      refuse("attention", "t(hD),t(hD),t(hD),ts->t(hD); h = 5; segmented t s"),
      HasSubstr("multiply to 12 in dimension 1 of operand 0, got 'h' = 5, "
                "'D' = 2"));
  EXPECT_THAT(
      refuse("add",
             [](ShardingRule& rule) { rule.operands[0].dims[1].clear(); }),
      HasSubstr("multiply to 6 in dimension 1 of operand 0, got none"));
}

TEST_F(ShardingRuleTest, R4Reductions) {
  EXPECT_THAT(
      refuse("linear", [](ShardingRule& rule) { rule.reductions.clear(); }),
      HasSubstr("reduces factor 'i' in result 0, got no reduction"));
  EXPECT_THAT(refuse("linear",
                     [](ShardingRule& rule) {
                       rule.reductions.push_back(
                           {0, *rule.findFactor("o"), ReductionKind::sum});
                     }),
              HasSubstr("without a reduction of factor 'o' in result 0"));
}

TEST_F(ShardingRuleTest, R4Ties) {
  // Tokens of a pooled sequence stay with it only if they are segmented.
  EXPECT_THAT(refuse("pool",
                     [](ShardingRule& rule) {
                       rule.factors[*rule.findFactor("t")].kind =
                           FactorKind::parallel;
                     }),
              HasSubstr("reduces factor 't' in result 0, got no reduction"));
  // Indices that do not name rows of their own example tie nothing.
  EXPECT_THAT(
      refuse("gather", [](ShardingRule& rule) { rule.indices.clear(); }),
      HasSubstr("reduces factor 't' in result 0, got no reduction"));
}

TEST_F(ShardingRuleTest, OperandLists) {
  // R5.
  EXPECT_THAT(
      refuse("linear", "ti,oi,o->to; addend 0"),
      HasSubstr("an addend that lacks a reduced factor, got operand 0"));
  EXPECT_THAT(refuse("linear", [](ShardingRule& rule) { rule.addends = {3}; }),
              HasSubstr("addends below 3, got 3"));
  // R6.
  EXPECT_THAT(refuse("gather", "th,p->ph; segmented t; index 1 t; linear 1"),
              HasSubstr("floats as linear operands"));
  EXPECT_THAT(refuse("linear", [](ShardingRule& rule) { rule.linear = {{7}}; }),
              HasSubstr("linear operands below 3, got 7"));
  // R8.
  EXPECT_THAT(refuse("linear", "ti,oi,o->to; index 2 t"),
              HasSubstr("i32 as index operand"));
}

TEST_F(ShardingRuleTest, R7Attributes) {
  EXPECT_THAT(refuse("attention",
                     "t(hD),t(hD),t(hD),ts->t(hD); h = 3; heads ~ h; "
                     "segmented t s"),
              HasSubstr("attribute 'heads' is a multiple of factor 'h', got 4 "
                        "and 3"));
  EXPECT_THAT(refuse("attention", "tF,tF,tF,ts->tF; scale ~ t; segmented t s"),
              HasSubstr("attribute 'scale' is an integer of the op, got none"));
}

TEST_F(ShardingRuleTest, R9Random) {
  EXPECT_THAT(refuse("dropout", "th,ts->th; segmented s; random feature s"),
              HasSubstr("in each result, got result 0 without 's'"));
}

TEST_F(ShardingRuleTest, R10Elementwise) {
  EXPECT_THAT(refuse("layer_norm", "th,h,h->th; elementwise"),
              HasSubstr("one list of dimensions of an elementwise op"));
  EXPECT_THAT(refuse("softmax", "tK->tK; elementwise"),
              HasSubstr("one parallel factor each of an elementwise op"));
}

}  // namespace
}  // namespace graft
