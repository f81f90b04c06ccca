// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Progress output of a command.

#ifndef GRAFT_TOOLS_GRAFT_TERMINAL_H_
#define GRAFT_TOOLS_GRAFT_TERMINAL_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace graft {

// "0:07", "12:30" or "3:05:09".
std::string FormatDuration(double seconds);

// "1 text" or "2 texts" of `one` word for one.
std::string CountOf(int64_t count, absl::string_view one);

// A line on standard error that is overwritten in place. If standard error is
// not a terminal, prints at most one line per ten seconds. Silent with `quiet`.
// Not thread-safe.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine() { Finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Shows `line`, unless the previous one was shown less than a tenth of a
  // second ago; always shows it with `last`.
  void Update(absl::string_view line, bool last = false);
  // Ends the line, so that other output begins on its own.
  void Finish();

 private:
  const bool quiet_;
  const bool terminal_;
  absl::Time shown_ = absl::InfinitePast();
  bool open_ = false;
};

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TERMINAL_H_
