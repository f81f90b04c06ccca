// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tokenised examples, where they come from, and how they become packed batches.

#ifndef GRAFT_RUNTIME_DATA_EXAMPLES_H_
#define GRAFT_RUNTIME_DATA_EXAMPLES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/data/columns.h"

namespace graft {

// Names of the columns of tables.
inline constexpr absl::string_view kIdsColumn = "ids";
inline constexpr absl::string_view kTypesColumn = "types";
inline constexpr absl::string_view kHeadsColumn = "adapters";
inline constexpr absl::string_view kLabelsColumn = "labels";
inline constexpr absl::string_view kWeightsColumn = "weights";
inline constexpr absl::string_view kFeaturesColumn = "features";
inline constexpr absl::string_view kSoftColumn = "soft";
inline constexpr absl::string_view kMultiHotColumn = "multi_hot";

// Of texts with several heads kHeadsColumn (I32 per token) has the index of the
// head that answers, which is that of the adapters that compute it.

// Numbers of the columns that each source of texts begins with.
inline constexpr size_t kIds = 0, kTypes = 1;

// Class of an example without a label. Programs leave such examples out of the
// loss of labels.
inline constexpr int32_t kNoLabel = -100;

// The columns of tokenised texts: "ids" and "types", I32 per token, and `more`
// behind them.
Schema TextSchema(std::vector<ColumnSpec> more = {});

// Examples end to end, such as those of a batch. Clear keeps the memory for the
// next ones. Thread-compatible.
class Examples {
 public:
  Examples() = default;  // without columns
  explicit Examples(Schema schema) : columns_(std::move(schema)) {}

  // Reserves memory, so that adding so many examples allocates for texts only.
  void Reserve(int64_t examples, int64_t tokens);
  // Bytes that Reserve takes.
  static uint64_t Bytes(const Schema& schema, int64_t examples, int64_t tokens);
  void Clear();

  // Appends one example of `length` tokens, none without a text, whose values
  // are zero. `row` is the example's number in its source, `text` the text it
  // was made of, where a caller shows it.
  void Add(int64_t length, int64_t row, absl::string_view text = "");
  // Appends one example of a schema that begins as TextSchema does; `types` has
  // as many values as `ids`.
  void Add(absl::Span<const int32_t> ids, absl::Span<const int32_t> types,
           int64_t row, absl::string_view text = "");
  // Appends example `i` of `other`, which has the same columns.
  void Add(const Examples& other, int64_t i);
  // There must be one.
  void RemoveLast();
  // Says where the last example is from, such as "path:line", for messages.
  void SetWhere(absl::string_view where);
  // The second text that the last example was made of.
  void SetPair(absl::string_view text);
  // What else of the row of the last example a caller shows: a JSON object.
  void SetKept(absl::string_view json);

  int64_t size() const { return static_cast<int64_t>(rows_.size()); }
  int64_t tokens() const { return offsets_.back(); }
  int64_t length(int64_t example) const {
    return offsets_[example + 1] - offsets_[example];
  }
  int64_t row(int64_t example) const { return rows_[example]; }
  absl::string_view text(int64_t example) const { return texts_[example]; }
  // Empty unless SetWhere, SetPair and SetKept were called.
  absl::string_view where(int64_t example) const { return wheres_[example]; }
  absl::string_view pair(int64_t example) const { return pairs_[example]; }
  absl::string_view kept(int64_t example) const { return kept_[example]; }
  // The tokens of these examples.
  BatchRange TokensOf(BatchRange examples) const {
    return {offsets_[examples.begin], offsets_[examples.end]};
  }

  const Schema& schema() const { return columns_.schema(); }
  // All values, also those of one example.
  const Columns& columns() const { return columns_; }
  absl::Span<const int32_t> ints(size_t column, int64_t example) const {
    const BatchRange values = ValuesOf(column, example);
    return columns_.ints(column).subspan(values.begin,
                                         values.end - values.begin);
  }
  absl::Span<int32_t> mutable_ints(size_t column, int64_t example) {
    const BatchRange values = ValuesOf(column, example);
    return columns_.mutable_ints(column).subspan(values.begin,
                                                 values.end - values.begin);
  }
  absl::Span<const float> floats(size_t column, int64_t example) const {
    const BatchRange values = ValuesOf(column, example);
    return columns_.floats(column).subspan(values.begin,
                                           values.end - values.begin);
  }
  absl::Span<float> mutable_floats(size_t column, int64_t example) {
    const BatchRange values = ValuesOf(column, example);
    return columns_.mutable_floats(column).subspan(values.begin,
                                                   values.end - values.begin);
  }

