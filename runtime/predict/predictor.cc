// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/predict/predictor.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "runtime/base/status_macros.h"
#include "runtime/binding/run_batches.h"
#include "runtime/formats/config.h"
#include "runtime/metrics/classification.h"
#include "runtime/tokenize/registry.h"

namespace graft {
namespace {

constexpr size_t kShown = 3;  // numbers in a message

bool AllFinite(absl::Span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

}  // namespace

int64_t MaxLength(const Artifact& artifact) {
  const ArtifactSpec& spec = artifact.spec();
  int64_t limit = kMaxPositions;
  for (const StreamSpec& stream : spec.streams)
    if (stream.tokens >= 0)
      limit = std::min(limit, spec.sizes[stream.tokens].bound);
  for (const EntrySpec& entry : spec.entries)
    for (const ValueSpec& input : entry.inputs)
      if (input.kind == ValueKind::segments && input.limit > 0)
        limit = std::min(limit, input.limit);
  return limit;
}

absl::StatusOr<HeadSpec> FindHead(const Artifact& artifact,
                                  absl::string_view name) {
  const std::vector<HeadSpec>& heads = artifact.spec().heads;
  std::vector<absl::string_view> names;
  for (const HeadSpec& head : heads) {
    if (!name.empty() && HeadName(head) == name) return head;
    if (!HeadName(head).empty()) names.push_back(HeadName(head));
  }
  if (name.empty() && heads.size() < 2)
    return heads.empty() ? HeadSpec{std::string(kLogits), "regression", {}}
                         : heads.front();
  return absl::InvalidArgumentError(absl::StrCat(
      "expects ",
      names.empty() ? "no name, as the only head has none"
                    : absl::StrCat("a head of ", absl::StrJoin(names, ", ")),
      " of ", artifact.path(), ", got ", name.empty() ? "none" : name));
}

TargetKind TargetOf(const HeadSpec& head) {
  if (head.task == "multi_label") return TargetKind::kSet;
  return head.task == "regression" ? TargetKind::kNumber : TargetKind::kClass;
}

std::string DescribeUntrained(const Artifact& artifact) {
  std::vector<absl::string_view> names;
  for (const SlotSpec& slot : artifact.spec().slots)
    if (slot.is_parameter() && !slot.initial.empty())
      names.push_back(slot.name);
  if (names.empty()) return "";
  const std::string more =
      names.size() == 1 ? " has"
                        : absl::StrCat(" and ", names.size() - 1, " more have");
  return absl::StrCat(artifact.path(), " was never trained: ", names.front(),
                      more,
                      " no values yet; graft finetune writes a model.graft");
}

TableOptions AsTrained(const ArtifactSpec& spec, TableOptions given) {
  const DataSettingsSpec trained = spec.data.value_or(DataSettingsSpec());
  const auto choose = [](const std::string& column, std::string& choice) {
    if (choice.empty()) choice = column;
  };
  const TableOptions usual;
  choose(trained.text_column, given.text_column);
  choose(usual.text_column, given.text_column);
  if (given.feature_columns.empty())
    given.feature_columns = trained.feature_columns;
  choose(trained.pair_column, given.pair_column);
  choose(trained.label_column, given.label_column);
  choose(usual.label_column, given.label_column);
  given.weight_column.clear();
  given.soft_column.clear();
  return given;
}

std::vector<size_t> TopClasses(absl::Span<const float> probabilities,
                               size_t count) {
  std::vector<size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return probabilities[a] != probabilities[b]
               ? probabilities[a] > probabilities[b]
               : a < b;
  });
  order.resize(std::min(order.size(), count));
  return order;
}

std::vector<size_t> PredictedSet(absl::Span<const float> logits) {
  const int64_t count =
      std::count_if(logits.begin(), logits.end(), IsPredicted);
  return TopClasses(logits, static_cast<size_t>(count));
}

