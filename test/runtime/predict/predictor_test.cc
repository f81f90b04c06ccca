// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/predict/predictor.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/artifact/writer.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/predict/evaluate.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"
#include "test/runtime/artifact/spec_parts.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int32_t kT = 0, kS = 1;
// What an artifact keeps of a tokenizer of seven words.
const std::string& TokenizerBytes() {
  static const std::string* const kBytes = [] {
    auto* bytes = new std::string;
    WordPieceTokenizer::FromVocabulary(
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nw5\nw6\n", "vocab.txt")
        .value()
        ->ToArtifact(*bytes);
    return bytes;
  }();
  return *kBytes;
}

// Sizes T up to 16 and S up to 3; entry "predict" is a kernel of
// scoring_kernels.c: "classes" with labels "sum" and "length", or "score".
ArtifactSpec ScoringSpec(absl::Span<const uint8_t> code, bool classes) {
  ArtifactSpec spec;
  spec.sizes = {{"T", 16}, {"S", 3}};
  spec.streams = {{"text", kT, kS}};
  spec.slots = {MakeParameter("m", "w", {1}, /*trainable=*/false)};
  ValueSpec segments = MakeSegments(kT, kS);
  segments.limit = 6;
  const int64_t width = classes ? 2 : 1;
  const auto bytes = static_cast<uint64_t>(3 * 4 * width);
  EntrySpec entry = {
      "predict",
      {MakeTensor("ids", DType::kI32, {{kT, 0}}), segments},
      {MakeTensor("logits", DType::kF32, {{kS, 0}, {-1, width}})},
      0};
  for (ValueSpec& input : entry.inputs) {
    input.source = SourceKind::stream;
    input.field = input.name;
  }
  ProgramSpec program;
  program.buffers = {{Place::input, 0, 0, 0, 64},
                     {Place::input, 0, 1, 0, 16},
                     {Place::output, 0, 0, 0, bytes}};
  CommandSpec command = MakeKernel(0, {0, 1, 2});
  if (classes) {
    entry.outputs.push_back(
        MakeTensor("probabilities", DType::kF32, {{kS, 0}, {-1, width}}));
    program.buffers.push_back({Place::output, 0, 1, 0, bytes});
    command = MakeKernel(0, {0, 1, 2, 3}, 2);
    spec.heads = {{"logits", "classification", {"sum", "length"}}};
  }
  spec.entries = {entry};
  program.commands = {command};
  TargetSpec target =
      MakeTarget(code, "scoring", {classes ? "classes" : "score"});
  target.programs = {program};
  spec.targets = {std::move(target)};
  spec.tokenizer.emplace().data = BytesOf(TokenizerBytes());
  return spec;
}

struct Predicted {
  std::vector<std::string> texts;
  std::vector<float> logits, probabilities;
};

class PredictorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (AnyLevel().empty()) GTEST_SKIP() << "no level of code runs here";
    directory_ =
        ::testing::TempDir() + "/predictor_test." +
        ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::shared_ptr<const Artifact> Write(
      bool classes, const std::function<void(ArtifactSpec&)>& change = {}) {
    const std::string code = ReadFile(files_, GRAFT_SCORING_KERNELS).value();
    ArtifactSpec spec = ScoringSpec(BytesOf(code), classes);
    if (change) change(spec);
    const std::string path = JoinPath(directory_, "model.graft");
    const absl::Status status =
        WriteArtifact(files_, path, spec, [](size_t, WeightSink sink) {
          const float value = 0;
          return sink(absl::MakeConstSpan(
              reinterpret_cast<const uint8_t*>(&value), sizeof(value)));
        });
    EXPECT_TRUE(status.ok()) << status;
    LoadOptions load;
    load.device = device_.get();
    return Artifact::Load(files_, path, load).value();
  }

  std::unique_ptr<Predictor> Open(bool classes) {
    auto predictor = Predictor::Create(Write(classes));
    EXPECT_TRUE(predictor.ok()) << predictor.status();
    return *std::move(predictor);
  }

  std::string WriteTable(absl::string_view text) {
    const std::string path = JoinPath(directory_, "table.tsv");
    EXPECT_TRUE(WriteFile(files_, path, text).ok());
    return path;
  }

  static ExampleFeed Feed(const Predictor& predictor,
                          std::vector<std::string> texts, bool strict = false) {
    auto next = [&predictor, texts = std::move(texts), strict, i = size_t{0}](
                    Examples& examples) mutable -> absl::StatusOr<bool> {
      if (i == texts.size()) return false;
      const absl::StatusOr<bool> status = predictor.AddText(
          texts[i], std::nullopt, strict, static_cast<int64_t>(i),
          [&] { return absl::StrCat("text ", i); }, examples);
      ++i;
      if (!status.ok()) return status.status();
      return true;
    };
    return {TextSchema(), std::move(next)};
  }

  // Predicts until the end or an error, which goes to `status`.
  static Predicted Run(Predictor& predictor, ExampleFeed feed,
                       absl::Status* status = nullptr) {
    Predicted result;
    const absl::Status done = predictor.Predict(
        std::move(feed),
        [&](const Examples& examples, int64_t i, const Prediction& prediction) {
          result.texts.emplace_back(examples.text(i));
          result.logits.insert(result.logits.end(), prediction.logits.begin(),
                               prediction.logits.end());
          result.probabilities.insert(result.probabilities.end(),
                                      prediction.probabilities.begin(),
                                      prediction.probabilities.end());
          return absl::OkStatus();
        });
    if (status) *status = done;
    if (!status) EXPECT_TRUE(done.ok()) << done;
    return result;
  }

  FileSystem& files_ = FileSystem::Posix();
  std::unique_ptr<Device> device_ = CreateCpuDevice({.threads = 1}).value();
  std::string directory_;
};

