// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Predicts with a trained artifact: texts or rows of a table in, labels with
// probabilities or scores out.

#ifndef GRAFT_RUNTIME_PREDICT_PREDICTOR_H_
#define GRAFT_RUNTIME_PREDICT_PREDICTOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/artifact.h"
#include "runtime/base/file.h"
#include "runtime/binding/entry.h"
#include "runtime/data/example_table.h"
#include "runtime/data/examples.h"
#include "runtime/data/label_map.h"
#include "runtime/executor/instance.h"
#include "runtime/metrics/metric.h"
#include "runtime/tokenize/tokenizer.h"

namespace graft {

// What the model computed for one example; borrowed from the program's memory,
// valid while the sink runs.
struct Prediction {
  absl::Span<const float> logits;  // [classes], or [1]: the score
  // [classes]; empty for a regression. Of sets each label's own.
  absl::Span<const float> probabilities;
  const HeadSpec* head = nullptr;  // which of several answered
};

// Takes the prediction of example `i` of `examples`. An error of it ends the
// prediction and is returned.
using PredictionSink = std::function<absl::Status(
    const Examples& examples, int64_t i, const Prediction& prediction)>;

// Most tokens of one example that every entry of the artifact takes.
int64_t MaxLength(const Artifact& artifact);

// The head `name` of the artifact; the only one if `name` is empty. An artifact
// without any has that of a regression by the entry "predict".
// INVALID_ARGUMENT: there is no such head, or there are several.
absl::StatusOr<HeadSpec> FindHead(const Artifact& artifact,
                                  absl::string_view name);

// What a head predicts.
TargetKind TargetOf(const HeadSpec& head);

// Which head answers. With `of_rows` each row of a table says so, of an
// artifact whose heads are of one entry, such as one of several adapters.
struct HeadChoice {
  std::string name;  // empty: the only one
  bool of_rows = false;
};

// A sentence about parameters of the artifact that have no values but those
// that a training begins with; empty if there are none.
std::string DescribeUntrained(const Artifact& artifact);

// How tables are read for the artifact's model: by the columns that `given`
// names, or else by those of its training, or of TableOptions. Weights of rows
// and soft targets are of a training alone.
TableOptions AsTrained(const ArtifactSpec& spec, TableOptions given);

// The classes of the largest probabilities, at most `count` of them, largest
// first; of equal ones the lower class first.
std::vector<size_t> TopClasses(absl::Span<const float> probabilities,
                               size_t count);

// The labels of a set that are predicted (IsPredicted), as TopClasses orders
// them.
std::vector<size_t> PredictedSet(absl::Span<const float> logits);

// An artifact ready to predict, with an instance of its own.
//
// Thread contract: const methods may run concurrently, with each other and with
// one call of Predict; Predict itself is for one thread at a time. A server
// that predicts several batches at once opens one predictor for each: they
// share the artifact, its mapped weights and its device, and each has an arena
// of its own.
class Predictor {
 public:
  // For the head that is chosen, on the device that the artifact was loaded
  // for. NOT_FOUND: the artifact has no entry that predicts. INVALID_ARGUMENT:
  // it lacks its sizes, or a tokenizer of texts that it takes, or has no heads
  // for rows to choose from; else errors of FindHead and Instance::Create.
  static absl::StatusOr<std::unique_ptr<Predictor>> Create(
      std::shared_ptr<const Artifact> artifact, const HeadChoice& choice = {});

  // What Create says of a choice that the artifact does not have.
  static absl::Status CheckHead(const Artifact& artifact,
                                const HeadChoice& choice);

  // Sets the most tokens of one example, at least 1, instead of those of the
  // training. INVALID_ARGUMENT: the program does not take as many.
  absl::Status SetMaxLength(int64_t tokens);

  Predictor(const Predictor&) = delete;
  Predictor& operator=(const Predictor&) = delete;

  // The head that answers; the first where rows choose.
  const HeadSpec& head() const { return heads_[chosen_]; }
  bool heads_of_rows() const { return of_rows_; }
  // Names of the classes of that head; empty for a regression.
  const std::vector<std::string>& labels() const { return head().labels; }
  TargetKind target() const { return TargetOf(head()); }
  // Whether it reads texts, and how many numbers of each row it reads.
  bool takes_texts() const { return takes_texts_; }
  int64_t features() const { return features_; }
  // Of a model that takes texts.
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  // Tokens of one example, and of one launch, at most.
  int64_t max_length() const { return max_length_; }
  const BatchCapacity& capacity() const { return capacity_; }
  // Whether the model was trained on pairs of texts; unset where the artifact
  // does not say.
  std::optional<bool> takes_pairs() const;

  // The columns of examples that AddText appends to.
  Schema text_schema() const;
  // Appends a text, or a pair, to examples of text_schema, and says whether it
  // was too long and cut; with `strict` that is INVALID_ARGUMENT. Errors begin
  // with what `where` returns, which is kept in the example with `row` and the
  // text.
  absl::StatusOr<bool> AddText(absl::string_view text,
                               std::optional<absl::string_view> pair,
                               bool strict, int64_t row,
                               absl::FunctionRef<std::string()> where,
                               Examples& examples) const;

  // Opens a table of texts, features or both for this model, by AsTrained of
  // `columns`, and of labels for its target if `labelled`; otherwise examples
  // keep their texts. Where rows choose their heads, `head_column` has the
  // names.
  // The table borrows this predictor. Errors are those of ExampleTable::Open.
  // `kept` columns stay with the examples, too.
  absl::StatusOr<std::unique_ptr<ExampleTable>> OpenTable(
      FileSystem& files, const std::vector<std::string>& paths,
      const TableOptions& columns, bool labelled,
      std::vector<std::string> kept = {},
      const std::string& head_column = {}) const;

  // Predicts the examples of `next` in their order, in the largest batches that
  // fit the capacity; `sink` gets one prediction at a time, in the calling
  // thread. `next` is called ahead, in another thread, until it returns false.
  // Errors of `next` come after the predictions before them. DATA_LOSS: what
  // the model computes of an example is infinite or NaN; Examples::where of it
  // is named.
  absl::Status Predict(ExampleFeed next, const PredictionSink& sink);

 private:
  Predictor() = default;

  // Finds the heads that share the entry of the one that is chosen.
  absl::Status FindHeads(const Artifact& artifact, const HeadChoice& choice);
  // The values of head `index` for example `i` of the last call, of `examples`.
  Prediction PredictionOf(size_t index, int64_t i, int64_t examples) const;
  // Sets the tokenizer, and the length that texts are cut to.
  absl::Status FindTokenizer();

  std::shared_ptr<const Artifact> artifact_;
  std::vector<HeadSpec> heads_;  // of one entry, in the order of the artifact
  size_t chosen_ = 0;
  bool of_rows_ = false;
  bool chooses_ = false;  // whether examples say which head answers
  std::unique_ptr<Instance> instance_;
  std::optional<EntryCaller> entry_;
  bool takes_texts_ = false;
  int64_t features_ = 0;
  std::unique_ptr<Tokenizer> tokenizer_;  // null without texts
  LabelMap label_map_;
  int64_t max_length_ = 0;
  BatchCapacity capacity_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_PREDICT_PREDICTOR_H_