absl::StatusOr<std::unique_ptr<Predictor>> Predictor::Create(
    std::shared_ptr<const Artifact> artifact, const HeadChoice& choice) {
  std::unique_ptr<Predictor> self(new Predictor);
  self->artifact_ = std::move(artifact);
  const Artifact& program = *self->artifact_;
  GRAFT_RETURN_IF_ERROR(self->FindHeads(program, choice));
  const std::string& entry = self->head().entry;
  GRAFT_ASSIGN_OR_RETURN(
      self->instance_, Instance::Create(self->artifact_, {.training = false}));
  GRAFT_ASSIGN_OR_RETURN(self->entry_,
                         EntryCaller::Create(*self->instance_, entry));
  GRAFT_ASSIGN_OR_RETURN(const size_t predict, program.FindEntry(entry));
  GRAFT_ASSIGN_OR_RETURN(const uint32_t stream, OnlyStream(program, predict));
  self->capacity_ =
      StreamCapacity(program.spec(), program.spec().streams[stream]);
  for (const ColumnSpec& column : self->entry_->columns(stream)) {
    if (column.name == kHeadsColumn) self->chooses_ = true;
    if (column.name == kFeaturesColumn)
      self->features_ = column.width;
    else
      self->takes_texts_ = true;
  }
  self->max_length_ = MaxLength(program);
  if (self->takes_texts_) GRAFT_RETURN_IF_ERROR(self->FindTokenizer());
  GRAFT_ASSIGN_OR_RETURN(self->label_map_,
                         LabelMap::FromLabels(self->labels()));
  return self;
}

absl::Status Predictor::CheckHead(const Artifact& artifact,
                                  const HeadChoice& choice) {
  return Predictor().FindHeads(artifact, choice);
}

absl::Status Predictor::FindHeads(const Artifact& artifact,
                                  const HeadChoice& choice) {
  const std::vector<HeadSpec>& all = artifact.spec().heads;
  HeadSpec chosen;
  if (choice.of_rows && !all.empty()) {
    chosen = all.front();
  } else {
    GRAFT_ASSIGN_OR_RETURN(chosen, FindHead(artifact, choice.name));
  }
  for (const HeadSpec& head : all)
    if (head.entry == chosen.entry) heads_.push_back(head);
  if (heads_.empty()) heads_.push_back(chosen);
  of_rows_ = choice.of_rows;
  if (of_rows_ && (heads_.size() < 2 || heads_.size() < all.size()))
    return absl::InvalidArgumentError(absl::StrCat(
        "expects heads of one program, as of several adapters, got ",
        artifact.path(),
        all.size() < 2 ? ", which has one"
                       : ", whose heads are programs of their own"));
  while (heads_[chosen_].name != chosen.name) ++chosen_;
  chooses_ = heads_.size() > 1;
  return absl::OkStatus();
}

Schema Predictor::text_schema() const {
  if (!chooses_) return TextSchema();
  return TextSchema(
      {{std::string(kHeadsColumn), DType::kI32, ColumnSpec::Per::kToken}});
}

absl::Status Predictor::FindTokenizer() {
  const Artifact& program = *artifact_;
  GRAFT_ASSIGN_OR_RETURN(tokenizer_,
                         TokenizerFromArtifact(program.spec(), program.path()));
  const auto& data = program.spec().data;
  const int64_t asked = data && data->max_length > 0 ? data->max_length
                                                     : tokenizer_->max_length();
  if (asked > 0) max_length_ = std::min(max_length_, asked);
  return absl::OkStatus();
}

absl::Status Predictor::SetMaxLength(int64_t tokens) {
  const int64_t most = MaxLength(*artifact_);
  if (tokens > most)
    return absl::InvalidArgumentError(
        absl::StrCat(artifact_->path(), ": expects texts of at most ", most,
                     " tokens, for which it was compiled, got ", tokens));
  max_length_ = tokens;
  return absl::OkStatus();
}

std::optional<bool> Predictor::takes_pairs() const {
  const auto& data = artifact_->spec().data;
  if (!data) return std::nullopt;
  return !data->pair_column.empty();
}

