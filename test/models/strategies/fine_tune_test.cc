// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/strategies/fine_tune.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/registration.h"
#include "passes/transfer/passes.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string read(const std::string& name) {
  std::ifstream file(std::string(GRAFT_SOURCE_DIR) +
                     "/test/passes/transfer/Inputs/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class FineTuneTest : public ::testing::Test {
 protected:
  FineTuneTest() {
    mlir::DialectRegistry registry;
    registry.insert<mlir::func::FuncDialect>();
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic& d) {
      errors += d.str() + "\n";
      return mlir::success();
    });
    module = mlir::parseSourceString<mlir::ModuleOp>(
        read("tiny_bert.mlir") + read("tiny_teacher.mlir"), &context);
  }

  // Adds the strategy and expands the whole stage.
  bool expand(FineTuneRecipe recipe) {
    recipe.head = "^classifier";
    recipe.embeddings = "^embeddings";
    recipe.not_decayed = "LayerNorm";
    if (mlir::failed(addFineTuning(*module, recipe))) return false;
    mlir::PassManager manager(&context);
    buildTransferPipeline(manager);
    return mlir::succeeded(manager.run(*module));
  }

  // Names of the parameters that learn.
  std::set<std::string> learned() {
    std::set<std::string> names;
    module->walk([&](StateOp state) {
      if (state.getKind() == "gradient")
        names.insert(state.getParameter().str());
    });
    return names;
  }

  // The update of the parameter `name`.
  AdamWOp update(llvm::StringRef name) {
    AdamWOp found;
    module->walk([&](AdamWOp op) {
      auto read = op.getParameter().getDefiningOp<ReadOp>();
      if (read.getSymbol().getLeafReference() == name) found = op;
    });
    return found;
  }

  std::set<std::string> entries() {
    std::set<std::string> names;
    for (auto function : module->getOps<mlir::func::FuncOp>())
      names.insert(function.getSymName().str());
    return names;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string errors;
};

TEST_F(FineTuneTest, TrainsAllByDefault) {
  ASSERT_TRUE(expand({.weight_decay = 0.1})) << errors;
  EXPECT_EQ(learned().size(), 41);
  EXPECT_THAT(entries(),
              ElementsAre("accumulate", "evaluate", "predict", "update"));
  EXPECT_FLOAT_EQ(update("classifier.weight").getDecay().convertToFloat(),
                  0.1f);
  EXPECT_EQ(update("classifier.bias").getDecay().convertToFloat(), 0);
  EXPECT_EQ(update("embeddings.LayerNorm.weight").getDecay().convertToFloat(),
            0);
}

TEST_F(FineTuneTest, DecaysEverythingWhenAskedTo) {
  ASSERT_TRUE(expand({.weight_decay = 0.1, .decay_everything = true}))
      << errors;
  EXPECT_EQ(learned().size(), 41);
  for (const char* name :
       {"classifier.weight", "classifier.bias", "embeddings.LayerNorm.weight"})
    EXPECT_FLOAT_EQ(update(name).getDecay().convertToFloat(), 0.1f) << name;
}

TEST_F(FineTuneTest, LinearProbeTrainsTheHead) {
  ASSERT_TRUE(expand({.linear_probe = true})) << errors;
  EXPECT_THAT(learned(), ElementsAre("classifier.bias", "classifier.weight"));
}

TEST_F(FineTuneTest, FreezesEmbeddingsAlone) {
  ASSERT_TRUE(expand({.freeze_embeddings = true})) << errors;
  EXPECT_EQ(learned().size(), 36);
  EXPECT_TRUE(learned().count("encoder.layer.0.attention.self.query.weight"));
}

TEST_F(FineTuneTest, FreezesLayersFromTheInput) {
  ASSERT_TRUE(expand({.freeze_layers = 1})) << errors;
  EXPECT_EQ(learned().size(), 20);
  for (const std::string& name : learned())
    EXPECT_THAT(name, testing::Not(HasSubstr("layer.0.")));
}

