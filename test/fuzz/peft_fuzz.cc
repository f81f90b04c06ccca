// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the two files of PEFT adapters: adapter_config.json up to the
// first 0, adapter_model.safetensors behind it; without one, adapters of one
// matrix. What is accepted has whole adapters of the rank that it says, of
// finite scale.

#include <cerrno>
#include <cmath>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/formats/peft_directory.h"
#include "test/fuzz/check.h"
#include "test/fuzz/one_file.h"

namespace graft {
namespace {

constexpr char kPlace[] = "d/";

// Adapters of the matrix [3, 1] of m, of rank 2.
std::string DefaultWeights() {
  const std::string name = "base_model.model.m.lora_";
  std::string header = absl::StrCat(
      "{\"", name, R"(A.weight":{"dtype":"F32","shape":[2,1],)",
      R"("data_offsets":[0,8]},")", name,
      R"(B.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[8,32]}})");
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string file(1, static_cast<char>(header.size()));
  file.resize(8, '\0');
  return absl::StrCat(file, header, std::string(32, '\0'));
}

class Directory final : public OneFile {
 public:
  Directory(absl::string_view config, std::string weights)
      : OneFile(config, 7), weights_(std::move(weights)) {}

  absl::StatusOr<std::unique_ptr<MappedFile>> Map(
      const std::string& path) override {
    if (path == absl::StrCat(kPlace, kPeftConfig)) return OneFile::Map(path);
    if (!Exists(path)) return FileError(ENOENT, path, "open");
    return std::make_unique<Mapping>(path, weights_);
  }
  bool Exists(const std::string& path) override {
    return path == absl::StrCat(kPlace, kPeftConfig) ||
           path == absl::StrCat(kPlace, kPeftWeights);
  }

 private:
  const std::string weights_;
};

void CheckAccepted(const PeftAdapters& adapters) {
  GRAFT_FUZZ_CHECK(adapters.rank >= 1 && adapters.rank <= 65536);
  GRAFT_FUZZ_CHECK(adapters.scale > 0 && std::isfinite(adapters.scale));
  GRAFT_FUZZ_CHECK(!adapters.modules.empty());
  size_t tensors = adapters.saved.size();
  for (const PeftModule& module : adapters.modules) {
    GRAFT_FUZZ_CHECK(module.a && module.a->shape.size() == 2);
    GRAFT_FUZZ_CHECK(module.b && module.b->shape.size() == 2);
    GRAFT_FUZZ_CHECK(module.a->shape[0] == adapters.rank);
    GRAFT_FUZZ_CHECK(module.b->shape[1] == adapters.rank);
    GRAFT_FUZZ_CHECK((module.magnitude != nullptr) == adapters.dora);
    tensors += adapters.dora ? 3 : 2;
  }
  GRAFT_FUZZ_CHECK(tensors == adapters.file->tensors().size());
}

}  // namespace
}  // namespace graft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = bytes.find('\0');
  graft::Directory files(bytes.substr(0, end),
                         end == absl::string_view::npos
                             ? graft::DefaultWeights()
                             : std::string(bytes.substr(end + 1)));
  const auto adapters = graft::ReadPeftDirectory(files, "d");
  if (adapters.ok()) {
    graft::CheckAccepted(*adapters);
    return 0;
  }
  GRAFT_FUZZ_CHECK(absl::IsInvalidArgument(adapters.status()) ||
                   absl::IsUnimplemented(adapters.status()) ||
                   absl::IsNotFound(adapters.status()));
  GRAFT_FUZZ_CHECK(
      absl::StartsWith(adapters.status().message(), graft::kPlace));
  return 0;
}