// [CLS] and [SEP] are 2 and 3; w5 and w6 are 5 and 6.
TEST_F(PredictorTest, PredictsTextsInTheirOrder) {
  auto predictor = Open(/*classes=*/true);
  EXPECT_EQ(predictor->target(), TargetKind::kClass);
  EXPECT_EQ(predictor->max_length(), 6);
  EXPECT_EQ(predictor->capacity().tokens, 16);
  // Five examples in more than one batch of three.
  const Predicted got =
      Run(*predictor,
          Feed(*predictor, {"w5", "w6", "w5 w6", "", "w5 w5 w5 w5 w5"}));
  EXPECT_THAT(got.texts,
              ElementsAre("w5", "w6", "w5 w6", "", "w5 w5 w5 w5 w5"));
  // The last one is cut to six tokens.
  EXPECT_THAT(got.logits, ElementsAre(10, 3, 11, 3, 16, 4, 5, 2, 25, 6));
  EXPECT_FLOAT_EQ(got.probabilities[4], 0.25f);
}

TEST_F(PredictorTest, PredictsScoresOfATable) {
  auto predictor = Open(/*classes=*/false);
  EXPECT_EQ(predictor->target(), TargetKind::kNumber);
  TableOptions columns;
  columns.pair_column = "other";
  auto table = predictor->OpenTable(
      files_, {WriteTable("text\tother\tlabel\nw5\tw6\t20\nw6\tw6\t0\n")},
      columns, /*labelled=*/true);
  ASSERT_TRUE(table.ok()) << table.status();
  MetricSet metrics(MetricsOf(predictor->target()), 1);
  const absl::Status status = predictor->Predict(
      FeedRows(**table),
      [&](const Examples& examples, int64_t i, const Prediction& prediction) {
        EXPECT_THAT(prediction.probabilities, IsEmpty());
        metrics.Add(OutcomeOf(examples, i, prediction.logits));
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  // Sums are 19 and 20: errors of 1 and 20.
  EXPECT_EQ(metrics.count(), 2);
  EXPECT_DOUBLE_EQ(metrics.Value(1).value(), (1.0 + 400.0) / 2);
}

TEST_F(PredictorTest, KnowsTheLabelsOfItsClasses) {
  auto predictor = Open(/*classes=*/true);
  auto table = predictor->OpenTable(
      files_, {WriteTable("text\tlabel\nw5\tlength\nw6\tother\n")}, {},
      /*labelled=*/true);
  ASSERT_TRUE(table.ok()) << table.status();
  Examples examples((*table)->schema());
  EXPECT_TRUE((*table)->Next(examples).value());
  EXPECT_EQ(examples.ints(/*column=*/2, 0)[0], 1);
  EXPECT_THAT(std::string((*table)->Next(examples).status().message()),
              HasSubstr("table.tsv:3: "));
}

// The second of two heads names its columns the other way round.
void AddHeads(ArtifactSpec& spec) {
  spec.entries.push_back(spec.entries[0]);
  spec.targets[0].programs.push_back(spec.targets[0].programs[0]);
  spec.entries[0].name = "predict_first";
  spec.entries[1].name = "predict_second";
  spec.heads = {
      {"logits", "classification", {"sum", "length"}, "predict_first"},
      {"logits", "classification", {"length", "sum"}, "predict_second"}};
}

TEST_F(PredictorTest, PredictsByTheHeadThatIsAskedFor) {
  const std::shared_ptr<const Artifact> artifact = Write(true, AddHeads);
  auto first = Predictor::Create(artifact, {"first"});
  auto second = Predictor::Create(artifact, {"second"});
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT((*first)->labels(), ElementsAre("sum", "length"));
  EXPECT_THAT((*second)->labels(), ElementsAre("length", "sum"));
  EXPECT_EQ((*second)->target(), TargetKind::kClass);
  EXPECT_THAT(Run(**second, Feed(**second, {"w6"})).logits,
              ElementsAreArray({11, 3}));
  EXPECT_THAT(PredictionEntries(artifact->spec()), ElementsAre(0, 1));
}

TEST_F(PredictorTest, AsksForAHeadThatThereIs) {
  const std::shared_ptr<const Artifact> artifact = Write(true, AddHeads);
  for (const char* head : {"", "third"}) {
    const absl::Status status = FindHead(*artifact, head).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("expects a head of first, second of "));
    EXPECT_EQ(Predictor::Create(artifact, {head}).status(), status);
  }
  EXPECT_THAT(std::string(FindHead(*Write(true), "first").status().message()),
              HasSubstr("expects no name, as the only head has none of "));
}

TEST_F(PredictorTest, ErrorsOfTheFeedComeAfterThePredictionsBefore) {
  auto predictor = Open(/*classes=*/true);
  absl::Status status;
  const Predicted got = Run(
      *predictor,
      Feed(*predictor, {"w5", "w5", "w5", "w5", "w6", "w6 w6 w6 w6 w6"}, true),
      &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "text 5: expects at most 6 tokens, got 7");
  EXPECT_EQ(got.texts.size(), 5u);
}

TEST_F(PredictorTest, AnErrorOfTheSinkEndsIt) {
  auto predictor = Open(/*classes=*/true);
  int64_t calls = 0;
  const absl::Status status =
      predictor->Predict(Feed(*predictor, {"w5", "w6"}),
                         [&](const Examples&, int64_t, const Prediction&) {
                           ++calls;
                           return absl::CancelledError("enough");
                         });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls, 1);
  // It predicts again afterwards.
  EXPECT_THAT(Run(*predictor, Feed(*predictor, {"w6"})).logits,
              ElementsAreArray({11, 3}));
}

