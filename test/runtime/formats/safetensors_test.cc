// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/safetensors.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/faulty_file_system.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::Span<const uint8_t> Bytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// What safetensors 0.8 for Python writes for
//   save({"b": float32 [1, 2], "a": float32 [[3]], "ids": int64 [7, -1],
//         "m": bool [True], "e": float16 of shape [0, 2]}, {"format": "pt"}).
std::string Reference() {
  constexpr char kBytes[] =
      "@\x01\0\0\0\0\0\0"
      "{\"__metadata__\":{\"format\":\"pt\"},\"ids\":{\"dtype\":\"I64\","
      "\"shape\":[2],\"data_offsets\":[0,16]},\"a\":{\"dtype\":\"F32\","
      "\"shape\":[1,1],\"data_offsets\":[16,20]},\"b\":{\"dtype\":\"F32\","
      "\"shape\":[2],\"data_offsets\":[20,28]},\"e\":{\"dtype\":\"F16\","
      "\"shape\":[0,2],\"data_offsets\":[28,28]},\"m\":{\"dtype\":\"BOOL\","
      "\"shape\":[1],\"data_offsets\":[28,29]}}       "
      "\x07\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0@@"
      "\0\0\x80?\0\0\0@\x01";
  return std::string(kBytes, sizeof(kBytes) - 1);
}

// A file of this header, without padding, and data.
std::string Build(absl::string_view header, absl::string_view data) {
  const uint64_t length = header.size();
  std::string file(sizeof(length), '\0');
  std::memcpy(file.data(), &length, sizeof(length));
  return absl::StrCat(file, header, data);
}

