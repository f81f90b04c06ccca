// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/artifact/checksum.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors.h"

namespace graft {
namespace {

constexpr absl::string_view kPrefix = "checkpoint-";
constexpr absl::string_view kSuffix = ".safetensors";
constexpr absl::string_view kRunFormat = "graft-checkpoint-3";
constexpr absl::string_view kTensorsFormat = "graft-parameters-1";
// Begins the keys of checksums in the metadata.
constexpr absl::string_view kChecksum = "checksum ";

using Metadata = std::map<std::string, std::string>;

std::string HexChecksum(absl::Span<const uint8_t> bytes) {
  return absl::StrFormat("%016x", Checksum(bytes));
}

absl::Span<const uint8_t> BytesOf(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()),
                             text.size());
}

// The metadata `key`; INVALID_ARGUMENT without it.
absl::StatusOr<std::string> Find(const SafetensorsFile& file,
                                 absl::string_view key) {
  const auto found = file.metadata().find(std::string(key));
  if (found != file.metadata().end()) return found->second;
  return absl::InvalidArgumentError(absl::StrCat(
      file.path(), ": expects \"", key, "\" in the metadata, got none"));
}

absl::Status CheckSection(const SafetensorsFile& file, absl::string_view name,
                          absl::Span<const uint8_t> bytes) {
  GRAFT_ASSIGN_OR_RETURN(const std::string expected,
                         Find(file, absl::StrCat(kChecksum, name)));
  const std::string got = HexChecksum(bytes);
  if (got == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(file.path(), ": ", name, ": expects the checksum ", expected,
                   ", got ", got, ": the file is damaged"));
}

// The metadata `name`, which match their checksum.
absl::StatusOr<std::string> ReadText(const SafetensorsFile& file,
                                     absl::string_view name) {
  GRAFT_ASSIGN_OR_RETURN(std::string text, Find(file, name));
  GRAFT_RETURN_IF_ERROR(CheckSection(file, name, BytesOf(text)));
  return text;
}

absl::Status Write(FileSystem& files, const std::string& path,
                   absl::Span<const StateTensor> tensors, Metadata metadata) {
  std::vector<TensorView> views;
  for (const StateTensor& tensor : tensors) {
    if (tensor.from_zero &&
        absl::c_all_of(tensor.bytes, [](uint8_t byte) { return byte == 0; }))
      continue;
    TensorView& view = views.emplace_back();
    view.name = tensor.name;
    view.dtype = tensor.dtype;
    view.shape = tensor.shape;
    view.data = tensor.bytes;
    metadata[absl::StrCat(kChecksum, tensor.name)] = HexChecksum(tensor.bytes);
  }
  return WriteSafetensors(files, path, views, metadata);
}

absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(
    FileSystem& files, const std::string& path, absl::string_view format) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  const auto found = file->metadata().find("format");
  if (found != file->metadata().end() && found->second == format) return file;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": expects a file of format ", format, ", got ",
                   found == file->metadata().end() ? "none" : found->second));
}

// The file's tensors in the order of `tensors`; null for states of zeros. All
// sections are checked.
absl::StatusOr<std::vector<const TensorView*>> FindAll(
    const SafetensorsFile& file, absl::Span<const StateTensor> tensors) {
  std::vector<const TensorView*> views;
  size_t used = 0;
  for (const StateTensor& tensor : tensors) {
    if (tensor.from_zero && file.Find(tensor.name) == nullptr) {
      views.push_back(nullptr);
      continue;
    }
    GRAFT_ASSIGN_OR_RETURN(const TensorView* view,
                           file.Get(tensor.name, tensor.shape));
    if (view->dtype != tensor.dtype)
      return absl::InvalidArgumentError(absl::StrCat(
          file.path(), ": ", tensor.name, ": expects ", DTypeName(tensor.dtype),
          ", got ", DTypeName(view->dtype)));
    GRAFT_RETURN_IF_ERROR(CheckSection(file, tensor.name, view->data));
    views.push_back(view);
    ++used;
  }
  if (used == file.tensors().size()) return views;
  for (const TensorView& view : file.tensors())
    if (absl::c_none_of(tensors, [&](const StateTensor& tensor) {
          return tensor.name == view.name;
        }))
      return absl::InvalidArgumentError(absl::StrCat(
          file.path(), ": expects tensors of this program, got ", view.name));
  return views;
}

void CopyAll(const std::vector<const TensorView*>& views,
             absl::Span<const StateTensor> tensors) {
  for (size_t i = 0; i < views.size(); ++i) {
    if (views[i] == nullptr)
      std::fill(tensors[i].bytes.begin(), tensors[i].bytes.end(), 0);
    else
      std::copy(views[i]->data.begin(), views[i]->data.end(),
                tensors[i].bytes.begin());
  }
}

}  // namespace

std::string CheckpointPath(const std::string& directory, int64_t number) {
  return JoinPath(directory,
                  absl::StrFormat("%s%09d%s", kPrefix, number, kSuffix));
}

