// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_FUZZ_ONE_FILE_H_
#define GRAFT_TEST_FUZZ_ONE_FILE_H_

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/file.h"

namespace graft {

// A file system in which every path is one file in memory that is read in steps
// of at most `step` bytes, or mapped. Everything else fails with EROFS.
class OneFile : public FileSystem {
 public:
  OneFile(absl::string_view bytes, size_t step) : bytes_(bytes), step_(step) {}

  absl::StatusOr<std::unique_ptr<MappedFile>> Map(
      const std::string& path) override {
    return std::make_unique<Mapping>(path, bytes_);
  }
  absl::StatusOr<std::unique_ptr<SequentialFile>> OpenSequential(
      const std::string& path) override {
    return std::make_unique<Reader>(path, bytes_, step_);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> CreateAtomic(
      const std::string& path) override {
    return FileError(EROFS, path, "create");
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenAppend(
      const std::string& path) override {
    return FileError(EROFS, path, "open");
  }
  absl::StatusOr<std::unique_ptr<ScratchFile>> CreateScratch() override {
    return FileError(EROFS, "temporary file", "create");
  }
  absl::StatusOr<uint64_t> Size(const std::string&) override {
    return bytes_.size();
  }
  bool Exists(const std::string&) override { return true; }
  bool IsDirectory(const std::string&) override { return false; }
  absl::StatusOr<std::vector<std::string>> List(
      const std::string& path) override {
    return FileError(ENOTDIR, path, "list");
  }
  absl::Status CreateDirectories(const std::string& path) override {
    return FileError(EROFS, path, "create");
  }
  absl::Status Rename(const std::string& from, const std::string&) override {
    return FileError(EROFS, from, "rename");
  }
  absl::Status Remove(const std::string& path) override {
    return FileError(EROFS, path, "remove");
  }
  absl::Status SyncDirectory(const std::string&) override {
    return absl::OkStatus();
  }

 protected:
  // A copy, with nothing behind it for the sanitizer to miss.
  class Mapping final : public MappedFile {
   public:
    Mapping(std::string path, absl::string_view bytes)
        : Mapping(std::move(path), Copy(bytes), bytes.size()) {}
    ~Mapping() override { ::operator delete(copy_, kAlignment); }

   private:
    static constexpr std::align_val_t kAlignment{4096};

    Mapping(std::string path, uint8_t* copy, size_t size)
        : MappedFile(std::move(path), {copy, size}), copy_(copy) {}
    static uint8_t* Copy(absl::string_view bytes) {
      auto* copy =
          static_cast<uint8_t*>(::operator new(bytes.size(), kAlignment));
      if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
      return copy;
    }

    uint8_t* const copy_;
  };

 private:
  class Reader final : public SequentialFile {
   public:
    Reader(std::string path, absl::string_view bytes, size_t step)
        : SequentialFile(std::move(path)),
          all_(bytes),
          bytes_(bytes),
          step_(step) {}
    absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
      const size_t n = std::min({buffer.size(), step_, bytes_.size()});
      if (n > 0) std::memcpy(buffer.data(), bytes_.data(), n);
      bytes_.remove_prefix(n);
      return n;
    }
    absl::Status Seek(uint64_t offset) override {
      bytes_ = all_.substr(std::min<uint64_t>(offset, all_.size()));
      return absl::OkStatus();
    }

   private:
    const absl::string_view all_;
    absl::string_view bytes_;  // unread
    const size_t step_;
  };

  const absl::string_view bytes_;
  const size_t step_;
};

}  // namespace graft

#endif  // GRAFT_TEST_FUZZ_ONE_FILE_H_
