// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/faulty_file_system.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"

namespace graft {

using Operation = FaultyFileSystem::Operation;

class FaultySequentialFile final : public SequentialFile {
 public:
  FaultySequentialFile(FaultyFileSystem& owner,
                       std::unique_ptr<SequentialFile> base)
      : SequentialFile(base->path()), owner_(owner), base_(std::move(base)) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    GRAFT_RETURN_IF_ERROR(owner_.Check(Operation::kRead, path()));
    uint64_t allowed = buffer.size();
    int error = 0;
    {
      absl::MutexLock lock(&owner_.mutex_);
      allowed = owner_.TakeBytes(owner_.read_fault_,
                                 std::min(allowed, owner_.read_limit_), error);
    }
    if (allowed == 0 && error != 0) return FileError(error, path(), "read");
    return base_->Read(buffer.first(static_cast<size_t>(allowed)));
  }

  absl::Status Seek(uint64_t offset) override { return base_->Seek(offset); }

 private:
  FaultyFileSystem& owner_;
  const std::unique_ptr<SequentialFile> base_;
};

class FaultyWritableFile final : public WritableFile {
 public:
  FaultyWritableFile(FaultyFileSystem& owner,
                     std::unique_ptr<WritableFile> base)
      : WritableFile(base->path()), owner_(owner), base_(std::move(base)) {}

  absl::Status Append(absl::Span<const uint8_t> bytes) override {
    GRAFT_RETURN_IF_ERROR(owner_.Check(Operation::kAppend, path()));
    int error = 0;
    uint64_t allowed;
    {
      absl::MutexLock lock(&owner_.mutex_);
      allowed = owner_.TakeBytes(owner_.write_fault_, bytes.size(), error);
    }
    GRAFT_RETURN_IF_ERROR(
        base_->Append(bytes.first(static_cast<size_t>(allowed))));
    if (error != 0) return FileError(error, path(), "write");
    return absl::OkStatus();
  }

  absl::Status Flush() override {
    GRAFT_RETURN_IF_ERROR(owner_.Check(Operation::kCommit, path()));
    return base_->Flush();
  }

  absl::Status Commit() override {
    GRAFT_RETURN_IF_ERROR(owner_.Check(Operation::kCommit, path()));
    return base_->Commit();
  }

 private:
  FaultyFileSystem& owner_;
  const std::unique_ptr<WritableFile> base_;
};

// Its writes may fail, not its reads.
class FaultyScratchFile final : public ScratchFile {
 public:
  FaultyScratchFile(FaultyFileSystem& owner, std::unique_ptr<ScratchFile> base)
      : ScratchFile(base->path()), owner_(owner), base_(std::move(base)) {}

  absl::Status Append(absl::Span<const char> bytes) override {
    GRAFT_RETURN_IF_ERROR(owner_.Check(Operation::kAppend, path()));
    int error = 0;
    uint64_t allowed;
    {
      absl::MutexLock lock(&owner_.mutex_);
      allowed = owner_.TakeBytes(owner_.write_fault_, bytes.size(), error);
    }
    GRAFT_RETURN_IF_ERROR(
        base_->Append(bytes.first(static_cast<size_t>(allowed))));
    if (error != 0) return FileError(error, path(), "write a temporary file");
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    return base_->Read(buffer);
  }
  absl::Status Seek(uint64_t offset) override { return base_->Seek(offset); }

 private:
  FaultyFileSystem& owner_;
  const std::unique_ptr<ScratchFile> base_;
};

void FaultyFileSystem::FailCall(Operation operation, int64_t nth,
                                int error_number, bool sticky) {
  absl::MutexLock lock(&mutex_);
  call_fault_ = CallFault{operation, nth - 1, error_number, sticky};
}

void FaultyFileSystem::FailWritesAfter(uint64_t bytes, int error_number) {
  absl::MutexLock lock(&mutex_);
  write_fault_ = ByteFault{bytes, error_number};
}

void FaultyFileSystem::FailReadsAfter(uint64_t bytes, int error_number) {
  absl::MutexLock lock(&mutex_);
  read_fault_ = ByteFault{bytes, error_number};
}

