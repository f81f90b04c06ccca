// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Typed values of many examples: columns by name, of one number or several per
// token or per example.

#ifndef GRAFT_RUNTIME_DATA_COLUMNS_H_
#define GRAFT_RUNTIME_DATA_COLUMNS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/formats/dtype.h"

namespace graft {

// A field of examples, which programs take by its name.
struct ColumnSpec {
  enum class Per { kToken, kExample };

  std::string name;
  DType dtype = DType::kI32;  // or kF32; both have 4 bytes
  Per per = Per::kExample;
  int64_t width = 1;  // numbers per token or per example
};

// The columns of a source, each with another name. Immutable, cheap to copy;
// thread-safe.
class Schema {
 public:
  Schema() = default;  // no columns
  explicit Schema(std::vector<ColumnSpec> columns);

  absl::Span<const ColumnSpec> columns() const {
    return columns_ ? *columns_ : absl::Span<const ColumnSpec>();
  }
  size_t size() const { return columns().size(); }
  // The number of the column `name`.
  std::optional<size_t> Find(absl::string_view name) const;
  // "ids, types, labels", or "none".
  std::string Names() const;
  // Whether both are copies of one schema that was made from columns, so that
  // what was found in one holds for the other. Compares a pointer.
  bool IsCopyOf(const Schema& other) const {
    return columns_ != nullptr && columns_ == other.columns_;
  }

 private:
  std::shared_ptr<const std::vector<ColumnSpec>> columns_;
};

// A contiguous range [begin, end) of a batch's examples, or of its tokens.
struct BatchRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// The values of each column of a schema, end to end. Clear keeps the memory.
// Thread-compatible. Columns are named by their number in the schema; ints is
// for those of kI32, floats for those of kF32.
class Columns {
 public:
  Columns() = default;
  explicit Columns(Schema schema);

  const Schema& schema() const { return schema_; }

  // Reserves memory, so that so many examples are appended without allocating.
  void Reserve(int64_t examples, int64_t tokens);
  // Bytes that Reserve takes.
  static uint64_t Bytes(const Schema& schema, int64_t examples, int64_t tokens);
  void Clear() { Resize(0, 0); }
  // New values are zero.
  void Resize(int64_t examples, int64_t tokens);
  // Appends the examples and tokens of these ranges of `other`, which has the
  // same columns.
  void Append(const Columns& other, BatchRange examples, BatchRange tokens);

  absl::Span<const int32_t> ints(size_t column) const;
  absl::Span<int32_t> mutable_ints(size_t column);
  absl::Span<const float> floats(size_t column) const;
  absl::Span<float> mutable_floats(size_t column);
  // Of any type, aligned for it.
  const void* data(size_t column) const { return values_[column].data(); }

 private:
  Schema schema_;
  // Bytes, because the columns are of several types.
  std::vector<std::vector<uint8_t>> values_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_COLUMNS_H_
