// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/terminal.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace graft {

std::string FormatDuration(double seconds) {
  const auto whole = static_cast<int64_t>(std::lround(seconds));
  if (whole < 3600) return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60,
                         whole % 60);
}

std::string CountOf(int64_t count, absl::string_view one) {
  return absl::StrCat(count, " ", one, count == 1 ? "" : "s");
}

ProgressLine::ProgressLine(bool quiet)
    : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::Update(absl::string_view line, bool last) {
  if (quiet_) return;
  const absl::Time now = absl::Now();
  const absl::Duration pause =
      terminal_ ? absl::Milliseconds(100) : absl::Seconds(10);
  if (!last && now - shown_ < pause) return;
  shown_ = now;
  const int length = static_cast<int>(line.size());
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%.*s", length, line.data());
    open_ = true;
  } else {
    std::fprintf(stderr, "%.*s\n", length, line.data());
  }
  std::fflush(stderr);
}

void ProgressLine::Finish() {
  if (!open_) return;
  std::fputc('\n', stderr);
  open_ = false;
}

}  // namespace graft
