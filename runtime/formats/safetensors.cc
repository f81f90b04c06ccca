// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/safetensors.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors_header.h"

namespace graft {
namespace {

// Smallest number of inserted, removed and changed bytes; for short names.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string DescribeTensorType(DType dtype, absl::Span<const int64_t> shape) {
  return absl::StrCat(DTypeName(dtype), " [", absl::StrJoin(shape, ", "), "]");
}

absl::StatusOr<uint64_t> TensorBytes(DType dtype,
                                     absl::Span<const int64_t> shape) {
  int64_t bytes = static_cast<int64_t>(DTypeSize(dtype));
  for (int64_t dim : shape) {
    // Also refuses [2^62, 2^62, 0], whose partial product overflows: no reader
    // should depend on the order of multiplication.
    if (dim < 0 || __builtin_mul_overflow(bytes, dim, &bytes)) {
      return absl::InvalidArgumentError(
          absl::StrCat("expects a size below 2^63 bytes, got ",
                       DescribeTensorType(dtype, shape)));
    }
  }
  return static_cast<uint64_t>(bytes);
}

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(
    FileSystem& files, const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> mapping, files.Map(path));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         FromBytes(mapping->bytes(), path));
  file->mapping_ = std::move(mapping);
  return file;
}

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::FromBytes(
    absl::Span<const uint8_t> bytes, std::string path) {
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile);
  file->path_ = std::move(path);
  GRAFT_RETURN_IF_ERROR(file->Parse(bytes));
  return file;
}

std::unique_ptr<SafetensorsFile> SafetensorsFile::FromValues(
    std::vector<TensorValues> tensors, std::string path) {
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile);
  file->path_ = std::move(path);
  file->values_ = std::move(tensors);
  for (const TensorValues& tensor : file->values_) {
    file->index_[tensor.name] = file->tensors_.size();
    file->tensors_.push_back(
        {{tensor.name, DType::kF32, tensor.shape},
         absl::MakeConstSpan(
             reinterpret_cast<const uint8_t*>(tensor.values.data()),
             tensor.values.size() * sizeof(float))});
  }
  return file;
}

absl::Status SafetensorsFile::Parse(absl::Span<const uint8_t> bytes) {
  GRAFT_ASSIGN_OR_RETURN(SafetensorsHeader header,
                         ReadSafetensorsHeader(bytes, path_));
  metadata_ = std::move(header.metadata);
  std::vector<SafetensorsEntry>& entries = header.entries;
  // In the order of their data the tensors must tile the rest of the file.
  std::sort(entries.begin(), entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::tie(a.begin, a.end, a.spec.name) <
                     std::tie(b.begin, b.end, b.spec.name);
            });
  const absl::Span<const uint8_t> data =
      bytes.subspan(static_cast<size_t>(header.size));
  uint64_t position = 0;
  for (SafetensorsEntry& entry : entries) {
    if (entry.begin != position || entry.end > data.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path_, ": tensor '", entry.spec.name,
          "' expects data that begins at ", position, " and ends by ",
          data.size(), ", got [", entry.begin, ", ", entry.end, ")",
          entry.begin < position   ? " (overlap)"
          : entry.begin > position ? " (gap)"
                                   : " (past the end of the file)"));
    }
    position = entry.end;
    index_[entry.spec.name] = tensors_.size();
    tensors_.push_back(
        TensorView{std::move(entry.spec),
                   data.subspan(entry.begin, entry.end - entry.begin)});
  }
  if (position != data.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ": expects ", position, " bytes of tensors, got ", data.size()));
  }
  return absl::OkStatus();
}

const TensorView* SafetensorsFile::Find(absl::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

absl::StatusOr<const TensorView*> SafetensorsFile::Get(
    absl::string_view name) const {
  if (const TensorView* tensor = Find(name)) return tensor;
  std::string hint;
  size_t best = name.size() / 2 + 1;
  for (const TensorView& tensor : tensors_) {
    // The bound keeps a hostile file from making an error slow.
    if (tensor.name.size() > 256 || name.size() > 256) continue;
    const size_t distance = EditDistance(name, tensor.name);
    if (distance < best) {
      best = distance;
      hint = absl::StrCat("; the nearest name is '", tensor.name, "'");
    }
  }
  return absl::NotFoundError(absl::StrCat(path_, ": expects a tensor '", name,
                                          "', got ", tensors_.size(), " others",
                                          hint));
}

absl::StatusOr<const TensorView*> SafetensorsFile::Get(
    absl::string_view name, absl::Span<const int64_t> shape) const {
  GRAFT_ASSIGN_OR_RETURN(const TensorView* tensor, Get(name));
  if (absl::MakeConstSpan(tensor->shape) != shape) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": tensor '", name, "' expects shape [",
                     absl::StrJoin(shape, ", "), "], got [",
                     absl::StrJoin(tensor->shape, ", "), "]"));
  }
  return tensor;
}

absl::Status SafetensorsFile::ReadFloats(absl::string_view name,
                                         absl::Span<const int64_t> shape,
                                         absl::Span<float> values) const {
  GRAFT_ASSIGN_OR_RETURN(const TensorView* tensor, Get(name, shape));
  const absl::Status status =
      ConvertToFloat(tensor->dtype, tensor->data, values);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(path_, ": tensor '", name, "': ", status.message()));
}

