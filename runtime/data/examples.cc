// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/examples.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace graft {

void Examples::Reserve(int64_t examples, int64_t tokens) {
  ids_.reserve(tokens);
  types_.reserve(tokens);
  offsets_.reserve(examples + 1);
  labels_.reserve(examples);
  scores_.reserve(examples);
  rows_.reserve(examples);
  text_ends_.reserve(examples);
}

uint64_t Examples::Bytes(int64_t examples, int64_t tokens) {
  constexpr int64_t kToken = sizeof(ids_[0]) + sizeof(types_[0]);
  constexpr int64_t kExample = sizeof(offsets_[0]) + sizeof(labels_[0]) +
                               sizeof(scores_[0]) + sizeof(rows_[0]) +
                               sizeof(text_ends_[0]);
  return static_cast<uint64_t>(tokens * kToken + examples * kExample);
}

void Examples::Clear() {
  ids_.clear();
  types_.clear();
  offsets_.resize(1);
  labels_.clear();
  scores_.clear();
  rows_.clear();
  text_.clear();
  text_ends_.clear();
}

void Examples::Add(absl::Span<const int32_t> ids,
                   absl::Span<const int32_t> types, int32_t label, float score,
                   int64_t row, absl::string_view text) {
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  types_.insert(types_.end(), types.begin(), types.end());
  offsets_.push_back(static_cast<int64_t>(ids_.size()));
  labels_.push_back(label);
  scores_.push_back(score);
  rows_.push_back(row);
  text_.append(text.data(), text.size());
  text_ends_.push_back(text_.size());
}

void Examples::Add(const Examples& other, int64_t i) {
  Add(other.ids(i), other.types(i), other.label(i), other.score(i),
      other.row(i), other.text(i));
}

void Examples::RemoveLast() {
  offsets_.pop_back();
  ids_.resize(offsets_.back());
  types_.resize(offsets_.back());
  labels_.pop_back();
  scores_.pop_back();
  rows_.pop_back();
  text_ends_.pop_back();
  text_.resize(text_ends_.empty() ? 0 : text_ends_.back());
}

absl::Span<const int32_t> Examples::ids(int64_t example) const {
  return absl::MakeConstSpan(ids_).subspan(offsets_[example], length(example));
}

absl::Span<const int32_t> Examples::types(int64_t example) const {
  return absl::MakeConstSpan(types_).subspan(offsets_[example],
                                             length(example));
}

absl::string_view Examples::text(int64_t example) const {
  const size_t begin = example == 0 ? 0 : text_ends_[example - 1];
  return absl::string_view(text_).substr(begin, text_ends_[example] - begin);
}

void CapacityMeter::Add(int64_t tokens) {
  if (sequences_ == batch_size_) sequences_ = tokens_ = 0;
  ++sequences_;
  tokens_ += tokens;
  most_.sequences = std::max(most_.sequences, sequences_);
  most_.tokens = std::max(most_.tokens, tokens_);
}

BatchCapacity CapacityMeter::capacity() const {
  return {(most_.tokens + 63) / 64 * 64, most_.sequences};
}

void PackedBatch::Reserve(absl::Span<const CachedRows> caches,
                          const BatchCapacity& capacity) {
  for (std::vector<int32_t>* tokens : {&ids, &types})
    tokens->reserve(capacity.tokens);
  for (std::vector<int32_t>* sequences : {&offsets, &ordinals, &labels})
    sequences->reserve(capacity.sequences + 1);
  scores.reserve(capacity.sequences);
  cached.clear();
  for (const CachedRows& rows : caches) {
    cached.push_back({rows.name, rows.width, {}});
    cached.back().values.reserve(capacity.sequences * rows.width);
  }
}

absl::Status SplitBatch(const Examples& batch, const BatchCapacity& capacity,
                        std::vector<BatchRange>& micro_batches) {
  micro_batches.clear();
  BatchRange micro_batch;
  int64_t tokens = 0;
  for (int64_t i = 0; i < batch.size(); ++i) {
    int64_t length = batch.length(i);
    if (length > capacity.tokens)
      return absl::InvalidArgumentError(
          absl::StrCat("expects examples of at most ", capacity.tokens,
                       " tokens, the program's capacity, got ", length,
                       " in example ", batch.row(i)));
    bool full = tokens + length > capacity.tokens ||
                i - micro_batch.begin >= capacity.sequences;
    if (full) {
      micro_batches.push_back(micro_batch);
      micro_batch.begin = i;
      tokens = 0;
    }
    tokens += length;
    micro_batch.end = i + 1;
  }
  if (micro_batch.end > micro_batch.begin) micro_batches.push_back(micro_batch);
  return absl::OkStatus();
}

namespace {

// The rows of `micro_batch` in its order.
void PackRows(const CachedRows& rows, const Examples& batch,
              BatchRange micro_batch, CachedRows& packed) {
  packed.name = rows.name;
  packed.width = rows.width;
  packed.values.clear();
  for (int64_t i = micro_batch.begin; i < micro_batch.end; ++i) {
    const float* row = rows.values.data() + batch.row(i) * rows.width;
    packed.values.insert(packed.values.end(), row, row + rows.width);
  }
}

}  // namespace

void PackBatch(const Examples& batch, BatchRange micro_batch,
               absl::Span<const CachedRows> caches, PackedBatch& packed) {
  for (std::vector<int32_t>* values :
       {&packed.ids, &packed.types, &packed.offsets, &packed.ordinals,
        &packed.labels})
    values->clear();
  packed.scores.clear();
  packed.cached.resize(caches.size());
  for (size_t c = 0; c < packed.cached.size(); ++c)
    PackRows(caches[c], batch, micro_batch, packed.cached[c]);
  packed.offsets.push_back(0);
  for (int64_t i = micro_batch.begin; i < micro_batch.end; ++i) {
    absl::Span<const int32_t> ids = batch.ids(i);
    absl::Span<const int32_t> types = batch.types(i);
    packed.ids.insert(packed.ids.end(), ids.begin(), ids.end());
    packed.types.insert(packed.types.end(), types.begin(), types.end());
    packed.offsets.push_back(static_cast<int32_t>(packed.ids.size()));
    packed.ordinals.push_back(static_cast<int32_t>(i));
    packed.labels.push_back(batch.label(i));
    packed.scores.push_back(batch.score(i));
  }
}

}  // namespace graft