std::string ErrorOf(absl::string_view bytes) {
  const absl::Status status =
      SafetensorsFile::FromBytes(Bytes(bytes), "f.st").status();
  EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

class SafetensorsFileTest : public ::testing::Test {
 protected:
  SafetensorsFileTest() {
    std::string pattern = ::testing::TempDir() + "/graft_st_XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    path_ = JoinPath(dir_, "f.safetensors");
  }
  ~SafetensorsFileTest() override { std::filesystem::remove_all(dir_); }

  FileSystem& files_ = FileSystem::Posix();
  std::string dir_, path_;
};

TEST_F(SafetensorsFileTest, ReadsTheReference) {
  ASSERT_TRUE(WriteFile(files_, path_, Reference()).ok());
  auto file = SafetensorsFile::Open(files_, path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->metadata().at("format"), "pt");
  ASSERT_EQ((*file)->tensors().size(), 5u);
  EXPECT_EQ((*file)->tensors()[0].name, "ids");
  const TensorView* ids = (*file)->Find("ids");
  ASSERT_NE(ids, nullptr);
  EXPECT_EQ(ids->dtype, DType::kI64);
  EXPECT_THAT(ids->shape, ElementsAre(2));
  EXPECT_EQ(ids->data.size(), 16u);
  EXPECT_EQ(ids->data[0], 7);
  EXPECT_TRUE((*file)->Find("e")->data.empty());
  std::vector<float> b(2);
  ASSERT_TRUE((*file)->ReadFloats("b", {2}, absl::MakeSpan(b)).ok());
  EXPECT_THAT(b, ElementsAre(1, 2));
}

TEST_F(SafetensorsFileTest, LookUpsNameWhatIsWrong) {
  ASSERT_TRUE(WriteFile(files_, path_, Reference()).ok());
  auto file = SafetensorsFile::Open(files_, path_).value();
  EXPECT_EQ(file->Find("none"), nullptr);
  const absl::Status missing = file->Get("idx").status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_EQ(missing.message(), path_ +
                                   ": expects a tensor 'idx', got 5 others; "
                                   "the nearest name is 'ids'");
  EXPECT_EQ(file->Get("b", {3, 1}).status().message(),
            path_ + ": tensor 'b' expects shape [3, 1], got [2]");
  std::vector<float> values(2);
  EXPECT_EQ(file->ReadFloats("ids", {2}, absl::MakeSpan(values)).message(),
            path_ +
                ": tensor 'ids': conversion to float expects F32, F16, "
                "BF16 or F64, got I64");
}

// Tensors given in another order and in pieces come out as the reference.
TEST_F(SafetensorsFileTest, WritesTheReferenceByteForByte) {
  const std::string reference = Reference();
  auto source = SafetensorsFile::FromBytes(Bytes(reference), "reference");
  ASSERT_TRUE(source.ok()) << source.status();
  std::vector<TensorView> tensors((*source)->tensors().rbegin(),
                                  (*source)->tensors().rend());
  ASSERT_TRUE(
      WriteSafetensors(files_, path_, tensors, (*source)->metadata()).ok());
  EXPECT_EQ(ReadFile(files_, path_).value(), reference);

  auto writer = SafetensorsWriter::Create(
      files_, path_, std::vector<TensorSpec>(tensors.begin(), tensors.end()),
      (*source)->metadata());
  ASSERT_TRUE(writer.ok());
  for (const TensorSpec& spec : (*writer)->order()) {
    for (const uint8_t& byte : (*source)->Find(spec.name)->data) {
      ASSERT_TRUE((*writer)->Append(spec.name, {&byte, 1}).ok());
    }
  }
  ASSERT_TRUE((*writer)->Finish().ok());
  EXPECT_EQ(ReadFile(files_, path_).value(), reference);
}

TEST_F(SafetensorsFileTest, WritesEmptyFilesAndNamesThatNeedEscapes) {
  ASSERT_TRUE(WriteSafetensors(files_, path_, {}).ok());
  EXPECT_EQ(ReadFile(files_, path_).value(), Build("{}      ", ""));
  EXPECT_TRUE(SafetensorsFile::Open(files_, path_).ok());

  TensorView odd;
  odd.name = "a\"\n\xE4\xB8\xAD";
  const float one = 1;
  odd.data = {reinterpret_cast<const uint8_t*>(&one), 4};
  ASSERT_TRUE(WriteSafetensors(files_, path_, {odd}).ok());
  auto file = SafetensorsFile::Open(files_, path_);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_NE((*file)->Find(odd.name), nullptr);
  EXPECT_TRUE((*file)->Find(odd.name)->shape.empty());
}

TEST_F(SafetensorsFileTest, WriterRefusesWhatItCannotWrite) {
  const auto create = [&](std::vector<TensorSpec> tensors) {
    return std::string(
        SafetensorsWriter::Create(files_, path_, tensors).status().message());
  };
  EXPECT_EQ(create({{"a", DType::kF32, {1}}, {"a", DType::kF32, {2}}}),
            path_ + ": tensor 'a' expects a name of its own, got it twice");
  EXPECT_THAT(create({{"__metadata__", DType::kF32, {1}}}),
              HasSubstr("got a reserved one"));
  EXPECT_THAT(create({{"a", DType::kF32, {-1}}}), HasSubstr("F32 [-1]"));
  EXPECT_THAT(create({{"a", DType::kF32, {int64_t{1} << 62}}}),
              HasSubstr("expects a file below 2^63 bytes"));
  EXPECT_THAT(create({{"a", DType::kU8, {int64_t{1} << 62}},
                      {"b", DType::kU8, {int64_t{1} << 62}}}),
              HasSubstr("tensor 'b'"));
  EXPECT_THAT(create({{"\xff", DType::kF32, {1}}}), HasSubstr("UTF-8"));
  EXPECT_FALSE(files_.Exists(path_));
}

TEST_F(SafetensorsFileTest, WriterHoldsTheOrder) {
  auto writer = SafetensorsWriter::Create(
      files_, path_, {{"a", DType::kU8, {2}}, {"z", DType::kU8, {0}}});
  ASSERT_TRUE(writer.ok());
  const uint8_t data[3] = {1, 2, 3};
  EXPECT_EQ((*writer)->Append("b", data).message(),
            path_ + ": expects data of tensor 'a', got 'b'");
  EXPECT_EQ((*writer)->Append("a", data).message(),
            path_ + ": tensor 'a' expects 2 more bytes, got 3");
  ASSERT_TRUE((*writer)->Append("a", absl::MakeConstSpan(data, 1)).ok());
  const absl::Status early = (*writer)->Finish();
  EXPECT_TRUE(absl::IsFailedPrecondition(early));
  EXPECT_EQ(early.message(), path_ + ": tensor 'a' expects 2 bytes, got 1");
  ASSERT_TRUE((*writer)->Append("a", absl::MakeConstSpan(data, 1)).ok());
  EXPECT_EQ((*writer)->Append("a", data).message(),
            path_ + ": expects data of no further tensor, got 'a'");
  EXPECT_FALSE(files_.Exists(path_));
  EXPECT_TRUE((*writer)->Finish().ok());
  EXPECT_TRUE(files_.Exists(path_));
}

TEST_F(SafetensorsFileTest, FullDiskLeavesTheOldFile) {
  ASSERT_TRUE(WriteSafetensors(files_, path_, {}).ok());
  const std::string before = ReadFile(files_, path_).value();
  const std::vector<uint8_t> data(1000);
  TensorView tensor{{"a", DType::kU8, {1000}}, data};
  FaultyFileSystem faulty(files_);
  for (uint64_t after : {0, 7, 8, 100, 1000}) {
    faulty.FailWritesAfter(after, ENOSPC);
    const absl::Status status = WriteSafetensors(faulty, path_, {tensor});
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_EQ(ReadFile(files_, path_).value(), before);
    EXPECT_THAT(files_.List(dir_).value(), ElementsAre("f.safetensors"));
  }
}

TEST_F(SafetensorsFileTest, MissingFile) {
  EXPECT_TRUE(absl::IsNotFound(SafetensorsFile::Open(files_, path_).status()));
}

TEST(SafetensorsTest, TruncationAnywhereIsAnError) {
  const std::string reference = Reference();
  for (size_t size = 0; size < reference.size(); ++size) {
    EXPECT_NE(ErrorOf(absl::string_view(reference).substr(0, size)), "")
        << size;
  }
  EXPECT_EQ(ErrorOf(reference), "");
  EXPECT_EQ(ErrorOf(reference + "x"),
            "f.st: expects 29 bytes of tensors, got 30");
}

struct BadHeader {
  const char* header;
  const char* error;
};

class SafetensorsBadHeaderTest : public ::testing::TestWithParam<BadHeader> {};

// Each with 8 bytes of data.
TEST_P(SafetensorsBadHeaderTest, IsNamed) {
  EXPECT_THAT(ErrorOf(Build(GetParam().header, "01234567")),
              HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    All, SafetensorsBadHeaderTest,
    ::testing::Values(
        BadHeader{"", "begins with '{', got an empty one"},
        BadHeader{" {}", "begins with '{', got byte 32"},
        BadHeader{"{", "f.st: header: expects JSON"},
        BadHeader{"{}", "expects 0 bytes of tensors, got 8"},
        BadHeader{R"({"a":1})", "tensor 'a' expects an object, got 1"},
        BadHeader{R"({"__metadata__":1})", "__metadata__ expects an object"},
        BadHeader{R"({"__metadata__":{"k":1}})",
                  "__metadata__ 'k' expects a string, got 1"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                  R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                  "expects each key once, got a second \"a\""},
        BadHeader{R"({"a":{"shape":[2],"data_offsets":[0,8]}})",
                  "tensor 'a' expects a dtype, got none"},
        BadHeader{R"({"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})",
                  "tensor 'a' expects a known dtype, got \"F33\""},
        BadHeader{R"({"a":{"dtype":3,"shape":[2],"data_offsets":[0,8]}})",
                  "expects a dtype, got 3"},
        BadHeader{R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})",
                  "expects a shape of non-negative integers, got 2"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
                  "got [-2]"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})",
                  "got [2.0]"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[18446744073709551615],)"
                  R"("data_offsets":[0,8]}})",
                  "got [18446744073709551615]"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],)"
                  R"("data_offsets":[0,8]}})",
                  "expects a size below 2^63 bytes"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[2]}})",
                  "expects data_offsets [begin, end], got none"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})",
                  "got [0]"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
                  "of F32 [2] expects 8 bytes, got data_offsets [8,0]"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})",
                  "of F32 [1] expects 4 bytes, got data_offsets [0,8]"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})",
                  "ends by 8, got [0, 12) (past the end of the file)"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                  "begins at 0 and ends by 8, got [4, 8) (gap)"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                  R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                  "tensor 'b' expects data that begins at 8 and ends by 8, got "
                  "[4, 8) (overlap)"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                  "expects 4 bytes of tensors, got 8"},
        BadHeader{R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],)"
                  R"("x":1}})",
                  "expects dtype, shape and data_offsets, got 'x'"}));

