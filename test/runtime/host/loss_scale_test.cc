// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Loss scaling as host programs do it: steps whose numbers are not finite are
// left out, and change the scale alone.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/runtime/host/host_fixture.h"
#include "test/runtime/host/training_program.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using namespace host_program;  // NOLINT: the language of a program

class LossScaleTest : public HostFixture {
 protected:
  // The scale after each of so many steps, the first ones of which are not
  // finite.
  std::vector<double> Scales(double scale, int64_t steps, int64_t infinite) {
    const Body code = {Set("scale", scale), Set("loss", 1),
                       Repeat("step", static_cast<double>(steps),
                              {UpdateWhereFinite(Keep("update"), 2000),
                               LogLine("", {"scale"})})};
    Load(code);
    services_->finite = [&, infinite]() mutable { return --infinite < 0; };
    interpreter_ = Create().value();
    const auto finished = interpreter_->Run();
    status_ = finished.status();
    std::vector<double> scales;
    for (const std::string& call : services_->calls)
      if (absl::StartsWith(call, "log scale="))
        scales.push_back(std::stod(call.substr(10)));
    return scales;
  }

  absl::Status status_;
};

TEST_F(LossScaleTest, RisesAfterManyUpdates) {
  const std::vector<double> scales = Scales(1024, 4001, 0);
  ASSERT_EQ(scales.size(), 4001u);
  EXPECT_EQ(scales[1998], 1024);
  EXPECT_EQ(scales[1999], 2048);
  EXPECT_EQ(scales[3998], 2048);
  EXPECT_EQ(scales[3999], 4096);
}

TEST_F(LossScaleTest, StaysAtTheLargest) {
  EXPECT_EQ(Scales(16777216, 2001, 0).back(), 16777216);
}

TEST_F(LossScaleTest, FallsAndCountsAnew) {
  const std::vector<double> scales = Scales(1024, 2002, 1);
  EXPECT_EQ(scales[0], 512);
  EXPECT_EQ(scales[1999], 512);
  EXPECT_EQ(scales[2000], 1024);
  EXPECT_EQ(Register("skipped"), 1);
}

TEST_F(LossScaleTest, DoesNotFallForEver) {
  const std::vector<double> scales = Scales(65536, 1000, 1000);
  EXPECT_EQ(scales.size(), 30u);
  EXPECT_EQ(scales.back(), 1.0 / 16384);
  EXPECT_EQ(status_,
            absl::DataLossError("expects a finite loss and gradients step=31 "
                                "got=1"));
  EXPECT_EQ(Register("skipped"), 31);
}

// The gradient of a step that is left out is not that of the next one.
TEST_F(LossScaleTest, SkipsWhatIsNotFinite) {
  Scales(1024, 3, 1);
  EXPECT_THAT(services_->calls,
              ElementsAre("test gradient", "reset gradient", "log scale=512",
                          "test gradient", "keep update", "log scale=512",
                          "test gradient", "keep update", "log scale=512"));
  EXPECT_EQ(Register("loss_sum"), 3);
  // So is a step whose loss is not finite, which is no part of the mean.
  EXPECT_THAT(Run({Set("scale", 8), Set("loss", 1 / Expr(0)),
                   UpdateWhereFinite(Keep("update"), 2000)}),
              ElementsAre("test gradient", "reset gradient"));
  EXPECT_EQ(Register("scale"), 4);
  EXPECT_EQ(Register("loss_sum"), 0);
}

}  // namespace
}  // namespace graft
