// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/links.h"
#include "runtime/base/posix_descriptor.h"
#include "runtime/base/posix_writable_file.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

using internal_posix::CreateAside;
using internal_posix::Descriptor;
using internal_posix::Open;
using internal_posix::OpenedForWriting;
using internal_posix::OpenInPlace;
using internal_posix::Replacement;
using internal_posix::Retry;

absl::StatusOr<uint64_t> RegularFileSize(int fd, const std::string& path) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return FileError(errno, path, "stat");
  if (S_ISDIR(info.st_mode)) return FileError(EISDIR, path, "read");
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": expects a regular file, got ",
        S_ISFIFO(info.st_mode) ? "a pipe" : "a device or the like"));
  }
  return static_cast<uint64_t>(info.st_size);
}

class PosixMappedFile final : public MappedFile {
 public:
  PosixMappedFile(std::string path, absl::Span<const uint8_t> bytes)
      : MappedFile(std::move(path), bytes) {}
  ~PosixMappedFile() override {
    if (bytes().empty()) return;
    ::munmap(const_cast<uint8_t*>(bytes().data()), bytes().size());
  }

  void Release(uint64_t offset, uint64_t size) const override {
    if (offset > bytes().size()) return;
    const uint64_t page = ::sysconf(_SC_PAGESIZE);
    // Whole pages only, as neighbours may be in use. The mapping is shared and
    // read-only, so that this drops no data.
    const uint64_t begin = (offset + page - 1) / page * page;
    const uint64_t end =
        (offset + std::min<uint64_t>(size, bytes().size() - offset)) / page *
        page;
    if (begin >= end) return;
    ::madvise(const_cast<uint8_t*>(bytes().data()) + begin, end - begin,
              MADV_DONTNEED);
  }
};

class PosixSequentialFile final : public SequentialFile {
 public:
  PosixSequentialFile(std::string path, Descriptor fd)
      : SequentialFile(std::move(path)), fd_(std::move(fd)) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const ssize_t got =
        Retry([&] { return ::read(fd_.get(), buffer.data(), buffer.size()); });
    if (got < 0) return FileError(errno, path(), "read");
    return static_cast<size_t>(got);
  }

  absl::Status Seek(uint64_t offset) override {
    if (::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_SET) >= 0)
      return absl::OkStatus();
    if (errno != ESPIPE) return FileError(errno, path(), "seek");
    return absl::FailedPreconditionError(absl::StrCat(
        path(),
        ": expects a file that can be read more than once, got a pipe "
        "or the like"));
  }

 private:
  Descriptor fd_;
};

// What a process reads from its standard input.
class StandardInput final : public SequentialFile {
 public:
  explicit StandardInput(Descriptor fd)
      : SequentialFile("standard input"), fd_(std::move(fd)) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const ssize_t got =
        Retry([&] { return ::read(fd_.get(), buffer.data(), buffer.size()); });
    if (got < 0) return FileError(errno, path(), "read");
    return static_cast<size_t>(got);
  }
  // Not even of a file: others may have read a part of it.
  absl::Status Seek(uint64_t) override {
    return absl::FailedPreconditionError(absl::StrCat(
        path(), ": expects a file that can be read more than once"));
  }

 private:
  Descriptor fd_;
};

class PosixScratchFile final : public ScratchFile {
 public:
  PosixScratchFile(std::string folder, Descriptor fd)
      : ScratchFile(std::move(folder)), fd_(std::move(fd)) {}

  absl::Status Append(absl::Span<const char> bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = Retry([&] {
        return ::pwrite(fd_.get(), bytes.data(), bytes.size(),
                        static_cast<off_t>(size_));
      });
      if (put < 0) return FileError(errno, path(), "write a temporary file");
      size_ += static_cast<uint64_t>(put);
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const ssize_t got = Retry([&] {
      return ::pread(fd_.get(), buffer.data(), buffer.size(),
                     static_cast<off_t>(position_));
    });
    if (got < 0) return FileError(errno, path(), "read a temporary file");
    position_ += static_cast<uint64_t>(got);
    return static_cast<size_t>(got);
  }
  absl::Status Seek(uint64_t offset) override {
    position_ = offset;
    return absl::OkStatus();
  }

