// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/hash.h"

#include "gtest/gtest.h"

namespace graft {
namespace {

// Vectors of the authors' test suite (draft-eastlake-fnv, appendix).
TEST(HashTest, MatchesPublishedVectors) {
  EXPECT_EQ(Fnv1a64(""), 0xcbf29ce484222325u);
  EXPECT_EQ(Fnv1a64("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(Fnv1a64("foobar"), 0x85944171f73967e8u);
  static_assert(Fnv1a64("a") == 0xaf63dc4c8601ec8cu);
}

TEST(HashTest, PiecesGiveTheHashOfTheWhole) {
  EXPECT_EQ(Fnv1a64("bar", Fnv1a64("foo")), Fnv1a64("foobar"));
  const uint8_t bytes[] = {0xff, 0x80, 0};
  EXPECT_EQ(Fnv1a64(absl::MakeConstSpan(bytes)),
            Fnv1a64(absl::string_view("\xff\x80\0", 3)));
}

}  // namespace
}  // namespace graft
