// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_SAME_FILE_H_
#define GRAFT_TOOLS_SAME_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace graft {

// INVALID_ARGUMENT if `output`, the value of the option `option`, is one of the
// files `inputs`, under whatever name: it would be lost. Only regular files are
// compared; a file that is not there is none of them.
absl::Status CheckNoInput(absl::string_view option, const std::string& output,
                          const std::vector<std::string>& inputs);

}  // namespace graft

#endif  // GRAFT_TOOLS_SAME_FILE_H_
