// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/run_folder.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "runtime/artifact/checksum.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/train/checkpoint.h"

namespace graft {
namespace {

constexpr char kLock[] = "run.lock";
constexpr char kRecord[] = "run.json";
constexpr char kProgram[] = "program.graft";
constexpr char kModel[] = "model.graft";
constexpr char kLabels[] = "labels.json";
constexpr char kScratch[] = "new.part";
constexpr absl::string_view kRecordFormat = "graft-run-1";
// Members of run.json.
constexpr char kMaxSteps[] = "max_steps";
constexpr char kTrained[] = "trained";
constexpr char kSteps[] = "steps";
// Of a hash, read and then let go of: little of a large file is in memory.
constexpr size_t kPiece = 1 << 20;
// Names of files in messages.
constexpr size_t kNames = 5;

bool IsDigits(absl::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Takes ".tmp-PID-N" off the end: the name that the file was to get.
absl::string_view WithoutTemporary(absl::string_view name) {
  const size_t at = name.rfind(".tmp-");
  if (at == absl::string_view::npos) return name;
  const absl::string_view numbers = name.substr(at + 5);
  const size_t dash = numbers.find('-');
  if (dash == absl::string_view::npos || !IsDigits(numbers.substr(0, dash)) ||
      !IsDigits(numbers.substr(dash + 1)))
    return name;
  return name.substr(0, at);
}

bool IsCheckpoint(absl::string_view name) {
  return absl::ConsumePrefix(&name, "checkpoint-") &&
         absl::ConsumeSuffix(&name, ".safetensors") && name.size() >= 9 &&
         IsDigits(name);
}

bool IsEventFile(absl::string_view name) {
  return absl::ConsumePrefix(&name, "events.out.tfevents.") &&
         absl::ConsumeSuffix(&name, ".graft") && IsDigits(name);
}

// Those of a stream: "labels.NAME.json".
bool IsStreamLabels(absl::string_view name) {
  return absl::ConsumePrefix(&name, "labels.") &&
         absl::ConsumeSuffix(&name, ".json") && !name.empty();
}

bool IsLastingRunFile(absl::string_view name) {
  for (const char* whole : {kRecord, kProgram, kModel, kLabels, "metrics.jsonl",
                            "best.safetensors"})
    if (name == whole) return true;
  return IsCheckpoint(name) || IsEventFile(name) || IsStreamLabels(name) ||
         (absl::StartsWith(name, "cached.") &&
          absl::EndsWith(name, ".safetensors"));
}

// "a, b and 3 more"; "no files".
std::string Describe(const std::vector<std::string>& names) {
  if (names.empty()) return "no files";
  const size_t shown = std::min(names.size(), kNames);
  std::string text = absl::StrJoin(names.begin(), names.begin() + shown, ", ");
  if (shown < names.size())
    absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

absl::StatusOr<nlohmann::json> ReadRecordFile(FileSystem& files,
                                              const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(files, path));
  GRAFT_ASSIGN_OR_RETURN(nlohmann::json file, ParseJson(text, path));
  const auto has = [&](const char* name, const char* type) {
    return file.contains(name) && file[name].type_name() == std::string(type);
  };
  if (file.is_object() && has("format", "string") &&
      file["format"].get<std::string>() == kRecordFormat && has("run", "array"))
    return file;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": expects a file of format ", kRecordFormat));
}

absl::StatusOr<RunRecord> ReadRecord(FileSystem& files,
                                     const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(const nlohmann::json file,
                         ReadRecordFile(files, path));
  return DecodeRunRecord(file["run"].dump());
}

// The model.graft of a run.
struct Trained {
  int64_t max_steps = 0;  // 0 for all epochs
  // That it took. Not known of a run that was killed before it said so.
  std::optional<int64_t> steps;
};

absl::StatusOr<Trained> ReadTrained(FileSystem& files,
                                    const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(const nlohmann::json file,
                         ReadRecordFile(files, path));
  const auto number = [](const nlohmann::json& object,
                         const char* name) -> std::optional<int64_t> {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_integer())
      return std::nullopt;
    return found->get<int64_t>();
  };
  const auto noted = file.find(kTrained);
  const nlohmann::json& from =
      noted != file.end() && noted->is_object() ? *noted : file;
  return Trained{number(from, kMaxSteps).value_or(0), number(from, kSteps)};
}

std::string DescribeSteps(int64_t limit) {
  return limit > 0 ? absl::StrCat("--max-steps ", limit)
                   : std::string("all epochs");
}

// Whether the file shows that a run was here: others may be a user's own.
bool IsOfRun(absl::string_view name) {
  return name == kRecord || IsCheckpoint(name);
}

// Whether there may be a run to resume: one that was killed while it was
// prepared has only locked the folder.
bool WasUsed(FileSystem& files, const std::string& directory,
             const std::vector<std::string>& names) {
  return files.Exists(JoinPath(directory, kLock)) ||
         std::any_of(names.begin(), names.end(), IsOfRun);
}

