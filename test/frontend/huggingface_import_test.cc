// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/huggingface_import.h"

#include <stdlib.h>

#include <cstring>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dialects/graft/graft_ops.h"
#include "frontend/checkpoint.h"
#include "frontend/parameter_values.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mlir/IR/MLIRContext.h"
#include "models/registry.h"
#include "runtime/formats/initial_values.h"
#include "runtime/formats/safetensors.h"
#include "test/models/bert/bert_tensors.h"

namespace graft {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class HuggingFaceImportTest : public ::testing::Test {
 protected:
  HuggingFaceImportTest() {
    char path[] = "/tmp/graft-import-XXXXXX";
    directory_ = mkdtemp(path);
    registerAllFamilies(families_);
    common_.SetArchitectures({"BertForSequenceClassification"});
    config_.vocab_size = 5;
    config_.hidden_size = 4;
    config_.num_hidden_layers = 2;
    config_.num_attention_heads = 2;
    config_.intermediate_size = 6;
    config_.max_position_embeddings = 7;
    Fill(/*pooler=*/true, /*labels=*/3);
  }
  ~HuggingFaceImportTest() override { std::filesystem::remove_all(directory_); }

  // The tensors of the model, all F32.
  void Fill(bool pooler, int64_t labels) {
    tensors_ = BertTensors(config_, pooler, labels);
  }
  TensorSpec& Tensor(absl::string_view name) {
    for (TensorSpec& spec : tensors_) {
      if (spec.name == name) return spec;
    }
    ADD_FAILURE() << "no tensor " << name;
    return tensors_[0];
  }
  void Rename(const std::string& from, const std::string& to) {
    for (TensorSpec& spec : tensors_) {
      const size_t found = spec.name.find(from);
      if (found != std::string::npos) spec.name.replace(found, from.size(), to);
    }
  }

  // Writes the checkpoint; byte i of each tensor is i.
  void Save() {
    std::vector<std::vector<uint8_t>> data;
    std::vector<TensorView> views;
    for (const TensorSpec& spec : tensors_) {
      std::vector<uint8_t>& bytes =
          data.emplace_back(*TensorBytes(spec.dtype, spec.shape));
      for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<uint8_t>(i);
      views.push_back({spec, bytes});
    }
    FileSystem& files = FileSystem::Posix();
    ASSERT_TRUE(WriteSafetensors(files, Path("model.safetensors"), views).ok());
    ASSERT_TRUE(WriteFile(files, Path("config.json"),
                          WriteBertConfig(config_, common_).Text())
                    .ok());
    ASSERT_TRUE(WriteFile(files, Path("vocab.txt"), "[PAD]\n").ok());
  }

  absl::StatusOr<ImportedModel> Import() {
    return importHuggingFace(&context_, families_, FileSystem::Posix(),
                             directory_, options_);
  }
  ImportedModel Imported() {
    Save();
    absl::StatusOr<ImportedModel> model = Import();
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *std::move(model) : ImportedModel();
  }
  std::string ErrorOf(absl::StatusCode code) {
    Save();
    return ErrorOfFiles(code);
  }
  std::string ErrorOfFiles(absl::StatusCode code) {
    const absl::Status status = Import().status();
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  }
  std::string Path(absl::string_view name) const {
    return absl::StrCat(directory_, "/", name);
  }

