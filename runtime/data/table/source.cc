// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/source.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/compression.h"

namespace graft {
namespace {

// A file that can be read once, copied as it is read and then read again.
class CopiedFile final : public SequentialFile {
 public:
  CopiedFile(std::unique_ptr<SequentialFile> base,
             std::unique_ptr<ScratchFile> copy)
      : SequentialFile(base->path()),
        base_(std::move(base)),
        copy_(std::move(copy)) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    if (again_) return copy_->Read(buffer);
    GRAFT_ASSIGN_OR_RETURN(const size_t got, base_->Read(buffer));
    const absl::Status status = copy_->Append(buffer.first(got));
    if (!status.ok())
      return absl::Status(
          status.code(),
          absl::StrCat(path(), ": needs a copy to be read more than once: ",
                       std::string(status.message()),
                       "; TMPDIR names another folder"));
    return got;
  }

  absl::Status Seek(uint64_t offset) override {
    char rest[4096];
    while (!again_) {
      GRAFT_ASSIGN_OR_RETURN(const size_t got, Read(absl::MakeSpan(rest)));
      again_ = got == 0;
    }
    return copy_->Seek(offset);
  }

 private:
  const std::unique_ptr<SequentialFile> base_;
  const std::unique_ptr<ScratchFile> copy_;
  bool again_ = false;  // all of base_ is in copy_
};

struct Magic {
  absl::string_view bytes;
  absl::string_view kind;
};

// What people have beside text.
constexpr Magic kOthers[] = {
    {{"\xFD"
      "7zXZ",
      5},
     "an xz file"},
    {{"BZh", 3}, "a bzip2 file"},
    {{"PK\x03\x04", 4}, "a zip archive or a spreadsheet"},
    {{"\xD0\xCF\x11\xE0", 4}, "a spreadsheet"},
    {{"7z\xBC\xAF", 4}, "a 7z archive"},
    {{"\x04\x22\x4D\x18", 4}, "an lz4 file"},
    {{"PAR1", 4}, "a Parquet file"},
    {{"ARROW1", 6}, "an Arrow file"},
    {{"\x89HDF", 4}, "an HDF5 file"},
};

// The encoding of text that is not UTF-8, told by its mark or by the zeros of
// its first letters; empty for others.
absl::string_view OtherEncoding(absl::string_view first) {
  const auto begins = [&](absl::string_view mark) {
    return absl::StartsWith(first, mark);
  };
  if (begins({"\xFF\xFE\0\0", 4}) || begins({"\0\0\xFE\xFF", 4}))
    return "UTF-32";
  if (begins("\xFF\xFE")) return "UTF-16";
  if (begins("\xFE\xFF")) return "UTF-16";
  if (first.size() < 4) return "";
  const bool low = first[1] == 0 && first[3] == 0;
  const bool high = first[0] == 0 && first[2] == 0;
  if (low && first[0] != 0 && first[2] != 0) return "UTF-16LE";
  if (high && first[1] != 0 && first[3] != 0) return "UTF-16BE";
  return "";
}

absl::Status CheckIsText(const PeekFile& file, absl::string_view first) {
  for (const Magic& other : kOthers) {
    if (absl::StartsWith(first, other.bytes))
      return absl::InvalidArgumentError(
          absl::StrCat(file.path(),
                       ": expects text, or text that gzip or zstd compressed, "
                       "got ",
                       other.kind));
  }
  if (const absl::string_view encoding = OtherEncoding(first);
      !encoding.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": expects UTF-8, got ", encoding,
                     "; iconv -f ", encoding, " -t UTF-8 converts it"));
  return absl::OkStatus();
}

bool CanSeek(SequentialFile& file) { return file.Seek(0).ok(); }

}  // namespace

bool IsStandardInput(absl::string_view path) {
  return path == "-" || path == "/dev/stdin";
}

absl::StatusOr<Source> OpenSource(FileSystem& files, const std::string& path,
                                  bool reread) {
  constexpr size_t kFirst = 8;
  Source source;
  std::unique_ptr<SequentialFile> file;
  GRAFT_ASSIGN_OR_RETURN(file, IsStandardInput(path)
                                   ? OpenStandardInput()
                                   : files.OpenSequential(path));
  bool can_seek = CanSeek(*file);
  source.nameless = !can_seek || absl::StartsWith(path, "/dev/") ||
                    absl::StartsWith(path, "/proc/");
  auto raw = std::make_unique<PeekFile>(std::move(file));
  GRAFT_ASSIGN_OR_RETURN(absl::string_view first, raw->Peek(kFirst));
  file = std::move(raw);
  if (const Compression* compression = FindCompression(first)) {
    file = compression->decode(std::move(file));
    can_seek = false;
  }
  source.plain = can_seek;
  if (reread && !can_seek) {
    GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> copy,
                           files.CreateScratch());
    file = std::make_unique<CopiedFile>(std::move(file), std::move(copy));
  }
  source.file = std::make_unique<PeekFile>(std::move(file));
  GRAFT_ASSIGN_OR_RETURN(first, source.file->Peek(kFirst));
  GRAFT_RETURN_IF_ERROR(CheckIsText(*source.file, first));
  return source;
}

}  // namespace graft
