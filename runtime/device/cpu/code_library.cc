// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/code_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace graft {
namespace {

// False with errno set when not all bytes could be written.
bool WriteAll(int file, absl::Span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(written);
  }
  return true;
}

void* Open(const std::string& path) {
  return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
}

// The loader's or the system's last word.
std::string LastError() {
  const char* text = dlerror();
  return text != nullptr ? text : strerror(errno);
}

void* OpenTemporary(absl::Span<const uint8_t> code, std::string& error) {
  const char* directory = getenv("TMPDIR");
  std::string path = absl::StrCat(
      directory != nullptr && *directory != '\0' ? directory : "/tmp",
      "/graft-code-XXXXXX");
  const int file = mkostemp(path.data(), O_CLOEXEC);
  if (file < 0) {
    error = absl::StrCat(path, ": ", strerror(errno));
    return nullptr;
  }
  void* handle = WriteAll(file, code) ? Open(path) : nullptr;
  if (handle == nullptr) error = LastError();
  close(file);
  unlink(path.c_str());
  return handle;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CodeLibrary>> CodeLibrary::Load(
    absl::Span<const uint8_t> code, absl::string_view where) {
  static constexpr uint8_t kElf[4] = {0x7f, 'E', 'L', 'F'};
  if (code.size() < sizeof(kElf) ||
      !std::equal(kElf, kElf + sizeof(kElf), code.begin())) {
    return absl::FailedPreconditionError(
        absl::StrCat(where, ": expects an ELF shared object as code"));
  }
  std::string error;
  int file = memfd_create("graft-code", MFD_CLOEXEC);
  void* handle = nullptr;
  if (file >= 0 && WriteAll(file, code)) {
    handle = Open(absl::StrCat("/proc/self/fd/", file));
    if (handle == nullptr) error = LastError();
  }
  if (handle == nullptr) {
    if (file >= 0) close(file);
    file = -1;
    handle = OpenTemporary(code, error);
  }
  if (handle == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(where, ": cannot load code: ", error));
  }
  return std::unique_ptr<CodeLibrary>(new CodeLibrary(file, handle));
}

CodeLibrary::~CodeLibrary() {
  dlclose(handle_);
  if (file_ >= 0) close(file_);
}

GraftKernel CodeLibrary::Find(const std::string& symbol) const {
  return reinterpret_cast<GraftKernel>(dlsym(handle_, symbol.c_str()));
}

}  // namespace graft
