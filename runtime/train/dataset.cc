// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/dataset.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace graft {

void Dataset::Add(absl::Span<const int32_t> ids,
                  absl::Span<const int32_t> types, int32_t label, float score) {
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  types_.insert(types_.end(), types.begin(), types.end());
  offsets_.push_back(static_cast<int64_t>(ids_.size()));
  labels_.push_back(label);
  scores_.push_back(score);
}

absl::Span<const int32_t> Dataset::ids(int64_t example) const {
  return absl::MakeConstSpan(ids_).subspan(offsets_[example], length(example));
}

absl::Span<const int32_t> Dataset::types(int64_t example) const {
  return absl::MakeConstSpan(types_).subspan(offsets_[example],
                                             length(example));
}

BatchBounds MeasureBounds(const Dataset& dataset, int64_t batch_size) {
  BatchBounds bounds;
  bounds.sequences = std::min(batch_size, dataset.size());
  for (int64_t begin = 0; begin < dataset.size(); begin += batch_size) {
    int64_t end = std::min(begin + batch_size, dataset.size());
    int64_t tokens = 0;
    for (int64_t i = begin; i < end; ++i) tokens += dataset.length(i);
    bounds.tokens = std::max(bounds.tokens, tokens);
  }
  bounds.tokens = (bounds.tokens + 63) / 64 * 64;
  return bounds;
}

void PackedBatch::Reserve(const Dataset& dataset, const BatchBounds& bounds) {
  for (std::vector<int32_t>* tokens : {&ids, &types})
    tokens->reserve(bounds.tokens);
  for (std::vector<int32_t>* sequences : {&offsets, &ordinals, &labels})
    sequences->reserve(bounds.sequences + 1);
  scores.reserve(bounds.sequences);
  cached.clear();
  for (const CachedRows& rows : dataset.caches()) {
    cached.push_back({rows.name, rows.width, {}});
    cached.back().values.reserve(bounds.sequences * rows.width);
  }
}

absl::Status SplitBatch(const Dataset& dataset, absl::Span<const int64_t> order,
                        BatchRange batch, const BatchBounds& bounds,
                        std::vector<BatchRange>& pieces) {
  pieces.clear();
  BatchRange piece{batch.begin, batch.begin};
  int64_t tokens = 0;
  for (int64_t i = batch.begin; i < batch.end; ++i) {
    int64_t length = dataset.length(order[i]);
    if (length > bounds.tokens)
      return absl::InvalidArgumentError(
          absl::StrCat("expects examples of at most ", bounds.tokens,
                       " tokens, the program's bound, got ", length,
                       " in example ", order[i]));
    bool full =
        tokens + length > bounds.tokens || i - piece.begin >= bounds.sequences;
    if (full) {
      pieces.push_back(piece);
      piece.begin = i;
      tokens = 0;
    }
    tokens += length;
    piece.end = i + 1;
  }
  if (piece.end > piece.begin) pieces.push_back(piece);
  return absl::OkStatus();
}

namespace {

// The rows of `examples` in their order.
void PackRows(const CachedRows& rows, absl::Span<const int64_t> examples,
              CachedRows& packed) {
  packed.name = rows.name;
  packed.width = rows.width;
  packed.values.clear();
  for (int64_t example : examples) {
    const float* row = rows.values.data() + example * rows.width;
    packed.values.insert(packed.values.end(), row, row + rows.width);
  }
}

}  // namespace

void PackBatch(const Dataset& dataset, absl::Span<const int64_t> order,
               BatchRange piece, int64_t batch_begin, PackedBatch& packed) {
  for (std::vector<int32_t>* values :
       {&packed.ids, &packed.types, &packed.offsets, &packed.ordinals,
        &packed.labels})
    values->clear();
  packed.scores.clear();
  packed.cached.resize(dataset.caches().size());
  for (size_t c = 0; c < packed.cached.size(); ++c)
    PackRows(dataset.caches()[c],
             order.subspan(piece.begin, piece.end - piece.begin),
             packed.cached[c]);
  packed.offsets.push_back(0);
  for (int64_t i = piece.begin; i < piece.end; ++i) {
    int64_t example = order[i];
    absl::Span<const int32_t> ids = dataset.ids(example);
    absl::Span<const int32_t> types = dataset.types(example);
    packed.ids.insert(packed.ids.end(), ids.begin(), ids.end());
    packed.types.insert(packed.types.end(), types.begin(), types.end());
    packed.offsets.push_back(static_cast<int32_t>(packed.ids.size()));
    packed.ordinals.push_back(static_cast<int32_t>(i - batch_begin));
    packed.labels.push_back(dataset.label(example));
    packed.scores.push_back(dataset.score(example));
  }
}

}  // namespace graft