absl::Status CheckResumable(FileSystem& files, const std::string& directory) {
  std::vector<std::string> names;
  if (files.IsDirectory(directory)) {
    GRAFT_ASSIGN_OR_RETURN(names, files.List(directory));
    if (WasUsed(files, directory, names)) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      directory,
      ": --resume expects files of a run, such as "
      "checkpoint-000000100.safetensors, got ",
      files.Exists(directory) ? Describe(names) : "no such folder"));
}

}  // namespace

bool IsRunFile(absl::string_view name) {
  return name == kScratch || IsLastingRunFile(WithoutTemporary(name));
}

RunFolder::RunFolder(FileSystem& files, std::string directory, FolderUse use)
    : files_(files),
      directory_(std::move(directory)),
      scratch_(JoinPath(directory_, kScratch)),
      use_(use) {}

RunFolder::~RunFolder() {
  if (!lock_) return;
  if (made_scratch_) RemoveTree(files_, scratch_).IgnoreError();
  if (began_) return;
  if (made_lock_) files_.Remove(JoinPath(directory_, kLock)).IgnoreError();
  // Unless others have files in it.
  if (made_folder_) files_.Remove(directory_).IgnoreError();
}

absl::StatusOr<std::unique_ptr<RunFolder>> RunFolder::Open(
    FileSystem& files, const std::string& directory, FolderUse use) {
  if (use == FolderUse::kResume)
    GRAFT_RETURN_IF_ERROR(CheckResumable(files, directory));
  std::unique_ptr<RunFolder> folder(new RunFolder(files, directory, use));
  folder->made_folder_ = !files.Exists(directory);
  GRAFT_RETURN_IF_ERROR(files.CreateDirectories(directory));
  const std::string lock_path = JoinPath(directory, kLock);
  folder->made_lock_ = !files.Exists(lock_path);
  absl::StatusOr<std::unique_ptr<FileLock>> lock = FileLock::Acquire(lock_path);
  if (absl::IsFailedPrecondition(lock.status()))
    return absl::FailedPreconditionError(
        absl::StrCat(directory, ": expects a folder that no other run uses: ",
                     lock.status().message()));
  GRAFT_RETURN_IF_ERROR(lock.status());
  folder->lock_ = *std::move(lock);
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         folder->RunFiles());
  if (use == FolderUse::kNew) GRAFT_RETURN_IF_ERROR(folder->CheckNew(names));
  // What a killed run left unfinished.
  for (const std::string& name : names)
    if (!IsLastingRunFile(name))
      GRAFT_RETURN_IF_ERROR(RemoveTree(files, JoinPath(directory, name)));
  folder->made_scratch_ = true;
  GRAFT_RETURN_IF_ERROR(files.CreateDirectories(folder->scratch_));
  return folder;
}

absl::Status RunFolder::CheckNew(const std::vector<std::string>& names) const {
  const auto lasting =
      std::find_if(names.begin(), names.end(), IsLastingRunFile);
  if (lasting == names.end()) return absl::OkStatus();
  if (std::any_of(names.begin(), names.end(), IsOfRun))
    return absl::FailedPreconditionError(absl::StrCat(
        directory_, ": expects a folder without a run, got ", *lasting,
        "; --resume continues that run, --overwrite replaces it"));
  return absl::FailedPreconditionError(absl::StrCat(
      directory_, ": expects a folder without files that a run writes, got ",
      *lasting, "; --overwrite replaces it"));
}

absl::StatusOr<std::vector<std::string>> RunFolder::RunFiles() const {
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> names,
                         files_.List(directory_));
  std::erase_if(names,
                [](const std::string& name) { return !IsRunFile(name); });
  return names;
}

std::optional<std::string> RunFolder::KeptProgram() const {
  if (use_ != FolderUse::kResume) return std::nullopt;
  const auto checkpoints = ListCheckpoints(files_, directory_);
  if (!checkpoints.ok()) return std::nullopt;
  for (const std::string& checkpoint : *checkpoints) {
    const absl::StatusOr<RunRecord> record = ReadRunOf(files_, checkpoint);
    if (!record.ok()) continue;
    const std::string path = JoinPath(directory_, kProgram);
    const absl::StatusOr<std::string> hash = HashFile(files_, path);
    if (hash.ok() && *hash == PartOf(*record, "program")) return path;
    std::fprintf(
        stderr, "graft: %s; compiles it again\n",
        hash.ok()
            ? absl::StrCat(path, ": is not the program of ", checkpoint).c_str()
            : std::string(hash.status().message()).c_str());
    return std::nullopt;
  }
  return std::nullopt;
}

