// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Safetensors files (https://github.com/huggingface/safetensors): 8 bytes of
// header length N, little endian; N bytes of JSON; then the tensors, end to end
// without gaps. Files are written byte for byte as the reference
// implementation writes them (with metadata in the order of its keys).

#ifndef GRAFT_RUNTIME_FORMATS_SAFETENSORS_H_
#define GRAFT_RUNTIME_FORMATS_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"
#include "runtime/formats/dtype.h"

namespace graft {

// Name, element type and shape of a tensor. Row-major; a scalar has no
// dimensions; dimensions may be 0.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
};

// "F32 [2, 3]", as errors show it.
std::string DescribeTensorType(DType dtype, absl::Span<const int64_t> shape);

// Bytes of a tensor, or INVALID_ARGUMENT when a dimension is negative or the
// product does not fit into 63 bits.
absl::StatusOr<uint64_t> TensorBytes(DType dtype,
                                     absl::Span<const int64_t> shape);

// A tensor in a file: the bytes belong to the file. The start is not aligned
// for the type in general: read it with ConvertToFloat or memcpy.
struct TensorView : TensorSpec {
  absl::Span<const uint8_t> data;
};

// A tensor of F32 in memory.
struct TensorValues {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;  // as many as the shape has
};

// A safetensors file, memory-mapped and fully checked when opened. Immutable,
// hence thread-safe.
class SafetensorsFile {
 public:
  // INVALID_ARGUMENT names the file, the tensor, what was expected and found;
  // other errors as FileSystem::Map. No tensor data is read.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(
      FileSystem& files, const std::string& path);
  // The same over `bytes` that the caller keeps alive; `path` is for messages.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> FromBytes(
      absl::Span<const uint8_t> bytes, std::string path);
  // A file of these tensors, each with a name of its own, that is in memory
  // only; `path` is for messages.
  static std::unique_ptr<SafetensorsFile> FromValues(
      std::vector<TensorValues> tensors, std::string path);

  const std::string& path() const { return path_; }
  // All tensors in the order of their data.
  absl::Span<const TensorView> tensors() const { return tensors_; }
  // The `__metadata__` strings.
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }

  // Null when there is no such tensor.
  const TensorView* Find(absl::string_view name) const;
  // NOT_FOUND names the file, and the tensor whose name is most like `name`.
  absl::StatusOr<const TensorView*> Get(absl::string_view name) const;
  // As Get, and INVALID_ARGUMENT unless the shape is `shape`.
  absl::StatusOr<const TensorView*> Get(absl::string_view name,
                                        absl::Span<const int64_t> shape) const;
  // Converts a floating-point tensor of that shape into `values`.
  absl::Status ReadFloats(absl::string_view name,
                          absl::Span<const int64_t> shape,
                          absl::Span<float> values) const;

 private:
  SafetensorsFile() = default;
  absl::Status Parse(absl::Span<const uint8_t> bytes);

  std::string path_;
  std::unique_ptr<MappedFile> mapping_;  // null unless opened
  std::vector<TensorValues> values_;     // of FromValues
  std::vector<TensorView> tensors_;
  absl::flat_hash_map<std::string, size_t> index_;
  std::map<std::string, std::string> metadata_;
};

// Writes a safetensors file tensor by tensor, so that no more than the caller's
// own buffer is in memory. The file appears whole on Finish (see
// FileSystem::CreateAtomic), and never without it. Thread-compatible.
class SafetensorsWriter {
 public:
  // Writes the header. INVALID_ARGUMENT for a name given twice, the reserved
  // name `__metadata__`, text that is not UTF-8 and sizes that overflow.
  static absl::StatusOr<std::unique_ptr<SafetensorsWriter>> Create(
      FileSystem& files, const std::string& path,
      std::vector<TensorSpec> tensors,
      const std::map<std::string, std::string>& metadata = {});

  // The tensors in the order in which their data must be appended: larger
  // element types first, then by name.
  absl::Span<const TensorSpec> order() const { return tensors_; }

  // Appends the next bytes of `name`, in one or several calls. Tensors follow
  // in order(), each complete before the next; FAILED_PRECONDITION otherwise.
  absl::Status Append(absl::string_view name, absl::Span<const uint8_t> bytes);

  // Makes the file durable and visible. FAILED_PRECONDITION names the first
  // tensor that lacks data.
  absl::Status Finish();

 private:
  SafetensorsWriter(std::unique_ptr<WritableFile> file,
                    std::vector<TensorSpec> tensors,
                    std::vector<uint64_t> sizes);
  // Steps over tensors that have all their bytes.
  void SkipComplete();

  std::unique_ptr<WritableFile> file_;
  const std::vector<TensorSpec> tensors_;
  const std::vector<uint64_t> sizes_;
  size_t current_ = 0;
  uint64_t written_ = 0;  // bytes of tensors_[current_]
};

// Writes `tensors`, in any order, to `path` in one go.
absl::Status WriteSafetensors(
    FileSystem& files, const std::string& path,
    absl::Span<const TensorView> tensors,
    const std::map<std::string, std::string>& metadata = {});

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_SAFETENSORS_H_
