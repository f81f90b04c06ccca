// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a model.safetensors.index.json beside two files of weights, a
// and b, each with two tensors. An index that is accepted names nothing outside
// of its directory, and each of its tensors is found in the file it says.

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/formats/checkpoint_weights.h"
#include "test/fuzz/check.h"
#include "test/fuzz/one_file.h"

namespace graft {
namespace {

constexpr char kIndexPath[] = "d/model.safetensors.index.json";

// A safetensors file of the F32 numbers PREFIX.x and PREFIX.y.
std::string Shard(absl::string_view prefix) {
  const auto entry = [&](absl::string_view name, int begin) {
    return absl::StrCat("\"", prefix, ".", name,
                        R"(":{"dtype":"F32","shape":[],"data_offsets":[)",
                        begin, ",", begin + 4, "]}");
  };
  std::string header =
      absl::StrCat("{", entry("x", 0), ",", entry("y", 4), "}");
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string file(1, static_cast<char>(header.size()));
  file.resize(8, '\0');
  return absl::StrCat(file, header, std::string(8, '\0'));
}

// The directory d.
class Directory final : public OneFile {
 public:
  explicit Directory(absl::string_view index) : OneFile(index, 1) {}

  absl::StatusOr<std::unique_ptr<MappedFile>> Map(
      const std::string& path) override {
    if (path == kIndexPath) return OneFile::Map(path);
    if (!Exists(path)) return FileError(ENOENT, path, "open");
    return std::make_unique<Mapping>(path, path == "d/a" ? a_ : b_);
  }
  bool Exists(const std::string& path) override {
    return path == kIndexPath || path == "d/a" || path == "d/b";
  }

 private:
  const std::string a_ = Shard("a"), b_ = Shard("b");
};

void CheckAccepted(const CheckpointWeights& weights) {
  GRAFT_FUZZ_CHECK(!weights.tensors().empty());
  GRAFT_FUZZ_CHECK(weights.tensors().size() <= 4);
  for (const TensorView* tensor : weights.tensors()) {
    GRAFT_FUZZ_CHECK(weights.Find(tensor->name) == tensor);
    GRAFT_FUZZ_CHECK(weights.PathOf(tensor->name) ==
                     absl::StrCat("d/", tensor->name.substr(0, 1)));
    GRAFT_FUZZ_CHECK(weights.Get(tensor->name, {}).ok());
    GRAFT_FUZZ_CHECK(weights.CheckFinite(tensor->name).ok());
  }
  GRAFT_FUZZ_CHECK(absl::IsNotFound(weights.Get("none", {}).status()));
}

}  // namespace
}  // namespace graft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view index(reinterpret_cast<const char*>(data), size);
  graft::Directory files(index);
  const auto paths = graft::ListCheckpointFiles(files, "d");
  const auto weights = graft::CheckpointWeights::Open(files, graft::kIndexPath);
  if (!paths.ok()) {
    GRAFT_FUZZ_CHECK(absl::IsInvalidArgument(paths.status()));
    GRAFT_FUZZ_CHECK(
        absl::StartsWith(paths.status().message(), graft::kIndexPath));
    GRAFT_FUZZ_CHECK(weights.status() == paths.status());
    return 0;
  }
  for (absl::string_view path : *paths) {
    GRAFT_FUZZ_CHECK(absl::ConsumePrefix(&path, "d/"));
    GRAFT_FUZZ_CHECK(!path.empty() && !absl::StrContains(path, '/'));
  }
  if (weights.ok()) {
    graft::CheckAccepted(**weights);
  } else {
    GRAFT_FUZZ_CHECK(absl::IsInvalidArgument(weights.status()) ||
                     absl::IsNotFound(weights.status()));
    GRAFT_FUZZ_CHECK(!weights.status().message().empty());
  }
  return 0;
}
