// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The weights of a Hugging Face directory, in one file or in several:
// model.safetensors, or the files that model.safetensors.index.json lists.

#ifndef GRAFT_RUNTIME_FORMATS_CHECKPOINT_WEIGHTS_H_
#define GRAFT_RUNTIME_FORMATS_CHECKPOINT_WEIGHTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"
#include "runtime/formats/safetensors.h"

namespace graft {

// Path of the weights of `directory`, as CheckpointWeights::Open takes it:
// model.safetensors where it is there, as in Transformers, or else the index.
// NOT_FOUND names what is there in place of them; of pytorch_model.bin, how to
// convert it.
absl::StatusOr<std::string> FindCheckpointWeights(FileSystem& files,
                                                  const std::string& directory);

// All files that hold the weights of `directory`: model.safetensors, or the
// index and then the files that it lists, sorted. The index is checked as by
// CheckpointWeights::Open; the other files are not read.
absl::StatusOr<std::vector<std::string>> ListCheckpointFiles(
    FileSystem& files, const std::string& directory);

// The tensors of a checkpoint, whose names are unique over all of its files.
// Memory-mapped and fully checked when opened. Thread-compatible.
class CheckpointWeights {
 public:
  // Opens a safetensors file, or the files of an index (a name that ends with
  // ".index.json"). INVALID_ARGUMENT: errors of a file; an index that is no
  // JSON, without weight_map, or that names a file outside of its directory; a
  // tensor that its file lacks. NOT_FOUND: a file is missing. All name file and
  // tensor. No tensor data is read. Tensors that the index does not list are
  // left out.
  static absl::StatusOr<std::unique_ptr<CheckpointWeights>> Open(
      FileSystem& files, const std::string& path);

  // Adds the tensors of `file`, in place of those that have their names.
  void Put(std::unique_ptr<SafetensorsFile> file);

  // As given to Open.
  const std::string& path() const { return path_; }
  // All tensors, file by file, in the order of their data.
  absl::Span<const TensorView* const> tensors() const { return tensors_; }
  // Null when there is no such tensor.
  const TensorView* Find(absl::string_view name) const;
  // Path of the file that has the tensor, or path() when none has it.
  const std::string& PathOf(absl::string_view name) const;

  // NOT_FOUND names the file, and the tensor whose name is most like `name`;
  // INVALID_ARGUMENT unless the shape is `shape`.
  absl::StatusOr<const TensorView*> Get(absl::string_view name,
                                        absl::Span<const int64_t> shape) const;
  // Converts a floating-point tensor of that shape into `values`.
  absl::Status ReadFloats(absl::string_view name,
                          absl::Span<const int64_t> shape,
                          absl::Span<float> values) const;
  // INVALID_ARGUMENT names file, tensor and place of the first value of the
  // floating-point tensor `name` that is infinite or not a number. Reads the
  // tensor: about 10 ms for 100 MB in the page cache.
  absl::Status CheckFinite(absl::string_view name) const;

 private:
  CheckpointWeights() = default;

  std::string path_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<const TensorView*> tensors_;
  absl::flat_hash_map<std::string, const SafetensorsFile*> owners_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_CHECKPOINT_WEIGHTS_H_