 private:
  // A text of each of the first examples, end to end; those of others are
  // empty.
  struct Texts {
    void Set(int64_t example, absl::string_view text);
    void Resize(int64_t examples);
    absl::string_view operator[](int64_t example) const;

    std::string all;
    std::vector<size_t> ends;
  };

  // Where the values of an example lie in a column.
  BatchRange ValuesOf(size_t column, int64_t example) const;
  // Appends all but the values.
  void AddRow(int64_t length, int64_t row, absl::string_view text);

  Columns columns_;
  std::vector<int64_t> offsets_ = {0};
  std::vector<int64_t> rows_;
  Texts texts_, wheres_, pairs_, kept_;
};

// The sum of the F32 column `column`, in the order of the examples.
double SumColumn(const Examples& examples, size_t column);

// Examples by number, in memory or in a file. Thread-compatible.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  // The columns of its examples. Does not change.
  virtual const Schema& schema() const = 0;
  virtual int64_t size() const = 0;
  // The most tokens of one example.
  virtual int64_t longest() const = 0;
  // Appends example `row`, in [0, size()), to examples of this schema.
  virtual absl::Status Append(int64_t row, Examples& examples) = 0;
};

// Examples one after the other.
struct ExampleFeed {
  Schema schema;
  // Appends the next example, of the columns of `schema`; false at the end.
  std::function<absl::StatusOr<bool>(Examples&)> next;
};

// A row of numbers for each example of a source, such as a teacher's logits, or
// of an optimiser batch; programs take them under the name `cached.<name>`.
struct CachedRows {
  std::string name;
  int64_t width = 0;
  std::vector<float> values;  // [examples, width], unless `mapped` is set
  bool of_batch = false;      // by ordinal in the batch
  // The rows in a file, aligned, which `file` keeps open.
  const float* mapped = nullptr;
  std::shared_ptr<const void> file = nullptr;

  const float* data() const { return mapped ? mapped : values.data(); }
};

// The most tokens and sequences that one call of a program takes.
struct BatchCapacity {
  int64_t tokens = 0;
  int64_t sequences = 0;
};

// Measures the smallest capacity that holds each batch of `batch_size`
// consecutive examples whole, tokens rounded up to a multiple of 64.
// Thread-compatible.
class CapacityMeter {
 public:
  explicit CapacityMeter(int64_t batch_size) : batch_size_(batch_size) {}
  // The next example has `tokens`.
  void Add(int64_t tokens);
  BatchCapacity capacity() const;
  // Of batches of any examples: as many tokens as the longest examples have.
  BatchCapacity any_order() const;

 private:
  const int64_t batch_size_;
  std::vector<int64_t> longest_;  // of a batch's examples; a heap
  int64_t sequences_ = 0;         // of the batch so far
  int64_t tokens_ = 0;
  BatchCapacity most_;
  int64_t longest_tokens_ = 0;  // of longest_
};

// The examples of one call, as programs take them.
struct PackedBatch {
  Columns columns;                 // of T tokens and S examples
  std::vector<int32_t> offsets;    // [S + 1]
  std::vector<int32_t> ordinals;   // [S], ordinal in the optimiser batch
  std::vector<CachedRows> cached;  // as the source has them, [S, width]

  int64_t tokens() const { return offsets.empty() ? 0 : offsets.back(); }
  int64_t sequences() const { return static_cast<int64_t>(ordinals.size()); }
  // Makes it empty, of these columns and caches, and reserves memory for the
  // largest batch, so that packing allocates nothing.
  void Reserve(const Schema& schema, absl::Span<const CachedRows> caches,
               const BatchCapacity& capacity);
};

// Cuts an optimiser batch into micro-batches that fit `capacity`, greedily and
// in order, into `micro_batches` (cleared first). INVALID_ARGUMENT: one example
// alone has too many tokens.
absl::Status SplitBatch(const Examples& batch, const BatchCapacity& capacity,
                        std::vector<BatchRange>& micro_batches);

// Packs a micro-batch of an optimiser batch into `packed` (overwritten), with
// its rows of `caches`. `packed` was reserved for the columns of the batch and
// for these caches.
void PackBatch(const Examples& batch, BatchRange micro_batch,
               absl::Span<const CachedRows> caches, PackedBatch& packed);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_EXAMPLES_H_
