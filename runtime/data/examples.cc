// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/examples.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace graft {

Schema TextSchema(std::vector<ColumnSpec> more) {
  std::vector<ColumnSpec> columns = {
      {std::string(kIdsColumn), DType::kI32, ColumnSpec::Per::kToken},
      {std::string(kTypesColumn), DType::kI32, ColumnSpec::Per::kToken}};
  std::move(more.begin(), more.end(), std::back_inserter(columns));
  return Schema(std::move(columns));
}

void Examples::Reserve(int64_t examples, int64_t tokens) {
  columns_.Reserve(examples, tokens);
  offsets_.reserve(examples + 1);
  rows_.reserve(examples);
  texts_.ends.reserve(examples);
}

uint64_t Examples::Bytes(const Schema& schema, int64_t examples,
                         int64_t tokens) {
  constexpr int64_t kExample =
      sizeof(offsets_[0]) + sizeof(rows_[0]) + sizeof(texts_.ends[0]);
  return Columns::Bytes(schema, examples, tokens) +
         static_cast<uint64_t>(examples * kExample);
}

void Examples::Clear() {
  columns_.Clear();
  offsets_.resize(1);
  rows_.clear();
  texts_.Resize(0);
  wheres_.Resize(0);
  pairs_.Resize(0);
  kept_.Resize(0);
}

// `example` must be behind those that have a text.
void Examples::Texts::Set(int64_t example, absl::string_view text) {
  ends.resize(example, all.size());
  all.append(text.data(), text.size());
  ends.push_back(all.size());
}

void Examples::Texts::Resize(int64_t examples) {
  if (examples >= static_cast<int64_t>(ends.size())) return;
  ends.resize(examples);
  all.resize(ends.empty() ? 0 : ends.back());
}

absl::string_view Examples::Texts::operator[](int64_t example) const {
  if (example >= static_cast<int64_t>(ends.size())) return "";
  const size_t begin = example == 0 ? 0 : ends[example - 1];
  return absl::string_view(all).substr(begin, ends[example] - begin);
}

void Examples::SetWhere(absl::string_view where) {
  wheres_.Set(size() - 1, where);
}

void Examples::SetPair(absl::string_view text) { pairs_.Set(size() - 1, text); }

void Examples::SetKept(absl::string_view json) { kept_.Set(size() - 1, json); }

void Examples::AddRow(int64_t length, int64_t row, absl::string_view text) {
  offsets_.push_back(offsets_.back() + length);
  rows_.push_back(row);
  texts_.Set(size() - 1, text);
}

void Examples::Add(int64_t length, int64_t row, absl::string_view text) {
  AddRow(length, row, text);
  columns_.Resize(size(), tokens());
}

void Examples::Add(absl::Span<const int32_t> ids,
                   absl::Span<const int32_t> types, int64_t row,
                   absl::string_view text) {
  Add(static_cast<int64_t>(ids.size()), row, text);
  std::copy(ids.begin(), ids.end(), mutable_ints(kIds, size() - 1).begin());
  std::copy(types.begin(), types.end(),
            mutable_ints(kTypes, size() - 1).begin());
}

void Examples::Add(const Examples& other, int64_t i) {
  columns_.Append(other.columns_, {i, i + 1}, other.TokensOf({i, i + 1}));
  AddRow(other.length(i), other.row(i), other.text(i));
  if (!other.where(i).empty()) SetWhere(other.where(i));
  if (!other.pair(i).empty()) SetPair(other.pair(i));
  if (!other.kept(i).empty()) SetKept(other.kept(i));
}

void Examples::RemoveLast() {
  offsets_.pop_back();
  rows_.pop_back();
  texts_.Resize(size());
  wheres_.Resize(size());
  pairs_.Resize(size());
  kept_.Resize(size());
  columns_.Resize(size(), tokens());
}

BatchRange Examples::ValuesOf(size_t column, int64_t example) const {
  const ColumnSpec& spec = schema().columns()[column];
  const BatchRange range = spec.per == ColumnSpec::Per::kToken
                               ? TokensOf({example, example + 1})
                               : BatchRange{example, example + 1};
  return {range.begin * spec.width, range.end * spec.width};
}

double SumColumn(const Examples& examples, size_t column) {
  double sum = 0;
  for (const float value : examples.columns().floats(column)) sum += value;
  return sum;
}

void CapacityMeter::Add(int64_t tokens) {
  if (sequences_ == batch_size_) sequences_ = tokens_ = 0;
  ++sequences_;
  tokens_ += tokens;
  most_.sequences = std::max(most_.sequences, sequences_);
  most_.tokens = std::max(most_.tokens, tokens_);
  // The shortest of the longest comes first.
  longest_.push_back(tokens);
  std::push_heap(longest_.begin(), longest_.end(), std::greater<>());
  longest_tokens_ += tokens;
  if (static_cast<int64_t>(longest_.size()) <= batch_size_) return;
  std::pop_heap(longest_.begin(), longest_.end(), std::greater<>());
  longest_tokens_ -= longest_.back();
  longest_.pop_back();
}

BatchCapacity CapacityMeter::capacity() const {
  return {(most_.tokens + 63) / 64 * 64, most_.sequences};
}

BatchCapacity CapacityMeter::any_order() const {
  return {(longest_tokens_ + 63) / 64 * 64, most_.sequences};
}

void PackedBatch::Reserve(const Schema& schema,
                          absl::Span<const CachedRows> caches,
                          const BatchCapacity& capacity) {
  columns = Columns(schema);
  columns.Reserve(capacity.sequences, capacity.tokens);
  for (std::vector<int32_t>* sequences : {&offsets, &ordinals}) {
    sequences->clear();
    sequences->reserve(capacity.sequences + 1);
  }
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
  packed.values.clear();
  for (int64_t i = micro_batch.begin; i < micro_batch.end; ++i) {
    const int64_t place = rows.of_batch ? i : batch.row(i);
    const float* row = rows.data() + place * rows.width;
    packed.values.insert(packed.values.end(), row, row + rows.width);
  }
}

}  // namespace

void PackBatch(const Examples& batch, BatchRange micro_batch,
               absl::Span<const CachedRows> caches, PackedBatch& packed) {
  packed.columns.Clear();
  packed.columns.Append(batch.columns(), micro_batch,
                        batch.TokensOf(micro_batch));
  for (size_t c = 0; c < packed.cached.size(); ++c)
    PackRows(caches[c], batch, micro_batch, packed.cached[c]);
  packed.offsets.assign(1, 0);
  packed.ordinals.clear();
  for (int64_t i = micro_batch.begin; i < micro_batch.end; ++i) {
    packed.offsets.push_back(packed.offsets.back() +
                             static_cast<int32_t>(batch.length(i)));
    packed.ordinals.push_back(static_cast<int32_t>(i));
  }
}

}  // namespace graft