  mlir::MLIRContext context_;
  std::string directory_;
  FamilyRegistry families_;
  BertConfig config_;
  ModelConfig common_{"config.json"};  // architectures, labels, problem type
  std::vector<TensorSpec> tensors_;
  ImportOptions options_;
};

ParameterOp FindParameter(mlir::ModuleOp module, llvm::StringRef name) {
  ParameterOp result;
  module->walk([&](ParameterOp parameter) {
    if (parameter.getSymName() == name) result = parameter;
  });
  return result;
}

// The names of all parameters with those of each layer, sorted.
std::vector<std::string> ParameterNames(mlir::ModuleOp module) {
  std::vector<std::string> names;
  module->walk([&](ParameterOp parameter) {
    const std::string name = parameter.getSymName().str();
    auto layers = llvm::dyn_cast<LayersOp>(parameter->getParentOp());
    if (!layers) {
      names.push_back(name);
      return;
    }
    for (uint64_t i = 0; i < layers.getCount(); ++i)
      names.push_back(
          absl::StrCat(layers.getSymName().str(), ".", i, ".", name));
  });
  std::sort(names.begin(), names.end());
  return names;
}

TEST_F(HuggingFaceImportTest, TakesTheCheckpointsClassifier) {
  const ImportedModel model = Imported();
  EXPECT_THAT(model.skipped, IsEmpty());
  EXPECT_THAT(model.initialised, IsEmpty());
  EXPECT_THAT(model.description->labels(),
              ElementsAre("LABEL_0", "LABEL_1", "LABEL_2"));
  EXPECT_EQ(model.tokenizer, Path("vocab.txt"));
  // All tensors of Transformers' model, and no others.
  std::vector<std::string> expected;
  for (const TensorSpec& spec : BertTensors(config_, true, 3))
    expected.push_back(spec.name);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(ParameterNames(*model.module), expected);
}

TEST_F(HuggingFaceImportTest, ReportsWhatItSkips) {
  tensors_.push_back({"embeddings.position_ids", DType::kI64, {1, 7}});
  tensors_.push_back({"cls.predictions.bias", DType::kF32, {5}});
  tensors_.push_back({"encoder.layer.2.output.dense.bias", DType::kF32, {4}});
  EXPECT_THAT(Imported().skipped,
              ElementsAre("cls.predictions.bias", "embeddings.position_ids",
                          "encoder.layer.2.output.dense.bias"));
}

TEST_F(HuggingFaceImportTest, KnowsPrefixesAndTheNamesOfTensorFlow) {
  for (TensorSpec& spec : tensors_) {
    if (!absl::StartsWith(spec.name, "classifier"))
      spec.name = "bert." + spec.name;
  }
  Rename("LayerNorm.weight", "LayerNorm.gamma");
  Rename("LayerNorm.bias", "LayerNorm.beta");
  const ImportedModel model = Imported();
  EXPECT_THAT(model.skipped, IsEmpty());
  EXPECT_EQ(*FindParameter(*model.module, "output.LayerNorm.bias").getSource(),
            "bert.encoder.layer.*.output.LayerNorm.beta");
  EXPECT_FALSE(FindParameter(*model.module, "classifier.bias").getSource());
}

TEST_F(HuggingFaceImportTest, FindsNamesBelowAnyWrapper) {
  const std::vector<TensorSpec> whole = tensors_;
  for (const char* prefix : {"module.", "model.", "bert.", "0.auto_model.",
                             "_orig_mod.", "module._orig_mod.bert.",
                             "model.bert.module.", "_orig_mod.0.auto_model."}) {
    tensors_ = whole;
    for (TensorSpec& spec : tensors_) spec.name = prefix + spec.name;
    const ImportedModel model = Imported();
    EXPECT_THAT(model.skipped, IsEmpty()) << prefix;
    EXPECT_THAT(model.initialised, IsEmpty()) << prefix;
    EXPECT_EQ(*FindParameter(*model.module, "output.dense.bias").getSource(),
              absl::StrCat(prefix, "encoder.layer.*.output.dense.bias"));
  }
}

TEST_F(HuggingFaceImportTest, FindsEachTensorUnderAnySpelling) {
  // Layers of one file may differ, inside of names too.
  Tensor("encoder.layer.1.output.LayerNorm.weight").name =
      "encoder.layer.1.output.LayerNorm.gamma";
  Tensor("embeddings.LayerNorm.bias").name = "embeddings.LayerNorm.beta";
  Tensor("encoder.layer.0.output.dense.bias").name =
      "encoder.layer.0._orig_mod.output.dense.bias";
  Tensor("pooler.dense.bias").name = "bert.pooler.dense.bias";
  ImportedModel model = Imported();
  EXPECT_THAT(model.skipped, IsEmpty());
  ParameterOp layers = FindParameter(*model.module, "output.LayerNorm.weight");
  EXPECT_FALSE(layers.getSource());

  // What reads a layer finds it again.
  auto checkpoint = openCheckpoint(families_, FileSystem::Posix(), directory_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  auto owner = *model.module->getOps<ModelOp>().begin();
  mlir::OpBuilder builder =
      mlir::OpBuilder::atBlockEnd(&owner.getBody().front());
  auto one = mlir::cast<ParameterOp>(builder.clone(*layers));
  one.setSymName("encoder.layer.1.output.LayerNorm.weight");
  std::vector<float> values(4);
  const absl::Status status =
      loadParameter(one, checkpoint->weights.get(), checkpoint->names.get(), 1,
                    absl::MakeSpan(values));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_FALSE(loadParameter(one, checkpoint->weights.get(), nullptr, 1,
                             absl::MakeSpan(values))
                   .ok());
}

TEST_F(HuggingFaceImportTest, TakesATensorThatIsThereTwiceIfEqual) {
  TensorSpec copy = Tensor("embeddings.LayerNorm.weight");
  copy.name = "embeddings.LayerNorm.gamma";
  tensors_.push_back(copy);
  EXPECT_THAT(Imported().skipped, ElementsAre("embeddings.LayerNorm.gamma"));
  tensors_.back().dtype = DType::kF16;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("expects one tensor for embeddings.LayerNorm.weight, "
                        "got 'embeddings.LayerNorm.weight' and "
                        "'embeddings.LayerNorm.gamma', which differ"));
}

TEST_F(HuggingFaceImportTest, ReadsWeightsInSeveralFiles) {
  Save();
  FileSystem& files = FileSystem::Posix();
  std::filesystem::rename(Path("model.safetensors"), Path("a.safetensors"));
  std::string map;
  for (const TensorSpec& spec : tensors_)
    absl::StrAppend(&map, map.empty() ? "" : ", ", "\"", spec.name,
                    "\": \"a.safetensors\"");
  ASSERT_TRUE(WriteFile(files, Path("model.safetensors.index.json"),
                        absl::StrCat("{\"weight_map\": {", map, "}}"))
                  .ok());
  const absl::StatusOr<ImportedModel> model = Import();
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->weights, Path("model.safetensors.index.json"));
  EXPECT_THAT(model->skipped, IsEmpty());
}

