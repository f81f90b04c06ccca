// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/checkpoint_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"

namespace graft {
namespace {

using nlohmann::json;

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";
constexpr char kSuffix[] = ".safetensors";
constexpr uint64_t kMaxIndexBytes = 256 << 20;

// Formats of weights that Graft does not read.
constexpr const char* kOtherFormats[] = {"pytorch_model.bin",
                                         "pytorch_model.bin.index.json",
                                         "tf_model.h5", "flax_model.msgpack"};

// The first file of weights in `directory`, or "none".
std::string FirstShard(FileSystem& files, const std::string& directory) {
  const auto names = files.List(directory);
  if (!names.ok()) return "none";
  for (const std::string& name : *names)
    if (absl::EndsWith(name, kSuffix)) return name;
  return "none";
}

// One line for a shell; `directory` has no quotes in it, or the user sees them.
std::string ConversionLine(const std::string& directory) {
  return absl::StrCat(
      "python3 -c 'import glob, sys, torch, safetensors.torch as s; d = "
      "sys.argv[1]; t = {k: v.clone().contiguous() for f in "
      "sorted(glob.glob(d + \"/pytorch_model*.bin\")) for k, v in "
      "torch.load(f, map_location=\"cpu\", weights_only=True).items()}; "
      "s.save_file(t, d + \"/model.safetensors\", {\"format\": \"pt\"})' ",
      directory);
}

// Tensors by the names of their files, from the text of an index.
absl::StatusOr<std::map<std::string, std::set<std::string>>> ReadIndex(
    FileSystem& files, const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> mapping,
                         files.Map(path));
  const absl::Span<const uint8_t> bytes = mapping->bytes();
  if (bytes.size() > kMaxIndexBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects at most ", kMaxIndexBytes, " bytes, got ",
                     bytes.size()));
  }
  GRAFT_ASSIGN_OR_RETURN(
      const json index,
      ParseJson({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                path));
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() ||
      map->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        ": weight_map expects an object with a file for each tensor, got ",
        !index.is_object() || map == index.end() ? "none"
                                                 : DescribeJson(*map)));
  }
  std::map<std::string, std::set<std::string>> tensors;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": weight_map of '", name, "' expects the name of a file, got ",
          DescribeJson(file)));
    }
    const std::string text = file.get<std::string>();
    // A checkpoint reads nothing that is not below its directory.
    if (text.empty() || absl::StrContains(text, '/') || text == "." ||
        text == ".." || absl::StrContains(text, '\0')) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": weight_map of '", name,
          "' expects a file in the same directory, got ", DescribeJson(file)));
    }
    tensors[text].insert(name);
  }
  return tensors;
}

// Position of the first element whose exponent is all ones, or the count.
template <typename Word>
size_t FirstNonFinite(absl::Span<const uint8_t> data, Word exponent) {
  const size_t count = data.size() / sizeof(Word);
  constexpr size_t kBlock = 4096;
  for (size_t start = 0; start < count; start += kBlock) {
    const size_t end = std::min(count, start + kBlock);
    // No early exit inside of a block, so that it becomes vector code.
    bool found = false;
    for (size_t i = start; i < end; ++i) {
      Word word;
      std::memcpy(&word, data.data() + i * sizeof(Word), sizeof(Word));
      found |= (word & exponent) == exponent;
    }
    if (!found) continue;
    for (size_t i = start; i < end; ++i) {
      Word word;
      std::memcpy(&word, data.data() + i * sizeof(Word), sizeof(Word));
      if ((word & exponent) == exponent) return i;
    }
  }
  return count;
}

// Position of the first double that is no finite float, or the count.
size_t FirstBeyondFloat(absl::Span<const uint8_t> data) {
  const size_t count = data.size() / sizeof(double);
  for (size_t i = 0; i < count; ++i) {
    double value;
    std::memcpy(&value, data.data() + i * sizeof(double), sizeof(double));
    if (!std::isfinite(static_cast<float>(value))) return i;
  }
  return count;
}

// As these; the count for types without such values.
size_t FirstNonFinite(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::kF32:
      return FirstNonFinite<uint32_t>(tensor.data, 0x7F800000);
    case DType::kF16:
      return FirstNonFinite<uint16_t>(tensor.data, 0x7C00);
    case DType::kBF16:
      return FirstNonFinite<uint16_t>(tensor.data, 0x7F80);
    case DType::kF64:
      return FirstBeyondFloat(tensor.data);
    default:
      return tensor.data.size() / DTypeSize(tensor.dtype);
  }
}

}  // namespace

