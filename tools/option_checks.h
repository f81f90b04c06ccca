// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The command lines of programs that CLI11 parses: checks of values for
// Option::check, and the messages of what is wrong.

#ifndef GRAFT_TOOLS_OPTION_CHECKS_H_
#define GRAFT_TOOLS_OPTION_CHECKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "tools/option_values.h"

namespace graft {

CLI::Validator WholeNumber(uint64_t least, uint64_t most = kMostCounted);
CLI::Validator Number(double least, double most = kInfinity);
CLI::Validator OneOf(std::vector<std::string> choices);
CLI::Validator PowerOfTwo();
// For Option::transform: turns 800MB or 1.2GiB into bytes, for options of
// doubles. A number alone is bytes.
CLI::Validator ByteSize();

// What values of options, which are named --like-this, may be.
struct OptionValues {
  std::vector<std::string> may_be_empty;  // of others an empty one is wrong
  // Take what is spelt like an option of the command. With others it is a value
  // that was forgotten, unless it follows after `=`.
  std::vector<std::string> take_options;
};

// Parses the command line and runs the callbacks. Returns nullopt to go on, or
// the exit status: 0 after --help or --version, 2 for wrong usage, about which
// one line on standard error names the option, what it expects and what it got,
// and a second one the help. A command, option or choice that is misspelt gets
// the nearest suggested.
std::optional<int> ParseCommandLine(CLI::App& app, int argc,
                                    const char* const* argv,
                                    const OptionValues& values = {});

}  // namespace graft

#endif  // GRAFT_TOOLS_OPTION_CHECKS_H_