void FaultyFileSystem::LimitReads(uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  read_limit_ = bytes;
}

void FaultyFileSystem::Heal() {
  absl::MutexLock lock(&mutex_);
  call_fault_.reset();
  write_fault_.reset();
  read_fault_.reset();
  read_limit_ = UINT64_MAX;
}

int64_t FaultyFileSystem::calls(Operation operation) const {
  absl::MutexLock lock(&mutex_);
  return counts_[static_cast<size_t>(operation)];
}

int FaultyFileSystem::Enter(Operation operation) {
  absl::MutexLock lock(&mutex_);
  ++counts_[static_cast<size_t>(operation)];
  if (!call_fault_.has_value() || call_fault_->operation != operation) return 0;
  if (call_fault_->calls_left > 0) {
    --call_fault_->calls_left;
    return 0;
  }
  const int error = call_fault_->error_number;
  if (!call_fault_->sticky) call_fault_.reset();
  return error;
}

absl::Status FaultyFileSystem::Check(Operation operation,
                                     const std::string& path) {
  const int error = Enter(operation);
  if (error == 0) return absl::OkStatus();
  switch (operation) {
    case Operation::kOpenRead:
    case Operation::kOpenWrite:
      return FileError(error, path, "open");
    case Operation::kRead:
      return FileError(error, path, "read");
    case Operation::kAppend:
      return FileError(error, path, "write");
    case Operation::kCommit:
      return FileError(error, path, "sync");
    case Operation::kMetadata:
      break;
  }
  return FileError(error, path, "use");
}

uint64_t FaultyFileSystem::TakeBytes(std::optional<ByteFault>& fault,
                                     uint64_t wanted, int& error) {
  if (!fault.has_value()) return wanted;
  const uint64_t allowed = std::min(wanted, fault->bytes_left);
  fault->bytes_left -= allowed;
  if (allowed < wanted) error = fault->error_number;
  return allowed;
}

absl::StatusOr<std::unique_ptr<MappedFile>> FaultyFileSystem::Map(
    const std::string& path) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kOpenRead, path));
  return base_.Map(path);
}

absl::StatusOr<std::unique_ptr<SequentialFile>>
FaultyFileSystem::OpenSequential(const std::string& path) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kOpenRead, path));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SequentialFile> file,
                         base_.OpenSequential(path));
  return std::make_unique<FaultySequentialFile>(*this, std::move(file));
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultyFileSystem::CreateAtomic(
    const std::string& path) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kOpenWrite, path));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                         base_.CreateAtomic(path));
  return std::make_unique<FaultyWritableFile>(*this, std::move(file));
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultyFileSystem::OpenAppend(
    const std::string& path) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kOpenWrite, path));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                         base_.OpenAppend(path));
  return std::make_unique<FaultyWritableFile>(*this, std::move(file));
}

absl::StatusOr<std::unique_ptr<ScratchFile>> FaultyFileSystem::CreateScratch() {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kOpenWrite, "temporary file"));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> file,
                         base_.CreateScratch());
  return std::make_unique<FaultyScratchFile>(*this, std::move(file));
}

absl::StatusOr<uint64_t> FaultyFileSystem::Size(const std::string& path) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kMetadata, path));
  return base_.Size(path);
}

bool FaultyFileSystem::Exists(const std::string& path) {
  return base_.Exists(path);
}

bool FaultyFileSystem::IsDirectory(const std::string& path) {
  return base_.IsDirectory(path);
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(
    const std::string& directory) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kMetadata, directory));
  return base_.List(directory);
}

absl::Status FaultyFileSystem::CreateDirectories(const std::string& directory) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kMetadata, directory));
  return base_.CreateDirectories(directory);
}

absl::Status FaultyFileSystem::Rename(const std::string& from,
                                      const std::string& to) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kMetadata, from));
  return base_.Rename(from, to);
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kMetadata, path));
  return base_.Remove(path);
}

absl::Status FaultyFileSystem::SyncDirectory(const std::string& directory) {
  GRAFT_RETURN_IF_ERROR(Check(Operation::kMetadata, directory));
  return base_.SyncDirectory(directory);
}

}  // namespace graft