absl::Status SaveCheckpoint(FileSystem& files, const std::string& path,
                            const RunState& state, const ArtifactSpec& spec,
                            absl::Span<const StateTensor> tensors) {
  Metadata metadata = {{"format", std::string(kRunFormat)}};
  const std::pair<const char*, std::string> sections[] = {
      {"run", EncodeRunRecord(state.run)},
      {"logged", absl::StrCat(state.logged)},
      {"kept", absl::StrJoin(state.kept, ",")},
      {"seed", absl::StrCat(state.seed)},
      {"state", EncodeHostState(state.host, spec)}};
  for (const auto& [name, text] : sections) {
    metadata[name] = text;
    metadata[absl::StrCat(kChecksum, name)] = HexChecksum(BytesOf(text));
  }
  return Write(files, path, tensors, std::move(metadata));
}

namespace {

absl::StatusOr<RunRecord> ReadRecord(const SafetensorsFile& file) {
  GRAFT_ASSIGN_OR_RETURN(const std::string text, ReadText(file, "run"));
  absl::StatusOr<RunRecord> record = DecodeRunRecord(text);
  if (record.ok()) return record;
  return absl::InvalidArgumentError(
      absl::StrCat(file.path(), ": ", record.status().message()));
}

// A number among the metadata.
absl::StatusOr<uint64_t> ReadNumber(const SafetensorsFile& file,
                                    const char* name) {
  GRAFT_ASSIGN_OR_RETURN(const std::string text, ReadText(file, name));
  uint64_t number = 0;
  if (absl::SimpleAtoi(text, &number)) return number;
  return absl::InvalidArgumentError(absl::StrCat(
      file.path(), ": ", name, ": expects an integer, got ", text));
}

}  // namespace

absl::StatusOr<RunRecord> ReadRunOf(FileSystem& files,
                                    const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         Open(files, path, kRunFormat));
  return ReadRecord(*file);
}

absl::StatusOr<RunState> LoadCheckpoint(FileSystem& files,
                                        const std::string& path,
                                        const ArtifactSpec& spec,
                                        const HostProgramSpec& program,
                                        absl::Span<const StateTensor> tensors) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         Open(files, path, kRunFormat));
  RunState state;
  GRAFT_ASSIGN_OR_RETURN(state.run, ReadRecord(*file));
  GRAFT_ASSIGN_OR_RETURN(state.seed, ReadNumber(*file, "seed"));
  GRAFT_ASSIGN_OR_RETURN(state.logged, ReadNumber(*file, "logged"));
  GRAFT_ASSIGN_OR_RETURN(const std::string kept, ReadText(*file, "kept"));
  state.kept = absl::StrSplit(kept, ',', absl::SkipEmpty());
  GRAFT_ASSIGN_OR_RETURN(const std::string host, ReadText(*file, "state"));
  GRAFT_ASSIGN_OR_RETURN(const std::vector<const TensorView*> views,
                         FindAll(*file, tensors));
  absl::StatusOr<HostState> decoded = DecodeHostState(host, spec, program);
  if (!decoded.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", decoded.status().message()));
  state.host = *std::move(decoded);
  CopyAll(views, tensors);
  return state;
}

absl::Status SaveTensors(FileSystem& files, const std::string& path,
                         absl::Span<const StateTensor> tensors) {
  return Write(files, path, tensors, {{"format", std::string(kTensorsFormat)}});
}

absl::Status LoadTensors(FileSystem& files, const std::string& path,
                         absl::Span<const StateTensor> tensors) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         Open(files, path, kTensorsFormat));
  GRAFT_ASSIGN_OR_RETURN(const std::vector<const TensorView*> views,
                         FindAll(*file, tensors));
  CopyAll(views, tensors);
  return absl::OkStatus();
}

absl::Status CheckTensors(FileSystem& files, const std::string& path,
                          absl::Span<const StateTensor> tensors) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         Open(files, path, kTensorsFormat));
  return FindAll(*file, tensors).status();
}

absl::StatusOr<std::vector<std::string>> ListCheckpoints(
    FileSystem& files, const std::string& directory) {
  std::vector<std::string> paths;
  if (!files.IsDirectory(directory)) return paths;
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> names, files.List(directory));
  for (const std::string& name : names) {
    absl::string_view number = name;
    int64_t value;
    // No other spelling of a number, which would be somebody else's file.
    if (absl::ConsumePrefix(&number, kPrefix) &&
        absl::ConsumeSuffix(&number, kSuffix) &&
        absl::SimpleAtoi(number, &value) &&
        CheckpointPath(directory, value) == JoinPath(directory, name))
      paths.push_back(JoinPath(directory, name));
  }
  std::sort(paths.rbegin(), paths.rend());
  return paths;
}

absl::Status PruneCheckpoints(FileSystem& files, const std::string& directory,
                              int64_t number, int keep) {
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> paths,
                         ListCheckpoints(files, directory));
  const std::string newest = CheckpointPath(directory, number);
  std::erase_if(paths, [&](const std::string& path) { return path > newest; });
  for (size_t i = static_cast<size_t>(keep); i < paths.size(); ++i)
    GRAFT_RETURN_IF_ERROR(files.Remove(paths[i]));
  return absl::OkStatus();
}

}  // namespace graft