TEST_F(HuggingFaceImportTest, ReadsValuesWhenAskedTo) {
  // Byte i is i, so larger tensors have 0xfffefdfc and so on.
  config_.intermediate_size = 64;
  Fill(true, 3);
  Imported();
  options_.check_values = true;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("model.safetensors: tensor "
                        "'encoder.layer.0.intermediate.dense.weight' expects "
                        "finite values, got NaN or infinity at element 63 of "
                        "F32 [64, 4]"));
}

TEST_F(HuggingFaceImportTest, KeptRowsKeepTheirNames) {
  common_.SetLabels({"x", "y", "z"});
  options_.labels = 3;
  EXPECT_THAT(Imported().description->labels(), ElementsAre("x", "y", "z"));
  options_.label_names = {"x", "y", "z"};
  EXPECT_THAT(Imported().description->labels(), ElementsAre("x", "y", "z"));
  options_.label_names = {"z", "y", "x"};
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("config.json: the labels of a head that is kept "
                        "expect to be those of id2label, in its order, (x, y, "
                        "z), got (z, y, x); --new-head"));
  options_.new_head = true;
  EXPECT_THAT(Imported().description->labels(), ElementsAre("z", "y", "x"));
  // Default names say nothing.
  options_.new_head = false;
  common_.SetLabels({"LABEL_0", "LABEL_1", "LABEL_2"});
  EXPECT_THAT(Imported().description->labels(), ElementsAre("z", "y", "x"));
}