absl::StatusOr<bool> Predictor::AddText(absl::string_view text,
                                        std::optional<absl::string_view> pair,
                                        bool strict, int64_t row,
                                        absl::FunctionRef<std::string()> where,
                                        Examples& examples) const {
  Encoding encoding;
  GRAFT_RETURN_IF_ERROR(EncodeText(*tokenizer_, text, pair, max_length_, strict,
                                   where, encoding));
  examples.Add(encoding.ids, encoding.type_ids, row, text);
  if (chooses_) {
    const size_t column = *examples.schema().Find(kHeadsColumn);
    for (int32_t& head : examples.mutable_ints(column, examples.size() - 1))
      head = static_cast<int32_t>(chosen_);
  }
  if (pair) examples.SetPair(*pair);
  examples.SetWhere(where());
  return encoding.truncated();
}

absl::StatusOr<std::unique_ptr<ExampleTable>> Predictor::OpenTable(
    FileSystem& files, const std::vector<std::string>& paths,
    const TableOptions& columns, bool labelled, std::vector<std::string> kept,
    const std::string& head_column) const {
  ExampleOptions options;
  options.table = AsTrained(artifact_->spec(), columns);
  options.texts = takes_texts_;
  std::vector<std::string>& features = options.table.feature_columns;
  if (features_ == 0) features.clear();
  if (static_cast<int64_t>(features.size()) != features_)
    return absl::InvalidArgumentError(
        absl::StrCat("--features: expects ", features_, " columns, as many as ",
                     artifact_->path(), " reads, got ", features.size()));
  if (labelled)
    options.labels =
        target() == TargetKind::kClass ? ExampleOptions::Labels::kClasses
        : target() == TargetKind::kSet ? ExampleOptions::Labels::kSets
                                       : ExampleOptions::Labels::kScores;
  options.set_labels = static_cast<int64_t>(labels().size());
  if (chooses_) {
    for (const HeadSpec& head : heads_)
      options.heads.names.emplace_back(HeadName(head));
    options.heads.column = head_column;
    options.heads.all = static_cast<int32_t>(chosen_);
  }
  options.max_length = max_length_;
  options.keep_texts = !labelled;
  options.keep_where = true;
  options.keep_columns = std::move(kept);
  return ExampleTable::Open(files, paths, tokenizer_.get(), &label_map_,
                            options);
}

Prediction Predictor::PredictionOf(size_t index, int64_t i,
                                   int64_t examples) const {
  const HeadSpec& head = heads_[index];
  const auto row = [&](const std::string& name) {
    const absl::Span<const float> all = entry_->Output(name);
    const size_t width = all.size() / static_cast<size_t>(examples);
    return all.subspan(static_cast<size_t>(i) * width, width);
  };
  return {
      row(head.name),
      row(absl::StrCat("probabilities", absl::StripPrefix(head.name, kLogits))),
      &head};
}

absl::Status Predictor::Predict(ExampleFeed next, const PredictionSink& sink) {
  const std::optional<size_t> heads = next.schema.Find(kHeadsColumn);
  return RunBatches(
      *entry_, capacity_, std::move(next),
      [&](const Examples& examples) -> absl::Status {
        for (int64_t i = 0; i < examples.size(); ++i) {
          size_t index = chosen_;
          if (of_rows_)
            index = static_cast<size_t>(examples.ints(*heads, i).front());
          const Prediction prediction = PredictionOf(index, i, examples.size());
          if (!AllFinite(prediction.logits))
            return absl::DataLossError(absl::StrCat(
                examples.where(i), ": expects finite results of ",
                artifact_->path(), ", got ",
                absl::StrJoin(prediction.logits.first(
                                  std::min(prediction.logits.size(), kShown)),
                              ", ")));
          GRAFT_RETURN_IF_ERROR(sink(examples, i, prediction));
        }
        return absl::OkStatus();
      });
}

}  // namespace graft
