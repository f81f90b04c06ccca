// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/run_record.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

TEST(RunRecordTest, RoundTripKeepsNamesAndValues) {
  const RunRecord record = {{"--seed", "0"},
                            {"label \"names\"", "a\nb"},
                            {"rows", "12ab", "the rows of t.tsv", true}};
  const RunRecord read = DecodeRunRecord(EncodeRunRecord(record)).value();
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[1].name, "label \"names\"");
  EXPECT_EQ(read[1].value, "a\nb");
  EXPECT_EQ(DescribeDifference(record, read), "");
  EXPECT_EQ(PartOf(read, "rows"), "12ab");
  EXPECT_EQ(PartOf(read, "none"), "");
  for (const char* text : {"", "{}", "[1]", "[{\"name\": \"x\"}]",
                           "[{\"name\": 1, \"value\": \"2\"}]"})
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeRunRecord(text).status()))
        << text;
}

TEST(RunRecordTest, NamesWhatDiffersInBothRuns) {
  const RunRecord run = {{"--learning-rate", "2e-05"},
                         {"--shuffle", "yes"},
                         {"rows", "12ab", "the rows of t.tsv"},
                         {"program", "1", "the instructions", true}};
  RunRecord other = run;
  other[0].value = "1e-05";
  EXPECT_EQ(DescribeDifference(run, other),
            "--learning-rate: this run has 2e-05, the checkpoint's run 1e-05");
  // What follows from it is not named as well.
  other[3].value = "2";
  EXPECT_THAT(DescribeDifference(run, other),
              ::testing::Not(HasSubstr("instructions")));
  other = run;
  other[2].value = "12ac";
  other[3].value = "2";
  EXPECT_EQ(DescribeDifference(run, other),
            "the rows of t.tsv differ from those of the checkpoint's run");
  other = run;
  other[3].value = "2";
  EXPECT_EQ(DescribeDifference(run, other),
            "the instructions differ from those of the checkpoint's run");
  // A part that only one of them has.
  other = run;
  other.erase(other.begin() + 1);
  EXPECT_EQ(DescribeDifference(run, other),
            "--shuffle: this run has yes, not given in the checkpoint's run");
  EXPECT_EQ(DescribeDifference(other, run),
            "--shuffle: not given in this run, the checkpoint's run has yes");
  // Values of any length are shown shortened.
  other = run;
  other[0].value = std::string(200, 'x');
  EXPECT_LT(DescribeDifference(run, other).size(), 140u);
}

}  // namespace
}  // namespace graft
