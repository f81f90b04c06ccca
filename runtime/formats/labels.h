// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Labels of classes: any text, in files and messages.

#ifndef GRAFT_RUNTIME_FORMATS_LABELS_H_
#define GRAFT_RUNTIME_FORMATS_LABELS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"

namespace graft {

// A label as messages show it: on one line, cut after about 40 bytes.
std::string DescribeLabel(absl::string_view label);

// "(neg, pos)": up to ten labels, and how many more there are.
std::string DescribeLabels(const std::vector<std::string>& labels);

// Reads the labels of the classes 0, 1, ...: a list of strings in a file
// *.json, else one per line. INVALID_ARGUMENT names the file and what is wrong:
// fewer than two labels, one that is empty, or one that stands there twice.
absl::StatusOr<std::vector<std::string>> ReadLabels(FileSystem& files,
                                                    const std::string& path);

// Writes labels in UTF-8 as a list of strings that ReadLabels reads back.
absl::Status WriteLabels(FileSystem& files, const std::string& path,
                         const std::vector<std::string>& labels);

// Labels that a person may take for equal have equal keys: those that differ
// only by blanks, or by the way in which a number is written.
std::string LooseKey(absl::string_view label);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_LABELS_H_