absl::Status RunFolder::CheckSameRun(const RunRecord& record) const {
  const std::string path = JoinPath(directory_, kRecord);
  if (!files_.Exists(path) && !files_.Exists(JoinPath(directory_, kModel)))
    return absl::OkStatus();
  absl::StatusOr<RunRecord> other = ReadRecord(files_, path);
  const std::string difference = other.ok()
                                     ? DescribeDifference(record, *other)
                                     : std::string(other.status().message());
  if (difference.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      directory_, ": --resume expects this run, got another one: ", difference,
      "; --overwrite replaces it"));
}

absl::StatusOr<bool> RunFolder::IsFinished(const RunRecord& record,
                                           int64_t max_steps) const {
  if (use_ != FolderUse::kResume ||
      !files_.Exists(JoinPath(directory_, kModel)))
    return false;
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> checkpoints,
                         ListCheckpoints(files_, directory_));
  const absl::Status same = CheckSameRun(record);
  // What differs from a checkpoint is said when that is read.
  if (!same.ok() && !checkpoints.empty()) return false;
  GRAFT_RETURN_IF_ERROR(same);
  GRAFT_ASSIGN_OR_RETURN(const Trained trained,
                         ReadTrained(files_, JoinPath(directory_, kRecord)));
  if (!trained.steps && !checkpoints.empty()) return false;
  if (max_steps == trained.max_steps) return true;
  if (trained.steps && max_steps > 0) {
    if (max_steps < *trained.steps)
      return absl::FailedPreconditionError(absl::StrCat(
          directory_, ": --resume expects at least the ", *trained.steps,
          " steps of its ", kModel, ", got --max-steps ", max_steps,
          "; --overwrite trains it from the beginning"));
    // The epochs end first, or a stop by --patience does.
    if (max_steps == *trained.steps || trained.max_steps == 0) return true;
  }
  if (!checkpoints.empty()) return false;
  return absl::FailedPreconditionError(absl::StrCat(
      directory_, ": --resume expects a checkpoint, got none, only the ",
      kModel, " of a run of ", DescribeSteps(trained.max_steps),
      ", while this one is of ", DescribeSteps(max_steps),
      "; --overwrite trains it from the beginning"));
}

absl::Status RunFolder::Begin(const RunRecord& record, int64_t max_steps,
                              bool resumed) {
  if (use_ == FolderUse::kResume && !resumed) {
    GRAFT_RETURN_IF_ERROR(CheckSameRun(record));
    std::fprintf(stderr, "graft: no checkpoint in %s: begins anew\n",
                 directory_.c_str());
  }
  began_ = true;
  if (use_ == FolderUse::kOverwrite) {
    GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> names, RunFiles());
    for (const std::string& name : names)
      if (name != kScratch)
        GRAFT_RETURN_IF_ERROR(files_.Remove(JoinPath(directory_, name)));
  }
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> made,
                         files_.List(scratch_));
  for (const std::string& name : made)
    if (name == kLabels || name == kProgram || IsStreamLabels(name))
      GRAFT_RETURN_IF_ERROR(
          files_.Rename(JoinPath(scratch_, name), JoinPath(directory_, name)));
  nlohmann::ordered_json file = {{"format", kRecordFormat},
                                 {kMaxSteps, max_steps}};
  const std::string path = JoinPath(directory_, kRecord);
  // The model of this run before it went on stays until it has a later one.
  const absl::StatusOr<nlohmann::json> old = ReadRecordFile(files_, path);
  if (resumed && old.ok() && old->contains(kTrained))
    file[kTrained] = (*old)[kTrained];
  file["run"] = nlohmann::ordered_json::parse(EncodeRunRecord(record));
  GRAFT_RETURN_IF_ERROR(
      WriteFile(files_, path, absl::StrCat(file.dump(1), "\n")));
  return RemoveTree(files_, scratch_);
}

absl::Status RunFolder::Finish(int64_t max_steps, int64_t steps) {
  const std::string path = JoinPath(directory_, kRecord);
  GRAFT_ASSIGN_OR_RETURN(const nlohmann::json old,
                         ReadRecordFile(files_, path));
  const nlohmann::ordered_json file = {
      {"format", kRecordFormat},
      {kMaxSteps, max_steps},
      {kTrained, {{kMaxSteps, max_steps}, {kSteps, steps}}},
      {"run", old["run"]}};
  return WriteFile(files_, path, absl::StrCat(file.dump(1), "\n"));
}

absl::StatusOr<std::string> HashFile(FileSystem& files,
                                     const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> file,
                         files.Map(path));
  ChecksumStream checksum;
  const absl::Span<const uint8_t> bytes = file->bytes();
  for (size_t at = 0; at < bytes.size(); at += kPiece) {
    checksum.Add(bytes.subspan(at, kPiece));
    file->Release(at, kPiece);
  }
  return absl::StrFormat("xxh3:%016x", checksum.value());
}

}  // namespace graft
