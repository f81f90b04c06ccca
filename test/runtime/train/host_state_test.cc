// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <functional>
#include <string>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/train/checkpoint.h"
#include "test/runtime/train/nested_spec.h"

namespace graft {
namespace {

using ::testing::ElementsAre;

// The state as text.
class HostStateTest : public ::testing::Test {
 protected:
  std::string Decode(absl::string_view text) {
    const absl::Status status =
        DecodeHostState(text, spec_, spec_.host_programs[0]).status();
    if (!status.ok())
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }
  std::string Changed(const std::function<void(HostState&)>& change) {
    HostState state = BeginningOf(spec_);
    change(state);
    return Decode(EncodeHostState(state, spec_));
  }

  const ArtifactSpec spec_ = NestedSpec();
};

TEST_F(HostStateTest, EachFieldIsChecked) {
  const std::string text = EncodeHostState(BeginningOf(spec_), spec_);
  EXPECT_EQ(Decode(text), "");
  struct Case {
    std::string from, to, error;
  };
  const Case cases[] = {
      {"\"instruction\":0", "\"instruction\":-1",
       "instruction: expects an integer from 0, got -1"},
      {"\"instruction\":0", "\"instruction\":0.5",
       "instruction: expects an integer from 0, got 0.5"},
      {"\"instruction\":0", "\"instruction\":99",
       "instruction: expects at most 10, got 99"},
      {"\"instruction\":0", "\"instruction\":18446744073709551615",
       "instruction: expects an integer from 0, got 18446744073709551615"},
      {"\"marks\":0", "\"marks\":\"x\"",
       "marks: expects an integer from 0, got \"x\""},
      {"\"marks\":0", "\"mark\":0",
       "marks: expects an integer from 0, got null"},
      {"\"c\":\"0\"", "\"c\":0",
       "registers.c: expects a number as text, got 0"},
      {"\"c\":\"0\"", "\"c\":\"zero\"",
       "registers.c: expects a number as text, got \"zero\""},
      {"\"c\":\"0\"", "\"e\":\"0\"",
       "registers.c: expects a number as text, got null"},
      {"\"batches\":0", "\"batches\":-2",
       "batches: expects an integer from 0, got -2"},
      {"\"micro_batch\":-1", "\"micro_batch\":-2",
       "micro_batch: expects an integer from -1, got -2"},
      {"\"size\":0", "\"size\":null",
       "size: expects an integer from 0, got "
       "null"},
      {"\"train\":", "\"test\":",
       "batches: expects an integer from 0, got null"},
  };
  for (const Case& test : cases) {
    const std::string changed =
        absl::StrReplaceAll(text, {{test.from, test.to}});
    EXPECT_NE(changed, text) << test.from;
    EXPECT_EQ(Decode(changed), test.error);
  }
  for (const char* damaged : {"", "[", "[]", "null", "3", "\"state\"", "{}"})
    EXPECT_NE(Decode(damaged), "") << damaged;
  // Caches that it does not name were not filled.
  const auto without = DecodeHostState(
      absl::StrReplaceAll(text, {{"\"filled\":[]", "\"filled\":[3,\"x\"]"}}),
      spec_, spec_.host_programs[0]);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_THAT(without->filled, ElementsAre(false, false));
}

TEST_F(HostStateTest, PositionsMustFitThePlace) {
  const auto at = [](size_t place, StreamPosition position) {
    return [=](HostState& state) {
      state.at = place;
      state.streams[0] = position;
    };
  };
  // Inside of the loops, at their ends too.
  for (const size_t place : {kInBatch, size_t{6}, size_t{7}})
    EXPECT_EQ(Changed(at(place, {1, -1, 4})), "") << place;
  for (const size_t place : {kInMicroBatch, size_t{5}})
    EXPECT_EQ(Changed(at(place, {1, 0, 4})), "") << place;
  for (const size_t place : {size_t{0}, kInEpoch, kBehind, size_t{10}})
    EXPECT_EQ(Changed(at(place, {3, -1, 4})), "") << place;
  EXPECT_EQ(Changed(at(kInBatch, {0, -1, 4})),
            "stream train: expects a batch at instruction 3, got none");
  EXPECT_EQ(Changed(at(kInBatch, {1, -1, 0})),
            "stream train: expects a batch at instruction 3, got none");
  EXPECT_EQ(Changed(at(kInBatch, {1, 0, 4})),
            "stream train: expects no micro-batch at instruction 3, got one");
  EXPECT_EQ(Changed(at(kInMicroBatch, {1, -1, 4})),
            "stream train: expects a micro-batch at instruction 4, got none");
  EXPECT_EQ(Changed(at(kBehind, {1, 0, 4})),
            "stream train: expects no micro-batch at instruction 8, got one");
  EXPECT_EQ(Changed([](HostState& state) { state.streams[1].micro_batch = 0; }),
            "stream dev: expects no micro-batch at instruction 0, got one");
}

}  // namespace
}  // namespace graft