absl::StatusOr<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::Create(
    FileSystem& files, const std::string& path, std::vector<TensorSpec> tensors,
    const std::map<std::string, std::string>& metadata) {
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorSpec& a, const TensorSpec& b) {
              return a.dtype != b.dtype ? a.dtype > b.dtype : a.name < b.name;
            });
  // ordered_json keeps the order of insertion, which the format shows.
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kSafetensorsMetadata)] = metadata;
  std::vector<uint64_t> sizes;
  uint64_t offset = 0;
  absl::flat_hash_map<std::string, size_t> seen;
  for (const TensorSpec& tensor : tensors) {
    const std::string where =
        absl::StrCat(path, ": tensor '", tensor.name, "'");
    if (tensor.name == kSafetensorsMetadata) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, " expects another name, got a reserved one"));
    }
    if (!seen.emplace(tensor.name, 0).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, " expects a name of its own, got it twice"));
    }
    const absl::StatusOr<uint64_t> bytes =
        TensorBytes(tensor.dtype, tensor.shape);
    uint64_t end;
    if (!bytes.ok() || __builtin_add_overflow(offset, *bytes, &end) ||
        end > static_cast<uint64_t>(INT64_MAX)) {
      return absl::InvalidArgumentError(absl::StrCat(
          where, " expects a file below 2^63 bytes, got ",
          DescribeTensorType(tensor.dtype, tensor.shape), " at ", offset));
    }
    // push_back: names were compared above, so no search through the object.
    nlohmann::ordered_json entry;
    entry["dtype"] = std::string(DTypeName(tensor.dtype));
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {offset, end};
    header.get_ref<nlohmann::ordered_json::object_t&>().emplace_back(
        tensor.name, std::move(entry));
    sizes.push_back(*bytes);
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expects names and metadata in UTF-8, got other bytes"));
  }
  // Blanks bring the data to a multiple of 8, as in the reference.
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxSafetensorsHeader) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects a header of at most ",
                     kMaxSafetensorsHeader, " bytes, got ", text.size()));
  }
  const uint64_t length = text.size();
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                         files.CreateAtomic(path));
  GRAFT_RETURN_IF_ERROR(file->Append(absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(&length), sizeof(length))));
  GRAFT_RETURN_IF_ERROR(file->Append(text));
  return std::unique_ptr<SafetensorsWriter>(new SafetensorsWriter(
      std::move(file), std::move(tensors), std::move(sizes)));
}

SafetensorsWriter::SafetensorsWriter(std::unique_ptr<WritableFile> file,
                                     std::vector<TensorSpec> tensors,
                                     std::vector<uint64_t> sizes)
    : file_(std::move(file)),
      tensors_(std::move(tensors)),
      sizes_(std::move(sizes)) {
  SkipComplete();
}

void SafetensorsWriter::SkipComplete() {
  while (current_ < tensors_.size() && written_ == sizes_[current_]) {
    ++current_;
    written_ = 0;
  }
}

absl::Status SafetensorsWriter::Append(absl::string_view name,
                                       absl::Span<const uint8_t> bytes) {
  if (bytes.empty()) return absl::OkStatus();
  if (current_ == tensors_.size() || tensors_[current_].name != name) {
    return absl::FailedPreconditionError(absl::StrCat(
        file_->path(), ": expects data of ",
        current_ == tensors_.size()
            ? std::string("no further tensor")
            : absl::StrCat("tensor '", tensors_[current_].name, "'"),
        ", got '", name, "'"));
  }
  const uint64_t left = sizes_[current_] - written_;
  if (bytes.size() > left) {
    return absl::FailedPreconditionError(
        absl::StrCat(file_->path(), ": tensor '", name, "' expects ", left,
                     " more bytes, got ", bytes.size()));
  }
  GRAFT_RETURN_IF_ERROR(file_->Append(bytes));
  written_ += bytes.size();
  SkipComplete();
  return absl::OkStatus();
}

absl::Status SafetensorsWriter::Finish() {
  if (current_ < tensors_.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat(file_->path(), ": tensor '", tensors_[current_].name,
                     "' expects ", sizes_[current_], " bytes, got ", written_));
  }
  return file_->Commit();
}

absl::Status WriteSafetensors(
    FileSystem& files, const std::string& path,
    absl::Span<const TensorView> tensors,
    const std::map<std::string, std::string>& metadata) {
  std::vector<TensorSpec> specs(tensors.begin(), tensors.end());
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<SafetensorsWriter> writer,
      SafetensorsWriter::Create(files, path, std::move(specs), metadata));
  absl::flat_hash_map<absl::string_view, const TensorView*> by_name;
  for (const TensorView& tensor : tensors) by_name[tensor.name] = &tensor;
  for (const TensorSpec& spec : writer->order()) {
    GRAFT_RETURN_IF_ERROR(writer->Append(spec.name, by_name[spec.name]->data));
  }
  return writer->Finish();
}

}  // namespace graft
