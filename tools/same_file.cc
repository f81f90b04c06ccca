// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/same_file.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"

namespace graft {

absl::Status CheckNoInput(absl::string_view option, const std::string& output,
                          const std::vector<std::string>& inputs) {
  struct stat written;
  if (::stat(output.c_str(), &written) != 0 || !S_ISREG(written.st_mode))
    return absl::OkStatus();
  for (const std::string& input : inputs) {
    struct stat read;
    if (::stat(input.c_str(), &read) == 0 && read.st_dev == written.st_dev &&
        read.st_ino == written.st_ino)
      return absl::InvalidArgumentError(
          absl::StrCat(option, ": expects another file than the input ", input,
                       ", got ", output));
  }
  return absl::OkStatus();
}

}  // namespace graft
