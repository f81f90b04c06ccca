// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/columns.h"

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"

namespace graft {
namespace {

constexpr int64_t kBytes = 4;  // of each value

static_assert(sizeof(int32_t) == kBytes && sizeof(float) == kBytes);

// Bytes of the values of a column in so many examples and tokens.
int64_t BytesOf(const ColumnSpec& column, int64_t examples, int64_t tokens) {
  return (column.per == ColumnSpec::Per::kToken ? tokens : examples) *
         column.width * kBytes;
}

// `Value` is int32_t or float, perhaps const; memory of operator new is aligned
// for both.
template <typename Value, typename Bytes>
absl::Span<Value> As(Bytes& bytes) {
  return {reinterpret_cast<Value*>(bytes.data()), bytes.size() / kBytes};
}

}  // namespace

Schema::Schema(std::vector<ColumnSpec> columns)
    : columns_(
          std::make_shared<const std::vector<ColumnSpec>>(std::move(columns))) {
}

std::optional<size_t> Schema::Find(absl::string_view name) const {
  for (size_t i = 0; i < size(); ++i)
    if (columns()[i].name == name) return i;
  return std::nullopt;
}

std::string Schema::Names() const {
  std::string names;
  for (const ColumnSpec& column : columns())
    absl::StrAppend(&names, names.empty() ? "" : ", ", column.name);
  return names.empty() ? "none" : names;
}

Columns::Columns(Schema schema)
    : schema_(std::move(schema)), values_(schema_.size()) {}

void Columns::Reserve(int64_t examples, int64_t tokens) {
  for (size_t i = 0; i < values_.size(); ++i)
    values_[i].reserve(BytesOf(schema_.columns()[i], examples, tokens));
}

uint64_t Columns::Bytes(const Schema& schema, int64_t examples,
                        int64_t tokens) {
  int64_t bytes = 0;
  for (const ColumnSpec& column : schema.columns())
    bytes += BytesOf(column, examples, tokens);
  return static_cast<uint64_t>(bytes);
}

void Columns::Resize(int64_t examples, int64_t tokens) {
  for (size_t i = 0; i < values_.size(); ++i)
    values_[i].resize(BytesOf(schema_.columns()[i], examples, tokens));
}

void Columns::Append(const Columns& other, BatchRange examples,
                     BatchRange tokens) {
  assert(values_.size() == other.values_.size());
  for (size_t i = 0; i < values_.size(); ++i) {
    const ColumnSpec& column = schema_.columns()[i];
    const uint8_t* from = other.values_[i].data();
    values_[i].insert(values_[i].end(),
                      from + BytesOf(column, examples.begin, tokens.begin),
                      from + BytesOf(column, examples.end, tokens.end));
  }
}

absl::Span<const int32_t> Columns::ints(size_t column) const {
  assert(schema_.columns()[column].dtype == DType::kI32);
  return As<const int32_t>(values_[column]);
}

absl::Span<int32_t> Columns::mutable_ints(size_t column) {
  assert(schema_.columns()[column].dtype == DType::kI32);
  return As<int32_t>(values_[column]);
}

absl::Span<const float> Columns::floats(size_t column) const {
  assert(schema_.columns()[column].dtype == DType::kF32);
  return As<const float>(values_[column]);
}

absl::Span<float> Columns::mutable_floats(size_t column) {
  assert(schema_.columns()[column].dtype == DType::kF32);
  return As<float>(values_[column]);
}

}  // namespace graft