 private:
  Descriptor fd_;
  uint64_t size_ = 0;
  uint64_t position_ = 0;
};

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<MappedFile>> Map(
      const std::string& path) override {
    // O_NONBLOCK, here and in Size: to open a pipe would wait for its writer.
    GRAFT_ASSIGN_OR_RETURN(Descriptor fd,
                           Open(path, O_RDONLY | O_NONBLOCK, "open"));
    GRAFT_ASSIGN_OR_RETURN(const uint64_t size,
                           RegularFileSize(fd.get(), path));
    absl::Span<const uint8_t> bytes;
    if (size > 0) {  // an empty mapping is an error of mmap
      void* data =
          ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), /*offset=*/0);
      if (data == MAP_FAILED) return FileError(errno, path, "map");
      bytes = absl::MakeConstSpan(static_cast<const uint8_t*>(data), size);
    }
    return std::make_unique<PosixMappedFile>(path, bytes);
  }

  absl::StatusOr<std::unique_ptr<SequentialFile>> OpenSequential(
      const std::string& path) override {
    GRAFT_ASSIGN_OR_RETURN(Descriptor fd, Open(path, O_RDONLY, "open"));
    // open() accepts a directory; say so here and not at the first read.
    struct stat info;
    if (::fstat(fd.get(), &info) == 0 && S_ISDIR(info.st_mode)) {
      return FileError(EISDIR, path, "read");
    }
    return std::make_unique<PosixSequentialFile>(path, std::move(fd));
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> CreateAtomic(
      const std::string& path) override {
    struct stat old;
    const bool exists = ::stat(path.c_str(), &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) return FileError(EISDIR, path, "write");
    Replacement replacement;
    replacement.target = ResolveLinks(path);
    // What is no file, and the descriptors of a process, can only be written
    // into. A file may be that of `> file`, whose writer goes on behind us.
    if (exists && (!S_ISREG(old.st_mode) || IsOpenFile(path)))
      return OpenInPlace(path, O_APPEND);
    // A rename would also replace what may not be written.
    if (exists && ::access(path.c_str(), W_OK) != 0)
      return FileError(errno, path, "write");
    static std::atomic<uint64_t> counter{0};
    replacement.temporary = absl::StrCat(replacement.target, ".tmp-",
                                         ::getpid(), "-", counter.fetch_add(1));
    if (exists) replacement.mode = old.st_mode & 07777;
    return CreateAside(path, std::move(replacement));
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> OpenAppend(
      const std::string& path) override {
    GRAFT_ASSIGN_OR_RETURN(Descriptor fd,
                           Open(path, O_WRONLY | O_CREAT | O_APPEND, "open"));
    return OpenedForWriting(path, std::move(fd));
  }

  absl::StatusOr<std::unique_ptr<ScratchFile>> CreateScratch() override {
    const char* variable = ::getenv("TMPDIR");
    const std::string folder =
        variable != nullptr && *variable != 0 ? variable : "/tmp";
    // Removed at once: not every file system has O_TMPFILE.
    std::string name = absl::StrCat(folder, "/graft-XXXXXX");
    const int fd = Retry([&] { return ::mkostemp(name.data(), O_CLOEXEC); });
    if (fd < 0) return FileError(errno, folder, "create a temporary file");
    ::unlink(name.c_str());
    return std::make_unique<PosixScratchFile>(folder, Descriptor(fd));
  }

  absl::StatusOr<uint64_t> Size(const std::string& path) override {
    GRAFT_ASSIGN_OR_RETURN(Descriptor fd,
                           Open(path, O_RDONLY | O_NONBLOCK, "open"));
    return RegularFileSize(fd.get(), path);
  }

  bool Exists(const std::string& path) override {
    struct stat info;
    return ::lstat(path.c_str(), &info) == 0;
  }

  bool IsDirectory(const std::string& path) override {
    struct stat info;
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  }

  absl::StatusOr<std::vector<std::string>> List(
      const std::string& directory) override {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) return FileError(errno, directory, "list");
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
      const absl::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    const int error = errno;
    ::closedir(stream);
    if (error != 0) return FileError(error, directory, "list");
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status CreateDirectories(const std::string& directory) override {
    // Each prefix that ends before a slash, then the whole.
    for (size_t end = 1; end <= directory.size(); ++end) {
      if (end < directory.size() && directory[end] != '/') continue;
      const std::string prefix = directory.substr(0, end);
      if (::mkdir(prefix.c_str(), 0777) == 0 || errno == EEXIST) continue;
      return FileError(errno, prefix, "create directory");
    }
    struct stat info;
    if (::stat(directory.c_str(), &info) != 0) {
      return FileError(errno, directory, "create directory");
    }
    if (!S_ISDIR(info.st_mode)) {
      return FileError(ENOTDIR, directory, "create directory");
    }
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return FileError(errno, from, absl::StrCat("rename to ", to));
  }

  absl::Status Remove(const std::string& path) override {
    if (std::remove(path.c_str()) == 0) return absl::OkStatus();
    return FileError(errno, path, "remove");
  }

  absl::Status SyncDirectory(const std::string& directory) override {
    GRAFT_ASSIGN_OR_RETURN(Descriptor fd,
                           Open(directory, O_RDONLY | O_DIRECTORY, "open"));
    // Some network file systems cannot sync a directory and say EINVAL; there
    // the rename is as durable as they make it.
    if (Retry([&] { return ::fsync(fd.get()); }) != 0 && errno != EINVAL) {
      return FileError(errno, directory, "sync");
    }
    return absl::OkStatus();
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<SequentialFile>> OpenStandardInput() {
  const int fd = Retry([&] { return ::fcntl(0, F_DUPFD_CLOEXEC, 3); });
  if (fd < 0) return FileError(errno, "standard input", "open");
  Descriptor owned(fd);
  struct stat info;
  if (::fstat(owned.get(), &info) == 0 && S_ISDIR(info.st_mode))
    return FileError(EISDIR, "standard input", "read");
  return std::make_unique<StandardInput>(std::move(owned));
}

FileSystem& FileSystem::Posix() {
  static PosixFileSystem* const kFileSystem = new PosixFileSystem;
  return *kFileSystem;
}

}  // namespace graft
