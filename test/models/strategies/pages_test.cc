// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <fstream>
#include <initializer_list>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "dialects/transfer/bind_sizes.h"
#include "dialects/transfer/transfer_dialect.h"
#include "frontend/parse_module.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "models/strategies/registry.h"
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

using Labels = std::initializer_list<std::pair<const char*, int64_t>>;
using Settings = std::initializer_list<std::pair<const char*, const char*>>;

class PagesTest : public ::testing::Test {
 protected:
  PagesTest() {
    mlir::DialectRegistry registry;
    registry.insert<mlir::func::FuncDialect>();
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic& d) {
      errors += d.str() + "\n";
      return mlir::success();
    });
    useModels(read("tiny_bert.mlir") + read("tiny_teacher.mlir"));
  }

  void useModels(const std::string& text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  }

  // Adds the page with these values, and numbers for sizes of labels that no
  // call binds, and expands the whole stage.
  bool expand(const char* name, Settings settings = {}, Labels labels = {}) {
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBuffer(findStrategyPage(name)->text), {});
    mlir::OwningOpRef<mlir::ModuleOp> page = parseModule(sources, &context);
    if (!page) return false;
    auto strategy = *page->getOps<transfer::StrategyOp>().begin();
    llvm::MapVector<mlir::StringAttr, int64_t> numbers;
    for (auto [size, number] : labels)
      numbers[mlir::StringAttr::get(&context, size)] = number;
    transfer::bindSizes(strategy, numbers);
    for (auto [parameter, value] : settings)
      if (mlir::failed(strategy.setParameter(parameter, value))) return false;
    for (mlir::Operation& op : llvm::make_early_inc_range(*page->getBody())) {
      op.remove();
      module->push_back(&op);
    }
    mlir::PassManager manager(&context);
    buildTransferPipeline(manager);
    return mlir::succeeded(manager.run(*module));
  }

  // Names of the parameters that learn.
  std::set<std::string> learned() {
    std::set<std::string> names;
    module->walk([&](StateOp state) {
      if (state.getKind() == "gradient")
        names.insert(state.getParameter()->str());
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

  // The parameters that an entry reads, as "model.name".
  std::set<std::string> readBy(llvm::StringRef entry) {
    std::set<std::string> names;
    module->walk([&](ReadOp op) {
      auto function = op->getParentOfType<mlir::func::FuncOp>();
      if (function.getSymName() == entry)
        names.insert(op.getSymbol().getRootReference().str() + "." +
                     op.getSymbol().getLeafReference().str());
    });
    return names;
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

TEST_F(PagesTest, HasEachPageOnce) {
  std::set<std::string> names;
  for (const StrategyPage& page : getStrategyPages()) {
    EXPECT_TRUE(names.insert(page.name).second) << page.name;
    EXPECT_THAT(page.text, HasSubstr("transfer.strategy @" +
                                     std::string(page.name) + " "));
    EXPECT_EQ(findStrategyPage(page.name), &page);
  }
  EXPECT_THAT(
      names,
      ElementsAre(
          "adapter", "anil", "averaged", "bit_fit", "cdan", "contrastive",
          "coral", "dann", "distill", "distill_embeddings", "distill_file",
          "distill_regression", "distill_two", "domain_confusion", "dora",
          "finetune", "focal", "gradual", "head_first", "hidden", "importance",
          "l2_sp", "lora", "maml", "mean_teacher", "meta", "meta_kd", "mgtl",
          "minilm", "mmd", "mmoe", "multi_label", "multitask", "pcgrad", "pkd",
          "prototypes", "r_drop", "regression", "reptile", "rtl", "sampled",
          "self_training", "setfit", "similarity", "task_covariance",
          "tinybert", "uncertainty", "wasserstein"));
  EXPECT_EQ(findStrategyPage("none"), nullptr);
}

TEST_F(PagesTest, TrainsAllByDefault) {
  ASSERT_TRUE(expand("finetune", {{"weight_decay", "0.1"}})) << errors;
  EXPECT_EQ(learned().size(), 41);
  EXPECT_THAT(entries(),
              ElementsAre("accumulate", "evaluate", "predict", "update"));
  for (const char* name :
       {"classifier.weight", "classifier.bias", "embeddings.LayerNorm.weight"})
    EXPECT_FLOAT_EQ(update(name).getDecay().convertToFloat(), 0.1f) << name;
  EXPECT_FALSE(update("classifier.bias").getFactor());
}

TEST_F(PagesTest, DecaysWhatThePatternsSay) {
  ASSERT_TRUE(expand("finetune", {{"weight_decay", "0.1"},
                                  {"decayed", "weight$"},
                                  {"undecayed", "LayerNorm"}}))
      << errors;
  EXPECT_EQ(learned().size(), 41);
  EXPECT_FLOAT_EQ(update("classifier.weight").getDecay().convertToFloat(),
                  0.1f);
  EXPECT_EQ(update("classifier.bias").getDecay().convertToFloat(), 0);
  EXPECT_EQ(update("embeddings.LayerNorm.weight").getDecay().convertToFloat(),
            0);
}

TEST_F(PagesTest, FreezesAllButTheHead) {
  ASSERT_TRUE(expand("finetune", {{"freeze", "."}, {"learn", "^classifier"}}))
      << errors;
  EXPECT_THAT(learned(), ElementsAre("classifier.bias", "classifier.weight"));
}

TEST_F(PagesTest, FreezesEmbeddings) {
  ASSERT_TRUE(expand("finetune", {{"freeze", "^embeddings"}})) << errors;
  EXPECT_EQ(learned().size(), 36);
  EXPECT_TRUE(learned().count("encoder.layer.0.attention.self.query.weight"));
}

TEST_F(PagesTest, FreezesLayers) {
  ASSERT_TRUE(expand("finetune", {{"freeze", "^embeddings|^[^0-9]*[.](0)[.]"}}))
      << errors;
  EXPECT_EQ(learned().size(), 20);
  for (const std::string& name : learned())
    EXPECT_THAT(name, testing::Not(HasSubstr("layer.0.")));
}

TEST_F(PagesTest, RefusesToFreezeEverything) {
  EXPECT_FALSE(expand("finetune", {{"freeze", "."}}));
  EXPECT_THAT(errors, HasSubstr("expects to depend on a parameter of the "
                                "phase's groups, got none"));
}

TEST_F(PagesTest, DecaysTheRateByLayer) {
  ASSERT_TRUE(expand("finetune", {{"layer_decay", "0.5"}})) << errors;
  EXPECT_EQ(update("embeddings.word_embeddings.weight")
                .getRateMultiplier()
                .convertToFloat(),
            0.0625f);
  EXPECT_EQ(update("classifier.bias").getRateMultiplier().convertToFloat(), 1);
}

TEST_F(PagesTest, ClipsWhenToldTo) {
  ASSERT_TRUE(expand("finetune", {{"clip", "1"}})) << errors;
  EXPECT_TRUE(update("classifier.bias").getFactor());
}

TEST_F(PagesTest, DistilsFromACachedTeacher) {
  ASSERT_TRUE(expand("distill")) << errors;
  EXPECT_THAT(entries(), ElementsAre("accumulate", "evaluate", "predict",
                                     "teacher_logits", "update"));
  EXPECT_EQ(learned().size(), 41);
  EXPECT_EQ(learned().count("table"), 0);
}

// Each domain is a part of its own, and the reversed gradient its factor.
TEST_F(PagesTest, TellsDomainsApart) {
  ASSERT_TRUE(expand("dann")) << errors;
  EXPECT_THAT(entries(),
              ElementsAre("accumulate_source", "accumulate_target", "evaluate",
                          "evaluate_unlabelled", "predict", "update"));
  EXPECT_EQ(learned().size(), 45);
  EXPECT_EQ(update("hidden.weight").getRateMultiplier().convertToFloat(), 10);
  EXPECT_EQ(update("classifier.bias").getRateMultiplier().convertToFloat(), 1);
}

// The models of a regression have one column instead of three.
std::string withOneColumn(std::string text) {
  const std::pair<std::string, std::string> changes[] = {
      {"tensor<3x8xf32>", "tensor<1x8xf32>"},
      {"x3xf32", "x1xf32"},
      {"tensor<3xf32>", "tensor<1xf32>"}};
  for (const auto& [from, to] : changes)
    for (size_t at; (at = text.find(from)) != std::string::npos;)
      text.replace(at, from.size(), to);
  return text;
}

// The models with taps of their layers, as a student and, in its image, a
// teacher.
std::string withLayers(std::string text) {
  for (const auto& [value, kind] :
       {std::pair("embedded", "hidden"), std::pair("z", "hidden"),
        std::pair("q", "query"), std::pair("k", "key"),
        std::pair("v", "value")}) {
    const std::string definition = std::string("%") + value + " = ";
    const size_t end = text.find('\n', text.find(definition));
    text.insert(end + 1, std::string("graft.tap \"") + kind + "\" %" + value +
                             " : tensor<?x8xf32, #T>\n");
  }
  std::string teacher = text.substr(text.find("graft.model @model"));
  return text + teacher.replace(teacher.find("@model"), 6, "@teacher");
}

// The name of the symbol after "::".
std::string leaf(mlir::SymbolRefAttr symbol) {
  return symbol.getLeafReference().str();
}

// Invariants 1 and 2 of strategies, for all runs: the entries of a phase write
// the parameters of its groups, what tracks these, and states. What is frozen
// has no states and is written by none.
TEST_F(PagesTest, PhasesChangeWhatIsTheirs) {
  int checked = 0;
  for (const StrategyPage& page : getStrategyPages()) {
    const std::string name = page.name;
    std::string models = read("tiny_bert.mlir");
    if (name.find("distill") == 0 && name != "distill_file")
      models += read("tiny_teacher.mlir");
    if (name.find("regression") != std::string::npos)
      models = withOneColumn(models);
    if (name == "distill_two") {
      std::string second = read("tiny_teacher.mlir");
      second.replace(second.find("@teacher"), 8, "@second");
      models += second.substr(second.find("graft.model"));
    }
    if (name == "importance" || name == "similarity") {
      std::string start = read("tiny_bert.mlir");
      start = start.substr(start.find("graft.model @model"));
      models += start.replace(start.find("@model"), 6, "@start");
    }
    if (std::string(page.text).find("@average") != std::string::npos) {
      std::string average = models.substr(models.find("graft.model @model"));
      average.replace(average.find("@model"), 6, "@average");
      models += average;
    }
    if (std::string(page.text).find("in @U, @R") != std::string::npos)
      models += "graft.size @U bound 64\ngraft.size @R bound 8\n";
    if (std::string(page.text).find("transfer.tap") != std::string::npos)
      models = withLayers(models);
    if (name == "meta") models.replace(models.find("@teacher"), 8, "@start");
    useModels(models);
    ASSERT_TRUE(module) << name << errors;

    // Groups by phase, and of each group the model that it tracks.
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(page.text), {});
    auto text = parseModule(sources, &context);
    ASSERT_TRUE(text) << name << errors;
    auto strategy = *text->getOps<transfer::StrategyOp>().begin();
    std::map<std::string, std::set<std::string>> owned;
    std::set<std::string> tracking;
    for (auto group : strategy.getOps<transfer::GroupOp>())
      if (group.getTracks()) tracking.insert(group.getSymName().str());
    auto phases = llvm::to_vector(strategy.getOps<transfer::PhaseOp>());
    const bool drawn = llvm::any_of(
        strategy.getOps<transfer::ScheduleOp>(),
        [](transfer::ScheduleOp op) { return op.takesOneStream(); });
    for (transfer::PhaseOp phase : phases) {
      std::vector<std::string> updates = {
          phases.size() == 1 ? "update" : "update_" + phase.getSymName().str()};
      if (drawn) {
        const std::string update = updates.front();
        updates.clear();
        for (auto stream : strategy.getOps<transfer::StreamOp>())
          updates.push_back(update + "_" + stream.getSymName().str());
      }
      for (const std::string& update : updates)
        for (auto group :
             phase.getGroups().getAsRange<mlir::FlatSymbolRefAttr>())
          owned[update].insert(group.getValue().str());
    }

    const bool expanded =
        name == "multitask" || name == "mmoe" || name == "pcgrad" ||
                name == "sampled"
            ? expand(page.name, {}, {{"A", 5}, {"B", 2}})
        : name == "uncertainty" ? expand(page.name, {}, {{"B", 2}})
        : name == "setfit" || name == "task_covariance"
            ? expand(page.name, {}, {{"K", 2}})
        : name == "prototypes" ? expand(page.name, {}, {{"K", 2}, {"N", 5}})
                               : expand(page.name);
    ASSERT_TRUE(expanded) << name << errors;
    int updates = 0;
    for (auto function : module->getOps<mlir::func::FuncOp>()) {
      const std::string entry = function.getSymName().str();
      updates += owned.count(entry);
      function.walk([&](WriteOp write) {
        mlir::Operation* target =
            mlir::SymbolTable::lookupSymbolIn(*module, write.getSymbol());
        if (auto state = mlir::dyn_cast<StateOp>(target)) {
          EXPECT_TRUE(state.getKind() == "gradient" || owned.count(entry) ||
                      entry == "begin")
              << name << ": " << entry << " writes " << leaf(write.getSymbol());
          return;
        }
        const std::string group =
            mlir::cast<ParameterOp>(target).getGroup().value_or("").str();
        EXPECT_TRUE(tracking.count(group) ||
                    (owned.count(entry) && owned[entry].count(group)))
            << name << ": " << entry << " writes " << leaf(write.getSymbol())
            << " of the group " << group;
        ++checked;
      });
    }
    EXPECT_EQ(updates, static_cast<int>(owned.size())) << name;
    module->walk([&](StateOp state) {
      EXPECT_TRUE(state.getGroup().has_value()) << name;
    });
  }
  EXPECT_GT(checked, 500);
}

// The map is learned with the states and is no part of what predicts.
TEST_F(PagesTest, LearnsHiddenStates) {
  useModels(withLayers(read("tiny_bert.mlir")));
  ASSERT_TRUE(expand("hidden")) << errors;
  EXPECT_THAT(entries(), ElementsAre("accumulate_logits", "accumulate_states",
                                     "evaluate", "predict", "teacher_logits",
                                     "update_logits", "update_states"));
  EXPECT_TRUE(readBy("update_states").count("fit.weight"));
  // Neither pooler nor classifier is behind a state.
  EXPECT_FALSE(readBy("update_states").count("model.pooler.dense.weight"));
  EXPECT_TRUE(readBy("update_logits").count("model.classifier.weight"));
  for (const char* entry : {"predict", "update_logits", "accumulate_logits"})
    EXPECT_FALSE(readBy(entry).count("fit.weight")) << entry;
  EXPECT_FALSE(readBy("accumulate_logits")
                   .count("teacher.embeddings.word_embeddings.weight"));
}

// Neither what the last layer makes of its projections nor what is above it is
// behind relations; matrices that map layers are no part of what predicts.
TEST_F(PagesTest, LearnsRelations) {
  useModels(withLayers(read("tiny_bert.mlir")));
  ASSERT_TRUE(expand("minilm")) << errors;
  std::set<std::string> names = readBy("update_relate");
  EXPECT_TRUE(names.count("model.encoder.layer.0.output.dense.weight"));
  EXPECT_TRUE(names.count("model.encoder.layer.1.attention.self.value.weight"));
  EXPECT_FALSE(names.count("model.encoder.layer.1.output.dense.weight"));
  EXPECT_FALSE(names.count("model.classifier.weight"));
  EXPECT_TRUE(readBy("update_logits").count("model.classifier.weight"));

  useModels(withLayers(read("tiny_bert.mlir")));
  ASSERT_TRUE(expand("tinybert")) << errors;
  names = readBy("update_layers");
  for (const char* name : {"fit.embeddings.weight", "fit.states.weight",
                           "model.encoder.layer.1.output.dense.weight"})
    EXPECT_TRUE(names.count(name)) << name;
  EXPECT_FALSE(names.count("model.pooler.dense.weight"));
  names = readBy("update_logits");
  EXPECT_FALSE(names.count("fit.embeddings.weight"));
}

// Of the domain that a student does not learn, only the means of its classes
// are read, once; they are no part of what predicts.
TEST_F(PagesTest, DistilsOneOfTwoDomains) {
  useModels(withLayers(read("tiny_bert.mlir")));
  ASSERT_TRUE(expand("meta_kd")) << errors;
  EXPECT_THAT(entries(),
              ElementsAre("accumulate_add_other", "accumulate_add_own",
                          "accumulate_layers", "accumulate_logits", "evaluate",
                          "predict", "teacher_logits", "update_add_other",
                          "update_add_own", "update_layers", "update_logits"));
  EXPECT_TRUE(readBy("update_add_own").count("classes.own.sum"));
  EXPECT_FALSE(readBy("update_add_own").count("classes.other.sum"));
  EXPECT_TRUE(readBy("update_add_other").count("classes.other.sum"));
  EXPECT_FALSE(readBy("update_add_other").count("classes.own.sum"));
  const std::set<std::string> layers = readBy("update_layers");
  for (const char* name : {"fit.states.weight", "fit.content.weight",
                           "model.encoder.layer.1.output.dense.weight"})
    EXPECT_TRUE(layers.count(name)) << name;
  for (const char* name :
       {"classes.own.sum", "classes.other.sum", "model.pooler.dense.weight"})
    EXPECT_FALSE(layers.count(name)) << name;
  for (const char* entry : {"predict", "update_logits", "accumulate_logits"})
    for (const char* name : {"fit.states.weight", "classes.own.sum"})
      EXPECT_FALSE(readBy(entry).count(name)) << entry << " " << name;
}

// The number of experts is a parameter of the page.
TEST_F(PagesTest, MixesAnyNumberOfExperts) {
  for (const auto& [experts, last] :
       {std::pair("1", 0), std::pair("4", 3), std::pair("6", 5)}) {
    useModels(read("tiny_bert.mlir"));
    ASSERT_TRUE(expand("mmoe", {{"experts", experts}}, {{"A", 5}, {"B", 2}}))
        << errors;
    const std::string expert = "expert." + std::to_string(last) + ".";
    EXPECT_TRUE(learned().count(expert + "first_gate")) << experts;
    EXPECT_TRUE(learned().count(expert + "weight")) << experts;
    EXPECT_FALSE(
        learned().count("expert." + std::to_string(last + 1) + ".weight"));
  }
}

// What relates the domains reads both, in batches of their own sizes.
TEST_F(PagesTest, BringsDomainsTogether) {
  const std::string sizes = "graft.size @U bound 64\ngraft.size @R bound 8\n";
  for (const char* name : {"mmd", "coral"}) {
    useModels(read("tiny_bert.mlir") + sizes);
    ASSERT_TRUE(expand(name)) << name << errors;
    EXPECT_THAT(entries(),
                ElementsAre("accumulate", "evaluate", "evaluate_unlabelled",
                            "predict", "update"));
    EXPECT_EQ(learned().size(), 41);
  }
}

TEST_F(PagesTest, SharesAnEncoderBetweenTasks) {
  ASSERT_TRUE(expand("multitask", {{"head_speed", "3"}}, {{"A", 5}, {"B", 2}}))
      << errors;
  EXPECT_THAT(entries(),
              ElementsAre("accumulate_first", "accumulate_second",
                          "evaluate_first", "evaluate_second", "predict_first",
                          "predict_second", "update"));
  EXPECT_TRUE(learned().count("embeddings.word_embeddings.weight"));
  EXPECT_TRUE(learned().count("weight"));
  EXPECT_FALSE(learned().count("classifier.weight"));
  EXPECT_EQ(update("weight").getRateMultiplier().convertToFloat(), 3);
  std::set<int64_t> columns;
  module->walk([&](SoftmaxOp op) {
    columns.insert(
        mlir::cast<mlir::RankedTensorType>(op.getType()).getDimSize(1));
  });
  EXPECT_EQ(columns, (std::set<int64_t>{2, 5}));
}

// A step takes one task, whose update leaves the head of the other alone.
TEST_F(PagesTest, UpdatesTheTaskOfAStep) {
  ASSERT_TRUE(expand("sampled", {}, {{"A", 5}, {"B", 2}})) << errors;
  EXPECT_THAT(entries(),
              ElementsAre("accumulate_first", "accumulate_second",
                          "evaluate_first", "evaluate_second", "predict_first",
                          "predict_second", "update_first", "update_second"));
  for (const auto& [own, other] :
       {std::pair("first", "second"), std::pair("second", "first")}) {
    const std::set<std::string> read = readBy(std::string("update_") + own);
    EXPECT_TRUE(read.count("model.embeddings.word_embeddings.weight"));
    EXPECT_TRUE(read.count(std::string(own) + "_head.weight")) << own;
    EXPECT_FALSE(read.count(std::string(other) + "_head.weight")) << own;
  }
}

TEST_F(PagesTest, AsksForTheLabelsOfTasks) {
  EXPECT_FALSE(expand("multitask", {}, {{"A", 5}}));
  EXPECT_THAT(errors, HasSubstr("expects a call whose result has the size B"));
}

TEST_F(PagesTest, PredictsANumber) {
  useModels(withOneColumn(read("tiny_bert.mlir")));
  ASSERT_TRUE(expand("regression")) << errors;
  int losses = 0, softmaxes = 0;
  module->walk([&](MseOp) { ++losses; });
  module->walk([&](SoftmaxOp) { ++softmaxes; });
  EXPECT_EQ(losses, 2);
  EXPECT_EQ(softmaxes, 0);
}

TEST_F(PagesTest, DistilsNumbers) {
  useModels(withOneColumn(read("tiny_bert.mlir") + read("tiny_teacher.mlir")));
  ASSERT_TRUE(expand("distill_regression", {{"soft_share", "0.25"}})) << errors;
  int losses = 0;
  module->walk([&](MseOp) { ++losses; });
  EXPECT_EQ(losses, 3);  // both of training, and that of evaluation
  std::set<float> factors;
  module->walk(
      [&](ScaleOp op) { factors.insert(op.getFactor().convertToFloat()); });
  EXPECT_EQ(factors, (std::set<float>{0.25f, 0.75f}));
}

TEST_F(PagesTest, RefusesAModelOfOtherColumns) {
  EXPECT_FALSE(expand("regression"));
  EXPECT_THAT(errors, HasSubstr("expects @model::@logits of type"));
}

TEST_F(PagesTest, NamesTheParametersThereAre) {
  EXPECT_FALSE(expand("regression", {{"label_smoothing", "0.1"}}));
  EXPECT_THAT(errors,
              HasSubstr("strategy @regression expects a parameter of rate, "));
  EXPECT_THAT(errors, HasSubstr(", got label_smoothing"));
}

}  // namespace
}  // namespace graft
