// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_BASE_LINKS_H_
#define GRAFT_RUNTIME_BASE_LINKS_H_

#include <optional>
#include <string>

namespace graft {

// Follows symbolic links, of which the last may lead to nothing. A path that is
// no link stays as it is spelt.
std::string ResolveLinks(std::string path);

// Whether `path`, or a link on the way from it, is an open file of a process:
// /dev/stdout, /dev/fd/3, /proc/self/fd/3.
bool IsOpenFile(std::string path);

// The descriptor, if that process is this one: 1 for /dev/stdout. Opening the
// path would give another descriptor, which writes at a place of its own.
std::optional<int> OwnDescriptor(std::string path);

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_LINKS_H_