TEST_F(PredictorTest, RefusesWhatCannotPredict) {
  const auto error = [&](const std::function<void(ArtifactSpec&)>& change) {
    return std::string(
        Predictor::Create(Write(true, change)).status().message());
  };
  EXPECT_THAT(error([](ArtifactSpec& spec) { spec.tokenizer.reset(); }),
              HasSubstr("expects a tokenizer of kind wordpiece, got none"));
  EXPECT_THAT(error([](ArtifactSpec& spec) { spec.tokenizer->kind = "bpe"; }),
              HasSubstr("expects a tokenizer of kind wordpiece, got bpe"));
  EXPECT_THAT(error([](ArtifactSpec& spec) { spec.entries[0].name = "x"; }),
              HasSubstr("predict"));
  EXPECT_THAT(
      error([](ArtifactSpec& spec) {
        for (ValueSpec& input : spec.entries[0].inputs)
          input.source = SourceKind::caller;
      }),
      HasSubstr("predict: expects inputs that say where their values come"));
  EXPECT_THAT(error([](ArtifactSpec& spec) {
                spec.streams.push_back({"other", kT, kS});
                spec.entries[0].inputs[1].source_index = 1;
              }),
              HasSubstr("expects inputs of one stream, got those of 2"));
}

TEST(TopClassesTest, LargestFirst) {
  EXPECT_THAT(TopClasses({0.1f, 0.4f, 0.4f, 0.1f}, 3), ElementsAre(1, 2, 0));
  EXPECT_THAT(TopClasses({0.5f, 0.5f}, 9), ElementsAre(0, 1));
}

}  // namespace
}  // namespace graft