TEST_F(HuggingFaceImportTest, LabelsMatterOnlyToAHeadThatIsKept) {
  const auto save = [&](const char* labels) {
    Save();
    std::string text = WriteBertConfig(config_, common_).Text();
    text.insert(text.rfind('}'), absl::StrCat(", ", labels, "\n"));
    ASSERT_TRUE(WriteFile(FileSystem::Posix(), Path("config.json"), text).ok());
  };
  constexpr char kStale[] =
      R"("id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 1})";
  save(kStale);
  EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kInvalidArgument),
              HasSubstr("config.json: label2id expects the inverse of "
                        "id2label, got 1 for \"a\""));
  options_.labels = 2;
  options_.new_head = true;
  EXPECT_TRUE(Import().ok());
  Fill(true, 0);
  options_ = {};
  save(kStale);
  EXPECT_TRUE(Import().ok());
  save(R"("id2label": ["a"])");
  EXPECT_TRUE(Import().ok());
}

TEST_F(HuggingFaceImportTest, SaysWhichHeadAFileHas) {
  const auto head = [&] {
    Save();
    const auto checkpoint =
        openCheckpoint(families_, FileSystem::Posix(), directory_);
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    return *findHead(*checkpoint);
  };
  EXPECT_EQ(head().labels, 3);
  EXPECT_FALSE(head().named);
  common_.SetLabels({"a", "b", "c"});
  EXPECT_TRUE(head().named);
  common_.SetArchitectures({"BertForTokenClassification"});
  EXPECT_EQ(head().labels, 0);
  EXPECT_EQ(head().found, "the head of a BertForTokenClassification");
  Fill(true, 0);
  common_.SetArchitectures({"BertModel"});
  EXPECT_EQ(head().found, "no head");
}

TEST_F(HuggingFaceImportTest, MakesANewHead) {
  Fill(true, 0);
  common_.SetArchitectures({"BertModel"});
  options_.label_names = {"a", "b"};
  options_.labels = 2;
  const ImportedModel model = Imported();
  EXPECT_THAT(model.initialised,
              ElementsAre("classifier.weight", "classifier.bias"));
  EXPECT_THAT(model.description->labels(), ElementsAre("a", "b"));
  EXPECT_EQ(model.description->problemType(), "single_label_classification");
}

TEST_F(HuggingFaceImportTest, ReplacesAHead) {
  options_.labels = 1;
  options_.new_head = true;
  common_.SetLabels({"x", "y", "z"});
  const ImportedModel model = Imported();
  EXPECT_THAT(model.initialised,
              ElementsAre("classifier.weight", "classifier.bias"));
  EXPECT_THAT(model.skipped,
              ElementsAre("classifier.bias", "classifier.weight"));
  EXPECT_THAT(model.description->labels(), ElementsAre("LABEL_0"));
  EXPECT_EQ(model.description->problemType(), "regression");
}

TEST_F(HuggingFaceImportTest, TakesSomeLayers) {
  options_.layers = {1};
  ImportedModel model = Imported();
  EXPECT_EQ(model.description->facts().layers, 1);
  EXPECT_THAT(model.skipped, IsEmpty());
  LayersOp layers;
  model.module->walk([&](LayersOp op) { layers = op; });
  EXPECT_EQ(layers.getCount(), 1u);
  EXPECT_EQ(layers.getOrigin(0), 1);
  EXPECT_THAT(ParameterNames(*model.module), Each(Not(HasSubstr("layer.1."))));

  options_.layers = {1, 1};
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("layers expect each number once, got 1 twice"));
  options_.layers = {0, 2};
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("layers expect numbers in [0, 2), got 2"));
}

TEST_F(HuggingFaceImportTest, AHeadOnTokensIsNoHead) {
  common_.SetArchitectures({"BertForTokenClassification"});
  const ImportedModel model = Imported();
  EXPECT_THAT(model.skipped, Contains("classifier.weight"));
  EXPECT_FALSE(FindParameter(*model.module, "classifier.weight"));
}

