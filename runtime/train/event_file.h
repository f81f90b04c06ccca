// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// TensorBoard event files with scalar values.

#ifndef GRAFT_RUNTIME_TRAIN_EVENT_FILE_H_
#define GRAFT_RUNTIME_TRAIN_EVENT_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"

namespace graft {

// Appends records that TensorBoard reads: each framed by its length and two
// masked CRC-32C (the TFRecord framing), each payload one Event message of
// tensorflow/core/util/event.proto. Thread-compatible.
class EventFile {
 public:
  // Creates DIRECTORY/events.out.tfevents.SECONDS.graft. `seconds` is the wall
  // clock's, since 1970. Its first events tell TensorBoard to forget what
  // earlier files of the directory have of `first_step` and later.
  static absl::StatusOr<std::unique_ptr<EventFile>> Create(
      FileSystem& files, const std::string& directory, double seconds,
      int64_t first_step);

  // Adds scalars of one step and hands them to the system. Allocates nothing
  // while an event is shorter than a kilobyte.
  absl::Status Write(
      double seconds, int64_t step,
      absl::Span<const std::pair<absl::string_view, float>> scalars);

 private:
  explicit EventFile(std::unique_ptr<WritableFile> file);

  // Replaces event_ by the fields that all events have.
  void BeginEvent(double seconds);
  absl::Status AppendEvent();

  std::unique_ptr<WritableFile> file_;
  // Messages under construction, kept for their memory.
  std::string value_, summary_, event_, record_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_EVENT_FILE_H_
