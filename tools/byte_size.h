// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_BYTE_SIZE_H_
#define GRAFT_TOOLS_BYTE_SIZE_H_

#include <map>
#include <string>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"

namespace graft {

// Turns sizes of memory, 800MB or 1.2GiB, into bytes, for options of doubles.
// A number alone is bytes.
inline CLI::AsNumberWithUnit AsBytes() {
  return CLI::AsNumberWithUnit(
      std::map<std::string, double>{{"B", 1.0},
                                    {"kB", 1e3},
                                    {"MB", 1e6},
                                    {"GB", 1e9},
                                    {"KiB", 1024.0},
                                    {"MiB", 1024.0 * 1024.0},
                                    {"GiB", 1024.0 * 1024.0 * 1024.0}});
}

}  // namespace graft

#endif  // GRAFT_TOOLS_BYTE_SIZE_H_