TEST_F(HuggingFaceImportTest, LoadsEveryFloatType) {
  Tensor("classifier.bias").dtype = DType::kF16;
  Tensor("pooler.dense.bias").dtype = DType::kBF16;
  Tensor("embeddings.LayerNorm.bias").dtype = DType::kF64;
  const ImportedModel model = Imported();
  const auto file = CheckpointWeights::Open(FileSystem::Posix(), model.weights);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto load = [&](llvm::StringRef name) {
    ParameterOp parameter = FindParameter(*model.module, name);
    std::vector<float> values(parameter.getType().getNumElements());
    const absl::Status status = loadParameter(parameter, file->get(), nullptr,
                                              1, absl::MakeSpan(values));
    EXPECT_TRUE(status.ok()) << status;
    return values;
  };
  EXPECT_EQ(load("classifier.bias")[1], HalfToFloat(0x0302));
  EXPECT_EQ(load("pooler.dense.bias")[1], BFloat16ToFloat(0x0302));
  double last;
  const uint64_t bits = 0x0f0e0d0c0b0a0908;
  std::memcpy(&last, &bits, sizeof(last));
  EXPECT_EQ(load("embeddings.LayerNorm.bias")[1], static_cast<float>(last));
}

TEST_F(HuggingFaceImportTest, DrawsInitialValues) {
  options_.labels = 3;
  options_.new_head = true;
  const ImportedModel model = Imported();
  std::vector<float> values(12);
  ParameterOp weight = FindParameter(*model.module, "classifier.weight");
  ASSERT_TRUE(
      loadParameter(weight, nullptr, nullptr, 1, absl::MakeSpan(values)).ok());
  EXPECT_THAT(values, Each(testing::AllOf(testing::Ne(0.0f), testing::Gt(-0.2f),
                                          testing::Lt(0.2f))));
  ParameterOp layer = FindParameter(*model.module, "output.dense.bias");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      loadParameter(layer, nullptr, nullptr, 1, absl::MakeSpan(values))));
  EXPECT_TRUE(absl::IsInvalidArgument(loadParameter(
      weight, nullptr, nullptr, 1, absl::MakeSpan(values).first(11))));
  ParameterOp pooler = FindParameter(*model.module, "pooler.dense.bias");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      loadParameter(pooler, nullptr, nullptr, 1, absl::MakeSpan(values))));
}

TEST_F(HuggingFaceImportTest, ModelsOfOneProgramStartWithOtherValues) {
  options_.labels = 3;
  options_.new_head = true;
  ImportedModel imported = Imported();
  ModelOp first = *imported.module->getOps<ModelOp>().begin();
  mlir::Operation* second = first->clone();
  mlir::cast<ModelOp>(second).setSymName("second");
  imported.module->push_back(second);
  const auto load = [](ModelOp model) {
    std::vector<float> values(12);
    for (ParameterOp parameter : model.getOps<ParameterOp>()) {
      if (parameter.getSymName() != "classifier.weight") continue;
      EXPECT_TRUE(
          loadParameter(parameter, nullptr, nullptr, 1, absl::MakeSpan(values))
              .ok());
    }
    return values;
  };
  // The first has those that it would have alone.
  std::vector<float> alone(12);
  ASSERT_TRUE(FillInitialValues("normal", 0.02f, 1, "classifier.weight",
                                absl::MakeSpan(alone))
                  .ok());
  EXPECT_EQ(load(first), alone);
  std::vector<float> other(12);
  ASSERT_TRUE(FillInitialValues("normal", 0.02f, 1, "second.classifier.weight",
                                absl::MakeSpan(other))
                  .ok());
  EXPECT_EQ(load(mlir::cast<ModelOp>(second)), other);
  EXPECT_NE(other, alone);
}

