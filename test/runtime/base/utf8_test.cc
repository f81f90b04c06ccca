// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace graft {
namespace {

TEST(Utf8Test, EveryCodePointRoundTrips) {
  std::string all;
  for (uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    AppendUtf8(code, text);
    uint32_t back = 0;
    ASSERT_EQ(DecodeUtf8(text, 0, back), text.size()) << code;
    ASSERT_EQ(back, code);
    // Cut short it is invalid at its first byte.
    for (size_t size = 1; size < text.size(); ++size) {
      ASSERT_EQ(FindInvalidUtf8(absl::string_view(text).substr(0, size)), 0u);
    }
    all += text;
  }
  EXPECT_EQ(FindInvalidUtf8(all), absl::string_view::npos);
}

TEST(Utf8Test, IllFormedBytesAreFoundWhereTheyStand) {
  const std::string bad[] = {"\x80",
                             "\xBF",
                             "\xC0\x80",
                             "\xC1\xBF",
                             "\xC2\x41",
                             "\xE0\x9F\xBF",
                             "\xED\xA0\x80",
                             "\xED\xBF\xBF",
                             "\xE1\x80\x41",
                             "\xF0\x8F\xBF\xBF",
                             "\xF4\x90\x80\x80",
                             "\xF1\x80\x80\x41",
                             "\xF5\x80\x80\x80",
                             "\xFE",
                             "\xFF"};
  for (const std::string& bytes : bad) {
    for (size_t before = 0; before < 20; ++before) {
      EXPECT_EQ(FindInvalidUtf8(std::string(before, 'a') + bytes + "tail"),
                before);
    }
  }
  EXPECT_EQ(FindInvalidUtf8(""), absl::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8(absl::string_view("\0\0", 2)),
            absl::string_view::npos);
}

}  // namespace
}  // namespace graft
