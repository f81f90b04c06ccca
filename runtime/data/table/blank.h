// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DATA_TABLE_BLANK_H_
#define GRAFT_RUNTIME_DATA_TABLE_BLANK_H_

#include "absl/strings/string_view.h"

namespace graft {

// Whether `text` is empty or has white space of Unicode only. Such a text is
// refused wherever a text is expected. Bytes that are not UTF-8 are not blank.
bool IsBlank(absl::string_view text);

// `text` without the white space of Unicode at both ends; a part of it.
absl::string_view StripBlanks(absl::string_view text);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_BLANK_H_