TEST(SafetensorsTest, AbsurdHeaderLengths) {
  std::string file = Build("{}", "");
  const auto with_length = [&](uint64_t length) {
    std::memcpy(file.data(), &length, sizeof(length));
    return ErrorOf(file);
  };
  EXPECT_EQ(with_length(3),
            "f.st: expects a header of at most 2 bytes, got a header length "
            "of 3");
  EXPECT_THAT(with_length(std::numeric_limits<uint64_t>::max()),
              HasSubstr("got a header length of 18446744073709551615"));
}

TEST(SafetensorsTest, SaysWhatTextIsInItsPlace) {
  const auto error = [](absl::string_view text) {
    return std::string(
        SafetensorsFile::FromBytes(
            absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()),
                                text.size()),
            "f.st")
            .status()
            .message());
  };
  EXPECT_EQ(error("version https://git-lfs.github.com/spec/v1\n"
                  "oid sha256:4d7a\nsize 12345\n"),
            "f.st: is a Git LFS pointer, not the file itself; `git lfs pull` "
            "fetches it");
  EXPECT_EQ(error("<!DOCTYPE html>\n"),
            "f.st: is no safetensors file, but text");
  EXPECT_EQ(error("\x80\x02}q\x00 PK"),
            "f.st: expects 8 bytes of header length, got a file of 4 bytes");
}

}  // namespace
}  // namespace graft
