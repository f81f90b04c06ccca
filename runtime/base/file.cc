// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/file.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace graft {

absl::StatusOr<absl::Span<const uint8_t>> MappedFile::Range(
    uint64_t offset, uint64_t size, absl::string_view what) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) {
    return absl::OutOfRangeError(
        absl::StrCat(path_, ": ", what, " expects ", size, " bytes at offset ",
                     offset, ", got a file of ", bytes_.size(), " bytes"));
  }
  return bytes_.subspan(static_cast<size_t>(offset), static_cast<size_t>(size));
}

absl::StatusOr<std::string> ReadFile(FileSystem& files, const std::string& path,
                                     uint64_t limit) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SequentialFile> file,
                         files.OpenSequential(path));
  std::string contents;
  constexpr size_t kStep = 1 << 16;
  size_t filled = 0;
  while (true) {
    // Doubling keeps the copies of a long file linear.
    if (contents.size() == filled) {
      contents.resize(std::max(kStep, filled * 2));
    }
    GRAFT_ASSIGN_OR_RETURN(
        const size_t got, file->Read(absl::MakeSpan(&contents[filled],
                                                    contents.size() - filled)));
    if (got == 0) break;
    filled += got;
    if (filled > limit) {
      return absl::ResourceExhaustedError(absl::StrCat(
          path, ": expects at most ", limit, " bytes, got a longer file"));
    }
  }
  contents.resize(filled);
  return contents;
}

absl::Status WriteFile(FileSystem& files, const std::string& path,
                       absl::string_view contents) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                         files.CreateAtomic(path));
  GRAFT_RETURN_IF_ERROR(file->Append(contents));
  return file->Commit();
}

absl::Status RemoveTree(FileSystem& files, const std::string& path) {
  // Removing first makes a symbolic link go without a look at its target.
  absl::Status removed = files.Remove(path);
  if (removed.ok() || absl::IsNotFound(removed)) return absl::OkStatus();
  if (!absl::IsFailedPrecondition(removed) || !files.IsDirectory(path)) {
    return removed;
  }
  // Depth is bounded by the path length the system accepts.
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> names, files.List(path));
  for (const std::string& name : names) {
    GRAFT_RETURN_IF_ERROR(RemoveTree(files, JoinPath(path, name)));
  }
  return files.Remove(path);
}

std::string JoinPath(absl::string_view directory, absl::string_view name) {
  if (absl::StartsWith(name, "/")) return std::string(name);
  if (directory.empty()) return std::string(name);
  if (absl::EndsWith(directory, "/")) return absl::StrCat(directory, name);
  return absl::StrCat(directory, "/", name);
}

std::string DirectoryName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

absl::Status FileError(int error_number, absl::string_view path,
                       absl::string_view what) {
  std::string message = absl::StrCat(path, ": cannot ", what);
  const absl::Status status = absl::ErrnoToStatus(error_number, message);
  switch (error_number) {
    case EIO:
      return absl::DataLossError(status.message());
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
      return absl::ResourceExhaustedError(status.message());
    case ENOENT:
      return absl::NotFoundError(status.message());
    case EISDIR:
    case ENOTDIR:
    case ENOTEMPTY:
    case EEXIST:
      return absl::FailedPreconditionError(status.message());
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(status.message());
    default:
      return status;
  }
}

}  // namespace graft