TEST_F(FineTuneTest, FreezesAllLayersButNotTheHead) {
  FineTuneRecipe recipe;
  recipe.freeze_layers = 2;
  ASSERT_TRUE(expand(recipe)) << errors;
  EXPECT_THAT(learned(),
              ElementsAre("classifier.bias", "classifier.weight",
                          "pooler.dense.bias", "pooler.dense.weight"));
}

TEST_F(FineTuneTest, DecaysTheRateByLayer) {
  ASSERT_TRUE(expand({.layer_decay = 0.5})) << errors;
  EXPECT_EQ(update("embeddings.word_embeddings.weight")
                .getRateMultiplier()
                .convertToFloat(),
            0.0625f);
  EXPECT_EQ(update("classifier.bias").getRateMultiplier().convertToFloat(), 1);
}

TEST_F(FineTuneTest, ClipsUnlessToldNotTo) {
  ASSERT_TRUE(expand({.clip = 0})) << errors;
  EXPECT_FALSE(update("classifier.bias").getFactor());
}

TEST_F(FineTuneTest, DistilsFromACachedTeacher) {
  ASSERT_TRUE(expand({.teacher = "teacher"})) << errors;
  EXPECT_THAT(entries(), ElementsAre("accumulate", "evaluate", "predict",
                                     "teacher_logits", "update"));
  EXPECT_EQ(learned().size(), 41);
  EXPECT_EQ(learned().count("table"), 0);
}

TEST_F(FineTuneTest, DistilsFromATeacherInEveryStep) {
  ASSERT_TRUE(expand({.teacher = "teacher", .cache_teacher = false})) << errors;
  EXPECT_THAT(entries(),
              ElementsAre("accumulate", "evaluate", "predict", "update"));
}

TEST_F(FineTuneTest, PredictsANumberWithOneLabel) {
  std::string text = read("tiny_bert.mlir");
  const std::pair<std::string, std::string> changes[] = {
      {"tensor<3x8xf32>", "tensor<1x8xf32>"},
      {"tensor<?x3xf32, #S>", "tensor<?x1xf32, #S>"},
      {"tensor<3xf32>", "tensor<1xf32>"}};
  for (const auto& [from, to] : changes)
    for (size_t at; (at = text.find(from)) != std::string::npos;)
      text.replace(at, from.size(), to);
  module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  // Smoothing is for classes; a number has none.
  ASSERT_TRUE(expand({.label_smoothing = 0.1})) << errors;
  int losses = 0, softmaxes = 0;
  module->walk([&](MseOp) { ++losses; });
  module->walk([&](SoftmaxOp) { ++softmaxes; });
  EXPECT_EQ(losses, 2);
  EXPECT_EQ(softmaxes, 0);
}

TEST_F(FineTuneTest, NamesWhatIsMissing) {
  EXPECT_TRUE(mlir::failed(addFineTuning(*module, {.model = "other"})));
  EXPECT_THAT(errors, HasSubstr("expects the function @other::@logits"));
  EXPECT_TRUE(module->getOps<transfer::StrategyOp>().empty());
}

TEST_F(FineTuneTest, LeavesNothingBehindAFailure) {
  EXPECT_TRUE(mlir::failed(
      addFineTuning(*module, {.linear_probe = true, .head = "^nothing"})));
  EXPECT_THAT(errors, HasSubstr("expects to select a parameter of @model"));
  EXPECT_TRUE(module->getOps<transfer::StrategyOp>().empty());
}

TEST_F(FineTuneTest, RefusesAFunctionThatGivesNoRows) {
  EXPECT_TRUE(mlir::failed(addFineTuning(*module, {.function = "encode"})));
  EXPECT_THAT(errors, HasSubstr("graft.name"));
}

}  // namespace
}  // namespace graft
