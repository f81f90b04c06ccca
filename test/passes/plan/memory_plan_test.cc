// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The placement of blocks on random lives, and the check of plans on plans
// that were made wrong on purpose.

#include "passes/plan/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "mlir/Parser/Parser.h"
#include "passes/registration.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

TEST(PlaceBlocksTest, BlocksThatLiveTogetherNeverOverlap) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<ArenaBlock> blocks(1 + random() % 60);
    int64_t live = 0;
    for (ArenaBlock& block : blocks) {
      block.bytes = random() % 4 == 0 ? random() % 100000 : random() % 300;
      block.begin = static_cast<int64_t>(random() % 50);
      block.end = block.begin + static_cast<int64_t>(random() % 20);
    }
    for (int64_t now = 0; now < 70; ++now) {
      int64_t sum = 0;
      for (const ArenaBlock& block : blocks)
        if (block.begin <= now && now <= block.end) sum += block.bytes;
      live = std::max(live, sum);
    }
    const int64_t arena = placeBlocks(blocks);
    EXPECT_GE(arena, live);
    for (size_t i = 0; i < blocks.size(); ++i) {
      const ArenaBlock& a = blocks[i];
      ASSERT_EQ(a.offset % 64, 0);
      ASSERT_LE(a.offset + a.bytes, arena);
      for (size_t k = 0; k < i; ++k) {
        const ArenaBlock& b = blocks[k];
        const bool apart_in_time = a.end < b.begin || b.end < a.begin;
        const bool apart_in_place =
            a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
        ASSERT_TRUE(apart_in_time || apart_in_place);
      }
    }
  }
}

// Of two gaps, that of 1024 bytes at 0 and that of 896 bytes at 1984.
TEST(PlaceBlocksTest, TakesTheSmallestGap) {
  std::vector<ArenaBlock> blocks = {{1024, 0, 0, 0},
                                    {960, 0, 9, 0},
                                    {896, 0, 0, 0},
                                    {832, 0, 9, 0},
                                    {800, 1, 9, 0}};
  EXPECT_EQ(placeBlocks(blocks), 1024 + 960 + 896 + 832);
  EXPECT_EQ(blocks[4].offset, 1984);
}

class CheckPlanTest : public ::testing::Test {
 protected:
  CheckPlanTest() : context_(Registry()), handler_(&context_) {
    handler_.setHandler(
        [this](mlir::Diagnostic& diagnostic) { text_ += diagnostic.str(); });
    module_ = mlir::parseSourceString<mlir::ModuleOp>(R"(
      graft.model @m {
        graft.parameter @w : tensor<16xf32>
      }
      exec.kernels @kernels {
        func.func @f(%x: memref<16xf32>, %y: memref<16xf32>) { return }
      }
      func.func @p(%x: tensor<16xf32>) -> tensor<16xf32>
          attributes {graft.phase = "p"} {
        %w = graft.read @m::@w : tensor<16xf32>
        %a = exec.launch @kernels::@f(%x) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
        %b = exec.launch @kernels::@f(%w) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
        %c = exec.launch @kernels::@f(%a) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
        graft.write @m::@w, %b : tensor<16xf32>
        return %c : tensor<16xf32>
      })",
                                                      &context_);
    function_ = module_->lookupSymbol<mlir::func::FuncOp>("p");
    auto plan = planMemory(function_, {});
    EXPECT_TRUE(mlir::succeeded(plan));
    plan_ = *plan;
  }

  static mlir::DialectRegistry Registry() {
    mlir::DialectRegistry registry;
    registry.insert<mlir::func::FuncDialect>();
    graft::registerAllDialects(registry);
    return registry;
  }

  std::string Check() {
    text_.clear();
    return mlir::succeeded(checkMemoryPlan(function_, plan_)) ? "fine" : text_;
  }

  exec::BufferAttr Arena(int64_t offset) {
    return exec::BufferAttr::getArena(&context_, offset, 64);
  }

  struct Handler {
    explicit Handler(mlir::MLIRContext* context) : context(context) {}
    void setHandler(std::function<void(mlir::Diagnostic&)> handler) {
      context->getDiagEngine().registerHandler(
          [handler](mlir::Diagnostic& diagnostic) {
            handler(diagnostic);
            return mlir::success();
          });
    }
    mlir::MLIRContext* context;
  };

  mlir::MLIRContext context_;
  Handler handler_;
  std::string text_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::func::FuncOp function_;
  MemoryPlan plan_;
};