TEST_F(HuggingFaceImportTest, NamesTheTensorThatDoesNotFit) {
  const std::vector<TensorSpec> whole = tensors_;

  Tensor("encoder.layer.1.intermediate.dense.weight").shape = {6, 5};
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("model.safetensors: tensor "
                        "'encoder.layer.1.intermediate.dense.weight' expects "
                        "shape [6, 4], got [6, 5]"));
  tensors_ = whole;
  Tensor("pooler.dense.bias").dtype = DType::kI32;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("pooler.dense.bias expects F32, F16, BF16 or F64, got "
                        "I32 [4]"));
  tensors_ = whole;
  Rename("pooler.dense.bias", "pooler.dens.bias");
  EXPECT_THAT(ErrorOf(absl::StatusCode::kNotFound),
              HasSubstr("expects a tensor 'pooler.dense.bias', got 41 others; "
                        "the nearest name is 'pooler.dens.bias'"));
  tensors_ = whole;
  tensors_.push_back(
      {"bert.embeddings.word_embeddings.weight", DType::kF32, {4, 5}});
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("model.safetensors: expects one tensor for "
                        "embeddings.word_embeddings.weight, got "
                        "'bert.embeddings.word_embeddings.weight' and "
                        "'embeddings.word_embeddings.weight', which differ"));
}

TEST_F(HuggingFaceImportTest, NamesTheHeadThatDoesNotFit) {
  options_.labels = 4;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("classifier.weight expects 4 labels, got F32 [3, 4]; "
                        "--new-head replaces it"));
  options_.labels = 3;
  options_.label_names = {"a"};
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("label names expect 3 names, got 1"));
  options_ = {};
  common_.SetLabels({"a", "b"});
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("config.json: id2label expects 3 names"));
  options_.new_head = true;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("a new head expects a number of labels, got 0"));
  options_.labels = int64_t{1} << 40;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("labels expects a number in [0, 1048576]"));
  options_ = {};
  common_.SetLabels({});
  common_.SetProblemType("multi_label_classification");
  EXPECT_THAT(ErrorOf(absl::StatusCode::kUnimplemented),
              HasSubstr("config.json: problem_type expects "
                        "single_label_classification with 3 labels, got "
                        "multi_label_classification"));
  common_.SetProblemType("");
  Tensor("classifier.weight").shape = {12};
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("classifier.weight expects"));
}

TEST_F(HuggingFaceImportTest, NeverMakesAPoolerUnasked) {
  Fill(false, 3);
  EXPECT_THAT(ErrorOf(absl::StatusCode::kNotFound),
              HasSubstr("expects a tensor pooler.dense.weight below the "
                        "classifier, got none"));
  options_.pooler = PoolerSource::kNew;
  EXPECT_THAT(Imported().initialised,
              ElementsAre("pooler.dense.weight", "pooler.dense.bias"));
  options_.pooler = PoolerSource::kNone;
  const ImportedModel model = Imported();
  EXPECT_THAT(model.initialised, IsEmpty());
  EXPECT_FALSE(FindParameter(*model.module, "pooler.dense.weight"));
}

TEST_F(HuggingFaceImportTest, NamesTheFileThatIsMissing) {
  EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kNotFound),
              HasSubstr("config.json"));
  Save();
  std::filesystem::remove(Path("vocab.txt"));
  EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kNotFound),
              HasSubstr("expects tokenizer.json or vocab.txt, got neither"));
  std::filesystem::rename(Path("model.safetensors"), Path("pytorch_model.bin"));
  EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kNotFound),
              HasSubstr("expects model.safetensors or "
                        "model.safetensors.index.json, got pytorch_model.bin; "
                        "this converts it:"));
  directory_ += "/config.json";
  EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kNotFound),
              HasSubstr("expects a checkpoint directory, got a file"));
  directory_.resize(directory_.size() - strlen("/config.json"));
}

