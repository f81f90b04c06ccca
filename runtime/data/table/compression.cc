// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/compression.h"

#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

constexpr size_t kInput = 1 << 16;

// Reads compressed bytes in pieces and hands them to a decoder.
class DecodedFile : public SequentialFile {
 public:
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    while (!buffer.empty()) {
      if (input_.empty() && !at_end_) {
        GRAFT_ASSIGN_OR_RETURN(const size_t got,
                               base_->Read(absl::MakeSpan(bytes_)));
        input_ = absl::MakeConstSpan(bytes_.data(), got);
        at_end_ = got == 0;
      }
      GRAFT_ASSIGN_OR_RETURN(const size_t made, Decode(input_, buffer));
      if (made > 0) return made;
      if (!input_.empty() || !at_end_) continue;
      if (Complete()) return 0;
      return Damaged("got its end within the stream");
    }
    return 0;
  }
  absl::Status Seek(uint64_t) override {
    return absl::FailedPreconditionError(
        absl::StrCat(path(),
                     ": expects a file that can be read more than once, got a "
                     "compressed one"));
  }

 protected:
  DecodedFile(std::unique_ptr<SequentialFile> base, absl::string_view name)
      : SequentialFile(base->path()),
        base_(std::move(base)),
        name_(name),
        bytes_(kInput) {}

  // Decodes into `output` what fits, removes what it read from `input`, and
  // returns the bytes made. Nothing is made and read only if both need more.
  virtual absl::StatusOr<size_t> Decode(absl::Span<const char>& input,
                                        absl::Span<char> output) = 0;
  // Whether the input may end here.
  virtual bool Complete() const = 0;
  // "path: expects a whole gzip file, " and `what`.
  absl::Status Damaged(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(path(), ": expects a whole ", name_, " file, ", what));
  }

 private:
  const std::unique_ptr<SequentialFile> base_;
  const absl::string_view name_;
  std::vector<char> bytes_;
  absl::Span<const char> input_;  // of bytes_, not yet decoded
  bool at_end_ = false;
};

class GzipFile final : public DecodedFile {
 public:
  explicit GzipFile(std::unique_ptr<SequentialFile> base)
      : DecodedFile(std::move(base), "gzip") {
    // 16: the format of gzip.
    ready_ = ::inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK;
  }
  ~GzipFile() override { ::inflateEnd(&stream_); }

 protected:
  absl::StatusOr<size_t> Decode(absl::Span<const char>& input,
                                absl::Span<char> output) override {
    if (!ready_) return FileError(ENOMEM, path(), "decode");
    if (between_ && !StartMember(input)) return 0;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    const auto room =
        static_cast<uInt>(std::min<size_t>(output.size(), size_t{1} << 30));
    stream_.avail_out = room;
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    input.remove_prefix(input.size() - stream_.avail_in);
    if (result == Z_STREAM_END) between_ = true;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return Damaged(absl::StrCat(
          "got damaged bytes",
          stream_.msg == nullptr ? "" : absl::StrCat(" (", stream_.msg, ")")));
    return room - stream_.avail_out;
  }
  bool Complete() const override { return between_; }

 private:
  // Members may be padded by zeros, as on tapes; false where no other begins in
  // `input`.
  bool StartMember(absl::Span<const char>& input) {
    while (!input.empty() && input.front() == 0) input.remove_prefix(1);
    if (input.empty()) return false;
    ::inflateReset(&stream_);
    between_ = false;
    return true;
  }

  z_stream stream_ = {};
  bool ready_ = false;
  bool between_ = false;  // at the end of a member
};

class ZstdFile final : public DecodedFile {
 public:
  explicit ZstdFile(std::unique_ptr<SequentialFile> base)
      : DecodedFile(std::move(base), "zstd"), stream_(::ZSTD_createDStream()) {}
  ~ZstdFile() override { ::ZSTD_freeDStream(stream_); }

 protected:
  absl::StatusOr<size_t> Decode(absl::Span<const char>& input,
                                absl::Span<char> output) override {
    if (stream_ == nullptr) return FileError(ENOMEM, path(), "decode");
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer out = {output.data(), output.size(), 0};
    const size_t result = ::ZSTD_decompressStream(stream_, &out, &in);
    input.remove_prefix(in.pos);
    if (::ZSTD_isError(result))
      return Damaged(absl::StrCat("got damaged bytes (",
                                  ::ZSTD_getErrorName(result), ")"));
    // A call without input says nothing about the end of a frame.
    if (in.pos > 0 || out.pos > 0) complete_ = result == 0;
    return out.pos;
  }
  bool Complete() const override { return complete_; }

 private:
  ZSTD_DStream* const stream_;
  bool complete_ = false;
};

bool BeginsGzip(absl::string_view first) {
  return absl::StartsWith(first, "\x1F\x8B");
}

bool BeginsZstd(absl::string_view first) {
  if (absl::StartsWith(first, "\x28\xB5\x2F\xFD")) return true;
  // A frame to be skipped.
  return first.size() >= 4 && (first[0] & 0xF0) == 0x50 &&
         first.substr(1, 3) == "\x2A\x4D\x18";
}

template <typename File>
std::unique_ptr<SequentialFile> Decode(std::unique_ptr<SequentialFile> file) {
  return std::make_unique<File>(std::move(file));
}

// One line for each.
constexpr Compression kCompressions[] = {
    {"gzip", ".gz", BeginsGzip, Decode<GzipFile>},
    {"zstd", ".zst", BeginsZstd, Decode<ZstdFile>},
};

}  // namespace

const Compression* FindCompression(absl::string_view first) {
  for (const Compression& compression : kCompressions)
    if (compression.begins(first)) return &compression;
  return nullptr;
}

absl::string_view WithoutCompression(absl::string_view name) {
  for (const Compression& compression : kCompressions)
    if (absl::EndsWithIgnoreCase(name, compression.extension))
      return name.substr(0, name.size() - compression.extension.size());
  return name;
}

}  // namespace graft
