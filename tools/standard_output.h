// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Standard output whose errors are noticed: a full disk must not cut results
// off in silence.

#ifndef GRAFT_TOOLS_STANDARD_OUTPUT_H_
#define GRAFT_TOOLS_STANDARD_OUTPUT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace graft {

// Called first in main. From then on a reader that closed standard error does
// not end the process: nobody loses a training because its progress is no
// longer watched. A standard stream that is closed stays unusable: no file that
// is opened later gets its number, and messages within.
void PrepareStandardOutput();

// Writes `text` to standard output, which may buffer it. An error names
// standard output and what the system said; later calls return it again. If the
// reader has closed the pipe, the process ends as SIGPIPE ends others, without
// a word.
absl::Status Print(absl::string_view text);

// Hands all to the system that was printed, here or by the C library.
absl::Status FlushStandardOutput();

}  // namespace graft

#endif  // GRAFT_TOOLS_STANDARD_OUTPUT_H_
