// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_ARGUMENTS_H_
#define GRAFT_TOOLS_ARGUMENTS_H_

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace graft {

// The arguments of main as CLI11 takes a vector of them: the last one first,
// without the program. It would read `--text= --json` as the text "--json";
// here an empty value is an argument of its own.
inline std::vector<std::string> ReversedArguments(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    absl::string_view argument = argv[i];
    const bool empty_value = argument.size() > 3 &&
                             absl::StartsWith(argument, "--") &&
                             argument.find('=') == argument.size() - 1;
    if (empty_value) {
      arguments.emplace_back();
      argument.remove_suffix(1);
    }
    arguments.emplace_back(argument);
  }
  return arguments;
}

}  // namespace graft

#endif  // GRAFT_TOOLS_ARGUMENTS_H_
