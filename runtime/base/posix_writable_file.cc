// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/posix_writable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/links.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/temporary_files.h"

namespace graft {
namespace internal_posix {
namespace {

// Large enough that the header fields of a writer cost no system call each.
constexpr size_t kWriteBuffer = 1 << 16;

// Writes either to a temporary file that Commit renames, or directly.
class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, Replacement replacement, Descriptor fd)
      : WritableFile(std::move(path)),
        temporary_(std::move(replacement.temporary)),
        target_(std::move(replacement.target)),
        fd_(std::move(fd)) {
    buffer_.reserve(kWriteBuffer);
    if (!temporary_.empty()) AddTemporary(temporary_);
  }

  ~PosixWritableFile() override {
    // Nobody is left to hear of a failure: callers who care call Flush.
    if (!committed_ && temporary_.empty()) WriteBuffer().IgnoreError();
    if (temporary_.empty()) return;
    if (!committed_) ::unlink(temporary_.c_str());
    DropTemporary(temporary_);
  }

  absl::Status Append(absl::Span<const uint8_t> bytes) override {
    if (buffer_.size() + bytes.size() <= kWriteBuffer) {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
      return absl::OkStatus();
    }
    GRAFT_RETURN_IF_ERROR(WriteBuffer());
    if (bytes.size() >= kWriteBuffer) return WriteAll(bytes);
    buffer_.assign(bytes.begin(), bytes.end());
    return absl::OkStatus();
  }

  absl::Status Flush() override {
    return temporary_.empty() ? WriteBuffer() : absl::OkStatus();
  }

  absl::Status Commit() override {
    GRAFT_RETURN_IF_ERROR(WriteBuffer());
    // Pipes and devices have nothing to sync.
    if (Retry([&] { return ::fsync(fd_.get()); }) != 0 &&
        (!temporary_.empty() || (errno != EINVAL && errno != EROFS))) {
      return FileError(errno, path(), "sync");
    }
    if (!fd_.Close()) return FileError(errno, path(), "close");
    if (temporary_.empty()) {
      committed_ = true;
      return absl::OkStatus();
    }
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      return FileError(errno, path(),
                       absl::StrCat("rename ", temporary_, " to it"));
    }
    // From here on the file is there; only its durability may still fail.
    committed_ = true;
    return FileSystem::Posix().SyncDirectory(DirectoryName(target_));
  }

 private:
  absl::Status WriteBuffer() {
    absl::Status status = WriteAll(buffer_);
    buffer_.clear();
    return status;
  }

  absl::Status WriteAll(absl::Span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t put =
          Retry([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
      if (put < 0) return FileError(errno, path(), "write");
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    return absl::OkStatus();
  }

  const std::string temporary_, target_;
  Descriptor fd_;
  std::vector<uint8_t> buffer_;
  bool committed_ = false;
};

}  // namespace

std::unique_ptr<WritableFile> OpenedForWriting(std::string path,
                                               Descriptor fd) {
  return std::make_unique<PosixWritableFile>(std::move(path), Replacement(),
                                             std::move(fd));
}

absl::StatusOr<std::unique_ptr<WritableFile>> OpenInPlace(
    const std::string& path, int flags) {
  const std::optional<int> own = OwnDescriptor(path);
  if (!own) {
    GRAFT_ASSIGN_OR_RETURN(Descriptor fd, Open(path, O_WRONLY | flags, "open"));
    return OpenedForWriting(path, std::move(fd));
  }
  const int mode = ::fcntl(*own, F_GETFL);
  if (mode >= 0 && (mode & O_ACCMODE) == O_RDONLY)
    return FileError(EBADF, path, "write");
  const int fd = Retry([&] { return ::fcntl(*own, F_DUPFD_CLOEXEC, 3); });
  if (fd < 0) return FileError(errno, path, "open");
  return OpenedForWriting(path, Descriptor(fd));
}

absl::StatusOr<std::unique_ptr<WritableFile>> CreateAside(
    std::string path, Replacement replacement) {
  const CreationSection section;
  const int fd = Retry([&] {
    return ::open(replacement.temporary.c_str(),
                  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  });
  if (fd < 0 && replacement.mode &&
      (errno == EACCES || errno == EPERM || errno == EROFS))
    return OpenInPlace(path, O_TRUNC);
  if (fd < 0) return FileError(errno, path, "create");
  // It may fail on file systems without modes, where there is none to keep.
  if (replacement.mode) ::fchmod(fd, *replacement.mode);
  return std::make_unique<PosixWritableFile>(
      std::move(path), std::move(replacement), Descriptor(fd));
}

}  // namespace internal_posix
}  // namespace graft
