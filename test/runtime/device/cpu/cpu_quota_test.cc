// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/cpu_quota.h"

#include <climits>
#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace graft {
namespace {

class CpuQuotaTest : public testing::Test {
 protected:
  CpuQuotaTest() { std::filesystem::remove_all(root_); }
  ~CpuQuotaTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = root_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }

  const std::string root_ = testing::TempDir() + "/cpu_quota_test";
};

TEST_F(CpuQuotaTest, NothingLimitsNothing) {
  EXPECT_EQ(CpuQuota("", root_), INT_MAX);
  EXPECT_EQ(CpuQuota("0::/a\n", root_), INT_MAX);
  Write("a/cpu.max", "max 100000");
  EXPECT_EQ(CpuQuota("0::/a\n", root_), INT_MAX);
  Write("a/cpu.max", "what is this");
  EXPECT_EQ(CpuQuota("0::/a\n", root_), INT_MAX);
}

TEST_F(CpuQuotaTest, TakesWholeProcessorsAndAtLeastOne) {
  Write("a/cpu.max", "350000 100000");
  EXPECT_EQ(CpuQuota("0::/a\n", root_), 3);
  Write("a/cpu.max", "20000 100000");
  EXPECT_EQ(CpuQuota("0::/a\n", root_), 1);
}

TEST_F(CpuQuotaTest, TightestOfAllGroupsAbove) {
  Write("a/cpu.max", "200000 100000");
  Write("a/b/cpu.max", "800000 100000");
  EXPECT_EQ(CpuQuota("0::/a/b\n", root_), 2);
  Write("a/b/c/cpu.max", "100000 100000");
  EXPECT_EQ(CpuQuota("0::/a/b\n", root_), 2);
  // In a container the group is the root of what can be seen.
  Write("cpu.max", "100000 100000");
  EXPECT_EQ(CpuQuota("0::/\n", root_), 1);
}

TEST_F(CpuQuotaTest, ReadsVersion1) {
  const std::string membership = "2:cpuset:/x\n1:cpu,cpuacct:/a\n0::/\n";
  Write("cpu/a/cpu.cfs_quota_us", "-1");
  Write("cpu/a/cpu.cfs_period_us", "100000");
  EXPECT_EQ(CpuQuota(membership, root_), INT_MAX);
  Write("cpu/a/cpu.cfs_quota_us", "400000");
  EXPECT_EQ(CpuQuota(membership, root_), 4);
}

}  // namespace
}  // namespace graft