absl::StatusOr<std::string> FindCheckpointWeights(
    FileSystem& files, const std::string& directory) {
  for (const char* name : {kSingle, kIndex}) {
    std::string path = JoinPath(directory, name);
    if (files.Exists(path)) return path;
  }
  std::string found = "none";
  for (const char* name : kOtherFormats) {
    if (found == "none" && files.Exists(JoinPath(directory, name)))
      found = name;
  }
  std::string help;
  if (found == "none") found = FirstShard(files, directory);
  if (absl::EndsWith(found, kSuffix))
    help = absl::StrCat("; ", kIndex, " says which tensors are in it");
  else if (absl::StartsWith(found, "pytorch"))
    help = absl::StrCat("; this converts it:\n  ", ConversionLine(directory));
  else if (found != "none")
    help =
        "; Transformers converts it with from_pretrained(...)"
        ".save_pretrained(...)";
  return absl::NotFoundError(absl::StrCat(
      directory, ": expects ", kSingle, " or ", kIndex, ", got ", found, help));
}

absl::StatusOr<std::vector<std::string>> ListCheckpointFiles(
    FileSystem& files, const std::string& directory) {
  GRAFT_ASSIGN_OR_RETURN(const std::string path,
                         FindCheckpointWeights(files, directory));
  std::vector<std::string> paths = {path};
  if (!absl::EndsWith(path, ".index.json")) return paths;
  GRAFT_ASSIGN_OR_RETURN(const auto index, ReadIndex(files, path));
  for (const auto& [name, tensors] : index)
    paths.push_back(JoinPath(directory, name));
  return paths;
}

absl::StatusOr<std::unique_ptr<CheckpointWeights>> CheckpointWeights::Open(
    FileSystem& files, const std::string& path) {
  std::unique_ptr<CheckpointWeights> weights(new CheckpointWeights);
  weights->path_ = path;
  const auto add = [&](std::unique_ptr<SafetensorsFile> file,
                       const std::set<std::string>* listed) {
    for (const TensorView& tensor : file->tensors()) {
      if (listed && !listed->contains(tensor.name)) continue;
      weights->tensors_.push_back(&tensor);
      weights->owners_[tensor.name] = file.get();
    }
    weights->files_.push_back(std::move(file));
  };
  if (!absl::EndsWith(path, ".index.json")) {
    GRAFT_ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(files, path));
    add(std::move(file), nullptr);
    return weights;
  }
  GRAFT_ASSIGN_OR_RETURN(const auto index, ReadIndex(files, path));
  for (const auto& [name, tensors] : index) {
    const std::string shard = JoinPath(DirectoryName(path), name);
    if (!files.Exists(shard)) {
      return absl::NotFoundError(absl::StrCat(shard, ": no such file, where ",
                                              path, " expects the tensor '",
                                              *tensors.begin(), "'"));
    }
    GRAFT_ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(files, shard));
    for (const std::string& tensor : tensors) {
      if (file->Find(tensor)) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          shard, ": expects the tensor '", tensor, "', which ", path,
          " says is in it, got ", file->tensors().size(), " others"));
    }
    add(std::move(file), &tensors);
  }
  return weights;
}

void CheckpointWeights::Put(std::unique_ptr<SafetensorsFile> file) {
  std::erase_if(tensors_, [&](const TensorView* tensor) {
    return file->Find(tensor->name) != nullptr;
  });
  for (const TensorView& tensor : file->tensors()) {
    tensors_.push_back(&tensor);
    owners_[tensor.name] = file.get();
  }
  files_.push_back(std::move(file));
}

const TensorView* CheckpointWeights::Find(absl::string_view name) const {
  const auto owner = owners_.find(name);
  return owner == owners_.end() ? nullptr : owner->second->Find(name);
}

const std::string& CheckpointWeights::PathOf(absl::string_view name) const {
  const auto owner = owners_.find(name);
  return owner == owners_.end() ? path_ : owner->second->path();
}

absl::StatusOr<const TensorView*> CheckpointWeights::Get(
    absl::string_view name, absl::Span<const int64_t> shape) const {
  const auto owner = owners_.find(name);
  if (owner != owners_.end()) return owner->second->Get(name, shape);
  if (files_.size() == 1) return files_[0]->Get(name, shape);
  return absl::NotFoundError(
      absl::StrCat(path_, ": expects a tensor '", name, "', got ",
                   tensors_.size(), " others in ", files_.size(), " files"));
}

absl::Status CheckpointWeights::ReadFloats(absl::string_view name,
                                           absl::Span<const int64_t> shape,
                                           absl::Span<float> values) const {
  GRAFT_RETURN_IF_ERROR(Get(name, shape).status());
  return owners_.at(name)->ReadFloats(name, shape, values);
}

absl::Status CheckpointWeights::CheckFinite(absl::string_view name) const {
  const TensorView* tensor = Find(name);
  if (tensor == nullptr) return absl::OkStatus();
  const size_t position = FirstNonFinite(*tensor);
  if (position == tensor->data.size() / DTypeSize(tensor->dtype))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      PathOf(name), ": tensor '", name,
      "' expects finite values, got NaN or infinity at element ", position,
      " of ", DescribeTensorType(tensor->dtype, tensor->shape)));
}

}  // namespace graft