TEST_F(HuggingFaceImportTest, RefusesDamagedAndForeignFiles) {
  Save();
  const uint64_t size = std::filesystem::file_size(Path("model.safetensors"));
  for (uint64_t cut : {uint64_t{0}, uint64_t{7}, uint64_t{100}, size - 1}) {
    std::filesystem::resize_file(Path("model.safetensors"), cut);
    EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kInvalidArgument),
                HasSubstr("model.safetensors"))
        << cut;
    Save();
  }
  FileSystem& files = FileSystem::Posix();
  ASSERT_TRUE(
      WriteFile(files, Path("config.json"), "{\"model_type\": \"gpt2\"}").ok());
  EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kUnimplemented),
              HasSubstr("config.json: model_type expects \"bert\", got "
                        "\"gpt2\""));
  ASSERT_TRUE(WriteFile(files, Path("config.json"),
                        "{\"model_type\": \"bert\", \"hidden_size\": 1e18}")
                  .ok());
  EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kInvalidArgument),
              HasSubstr("hidden_size expects an integer"));
}

// A family without layers, pooler or names of its own.
class LetterFamily : public ModelFamily {
 public:
  explicit LetterFamily(std::string type) : type_(std::move(type)) {}
  llvm::StringRef name() const override { return "letters"; }
  std::vector<std::string> modelTypes() const override { return {type_}; }
  absl::StatusOr<std::unique_ptr<ModelDescription>> read(
      const ModelConfig& config) const override {
    return absl::UnimplementedError(
        absl::StrCat(config.path(), ": read as letters"));
  }

 private:
  const std::string type_;
};

TEST_F(HuggingFaceImportTest, FindsTheFamilyByModelType) {
  families_.add(std::make_unique<LetterFamily>("letters"));
  const auto error = [&](const char* text) {
    auto config = ModelConfig::Parse(text, "config.json");
    EXPECT_TRUE(config.ok()) << config.status();
    return std::string(families_.read(*config).status().message());
  };
  EXPECT_EQ(error(R"({"model_type": "letters"})"),
            "config.json: read as letters");
  EXPECT_EQ(error(R"({"model_type": "bert"})"), "");
  EXPECT_EQ(error(R"({"model_type": "gpt2"})"),
            "config.json: model_type expects \"bert\" or \"letters\", got "
            "\"gpt2\"");
  EXPECT_EQ(error("{}"),
            "config.json: model_type expects \"bert\" or \"letters\", got "
            "none");
  // Files from before Transformers 2.
  EXPECT_EQ(error(R"({"architectures": ["BertForMaskedLM"]})"), "");
  EXPECT_EQ(error(R"({"architectures": ["BertModel", "RobertaModel"]})"),
            "config.json: architectures expects names that begin with Bert, "
            "got [\"BertModel\",\"RobertaModel\"]");
  families_.add(std::make_unique<LetterFamily>("bert"));
  EXPECT_EQ(error(R"({"model_type": "bert"})"),
            "config.json: expects one family of models that takes it, got "
            "bert and letters");
}

TEST_F(HuggingFaceImportTest, RefusesSizesOfTheConfigThatTheFileLacks) {
  Save();
  // As large as the format allows: must fail at once, without large tensors.
  config_.num_hidden_layers = 4096;
  config_.hidden_size = 1 << 20;
  config_.intermediate_size = 1 << 20;
  config_.vocab_size = 10'000'000;
  ASSERT_TRUE(WriteFile(FileSystem::Posix(), Path("config.json"),
                        WriteBertConfig(config_, common_).Text())
                  .ok());
  EXPECT_THAT(ErrorOfFiles(absl::StatusCode::kInvalidArgument),
              HasSubstr("expects shape [10000000, 1048576], got [5, 4]"));
}

TEST_F(HuggingFaceImportTest, RefusesNumbersThatFloatCannotHold) {
  config_.layer_norm_eps = 1e-60;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("config.json: layer_norm_eps expects a positive"));
  config_.layer_norm_eps = 1e-12;
  config_.hidden_dropout_prob = 1 - 1e-12;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("hidden_dropout_prob expects a rate in [0, 1)"));
  config_.hidden_dropout_prob = 0.1;
  options_.token_capacity = 0;
  EXPECT_THAT(ErrorOf(absl::StatusCode::kInvalidArgument),
              HasSubstr("token capacity expects a number in [1, 2147483647]"));
}

}  // namespace
}  // namespace graft
