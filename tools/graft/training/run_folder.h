// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The folder of a run, --output: one run at a time owns it.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_RUN_FOLDER_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_RUN_FOLDER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/file_lock.h"
#include "runtime/train/run_record.h"

namespace graft {

// What a run may do with what an earlier one left.
enum class FolderUse { kNew, kResume, kOverwrite };

// Whether a run leaves files of this name in its folder, those that a kill left
// unfinished included.
bool IsRunFile(absl::string_view name);

// Locked while it lives. What is prepared for a run lies in scratch() until
// Begin, so that a mistake in the options of a new run costs nothing of an old
// one. Thread-compatible.
class RunFolder {
 public:
  // Creates the folder and locks it, or, to resume a run, expects both.
  // FAILED_PRECONDITION: another process owns it; it has files that a run
  // replaces, of which one is named, and `use` is kNew; or neither run.json nor
  // a checkpoint to resume, nor the lock of a run that was killed. Nothing has
  // changed then.
  static absl::StatusOr<std::unique_ptr<RunFolder>> Open(
      FileSystem& files, const std::string& directory, FolderUse use);

  // Removes scratch(), and the folder and the file of the lock if Open has made
  // them for a run that never began.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  // A folder inside for files of the preparation.
  const std::string& scratch() const { return scratch_; }

  // The program that the newest checkpoint was made with, if it is there and
  // whole; else none, and a line on standard error says why it is compiled
  // again. None without a checkpoint.
  std::optional<std::string> KeptProgram() const;

  // Whether the run is to be resumed, but has its model.graft already.
  // FAILED_PRECONDITION: the model is of more steps than `max_steps`; or there
  // is no checkpoint from which its run could go on, and it is one of other
  // `max_steps`, or of another run, whose differences are named.
  absl::StatusOr<bool> IsFinished(const RunRecord& record,
                                  int64_t max_steps) const;

  // Moves what was prepared into its place and writes run.json; what an
  // overwritten run left goes first. FAILED_PRECONDITION: the run does not
  // continue from a checkpoint, though it should, and is another one than that
  // whose files are here; differences are named. A line on standard error says
  // if it is the same, but begins anew.
  absl::Status Begin(const RunRecord& record, int64_t max_steps, bool resumed);

  // Notes in run.json that model.graft is that of `max_steps`, 0 for all
  // epochs, which ended after `steps`.
  absl::Status Finish(int64_t max_steps, int64_t steps);

 private:
  RunFolder(FileSystem& files, std::string directory, FolderUse use);

  absl::StatusOr<std::vector<std::string>> RunFiles() const;
  // FAILED_PRECONDITION: files of `names` would be replaced by a new run.
  absl::Status CheckNew(const std::vector<std::string>& names) const;
  absl::Status CheckSameRun(const RunRecord& record) const;

  FileSystem& files_;
  const std::string directory_, scratch_;
  const FolderUse use_;
  std::unique_ptr<FileLock> lock_;
  bool began_ = false;
  bool made_folder_ = false, made_lock_ = false, made_scratch_ = false;
};

// The checksum of a whole file, in 16 hexadecimal digits after "xxh3:".
absl::StatusOr<std::string> HashFile(FileSystem& files,
                                     const std::string& path);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_RUN_FOLDER_H_
