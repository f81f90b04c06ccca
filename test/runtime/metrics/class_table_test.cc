// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/class_table.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

TEST(ClassTableTest, HasAClassPerLineAndAverages) {
  ClassCounts counts(3);
  counts.Add(0, 0, 3);
  counts.Add(0, 1);
  counts.Add(1, 1, 2);
  EXPECT_EQ(ClassTable(counts, {"Tür", "b", "never"}),
            "label             precision    recall        F1      rows\n"
            "  Tür              100.00 %   75.00 %   85.71 %         4\n"
            "  b                 66.67 %  100.00 %   80.00 %         2\n"
            "  never              0.00 %    0.00 %    0.00 %         0\n"
            "micro average       83.33 %   83.33 %   83.33 %         6\n"
            "macro average       83.33 %   87.50 %   82.86 %         6\n"
            "weighted average    88.89 %   83.33 %   83.81 %         6\n");
}

TEST(ClassTableTest, LongLabelsAreShortenedLineBreaksEscaped) {
  const std::string table =
      ClassTable(ClassCounts(2), {std::string(60, 'x'), "two\nlines"});
  const std::string zeros = "     0.00 %    0.00 %    0.00 %         0\n";
  EXPECT_EQ(table.substr(0, table.find("micro")),
            absl::StrCat("label", std::string(40, ' '),
                         "  precision    recall        F1      rows\n",  //
                         "  ", std::string(40, 'x'), "...", zeros,       //
                         "  two\\nlines", std::string(33, ' '), zeros));
}

}  // namespace
}  // namespace graft
