// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DEVICE_CPU_CODE_LIBRARY_H_
#define GRAFT_RUNTIME_DEVICE_CPU_CODE_LIBRARY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/schema/kernel_abi.h"

namespace graft {

// A shared object loaded from memory: through an anonymous file, or through a
// temporary file (TMPDIR, else /tmp) where the system has no such files.
// Immutable, hence thread-safe; its functions are valid as long as it lives.
class CodeLibrary {
 public:
  // FAILED_PRECONDITION begins with `where` and says what the dynamic loader
  // said.
  static absl::StatusOr<std::unique_ptr<CodeLibrary>> Load(
      absl::Span<const uint8_t> code, absl::string_view where);

  ~CodeLibrary();
  CodeLibrary(const CodeLibrary&) = delete;
  CodeLibrary& operator=(const CodeLibrary&) = delete;

  // Null when there is no such symbol.
  GraftKernel Find(const std::string& symbol) const;

 private:
  CodeLibrary(int file, void* handle) : file_(file), handle_(handle) {}

  // Kept open: the dynamic loader knows a library by its path, and the path
  // /proc/self/fd/N must not come to mean another library while this one is
  // loaded. -1 for a temporary file.
  const int file_;
  void* const handle_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_CPU_CODE_LIBRARY_H_