// The second call finds what the first one left.
TEST_F(CheckPlanTest, FindsAPrologueThatWasOverwritten) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
      graft.model @m {
        graft.parameter @w : tensor<16xf32>
      }
      exec.kernels @kernels {
        func.func @f(%x: memref<16xf32>, %y: memref<16xf32>) { return }
        func.func @g(%x: memref<16xf32>, %w: memref<16xf32>, %y: memref<16xf32>) { return }
      }
      func.func @p(%x: tensor<16xf32>) -> tensor<16xf32>
          attributes {graft.phase = "p"} {
        %w = graft.read @m::@w : tensor<16xf32>
        %a = exec.launch @kernels::@f(%x) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
        %k = exec.launch @kernels::@f(%w) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
        %b = exec.launch @kernels::@g(%a, %k) grid <1> : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
        %c = exec.launch @kernels::@f(%b) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
        %d = exec.launch @kernels::@f(%c) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
        return %d : tensor<16xf32>
      })",
                                                        &context_);
  function_ = module->lookupSymbol<mlir::func::FuncOp>("p");
  plan_ = *planMemory(function_, {});
  EXPECT_EQ(plan_.prologue, 1);
  EXPECT_EQ(Check(), "fine");
  // %k comes first; %c takes its place, when it has been read.
  exec::BufferAttr kept = plan_.steps[0].writes[0];
  plan_.steps[3].writes[0] = plan_.steps[4].reads[0] = kept;
  EXPECT_THAT(Check(), HasSubstr("expects another value in"));
  plan_.prologue = 0;
  EXPECT_EQ(Check(), "fine");
}

TEST_F(CheckPlanTest, AcceptsThePlan) {
  ASSERT_EQ(plan_.steps.size(), 4u);
  EXPECT_EQ(Check(), "fine");
}

TEST_F(CheckPlanTest, FindsAValueThatWasOverwritten) {
  // %b takes the place of %a, which is still needed.
  plan_.steps[1].writes[0] = plan_.steps[0].writes[0];
  EXPECT_THAT(Check(), HasSubstr("expects another value in"));
}

TEST_F(CheckPlanTest, FindsPartialOverlap) {
  exec::BufferAttr a = plan_.steps[0].writes[0];
  plan_.steps[1].writes[0] =
      exec::BufferAttr::getArena(&context_, a.getOffset() + 32, 64);
  EXPECT_THAT(Check(), HasSubstr("expects another value in"));
}

TEST_F(CheckPlanTest, FindsAnOperandOverwrittenWithoutATie) {
  plan_.steps[1].reads[0] = plan_.steps[1].writes[0] =
      exec::BufferAttr::getSlot(plan_.steps[1].reads[0].getSlot());
  EXPECT_THAT(Check(), HasSubstr("result 0 overwrites operand 0"));
}

TEST_F(CheckPlanTest, FindsAWrongResult) {
  plan_.steps[2].writes[0] = Arena(1024);
  EXPECT_THAT(Check(), HasSubstr("expects another value in"));
}

TEST_F(CheckPlanTest, FindsASlotThatWasNotWritten) {
  plan_.steps.pop_back();
  EXPECT_THAT(Check(), HasSubstr("expects another value in"));
}

TEST_F(CheckPlanTest, FindsALaunchThatIsMissing) {
  plan_.steps.erase(plan_.steps.begin() + 1);
  EXPECT_NE(Check(), "fine");
}

}  // namespace
}  // namespace graft
