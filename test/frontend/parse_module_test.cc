// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/parse_module.h"

#include <string>
#include <vector>

#include "frontend/graph_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "passes/registration.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ParseModuleTest : public ::testing::Test {
 protected:
  ParseModuleTest() {
    mlir::DialectRegistry registry;
    registry.insert<mlir::func::FuncDialect>();
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic& d) {
      errors += d.str() + "\n";
      return mlir::success();
    });
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string& text) {
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(
        llvm::MemoryBuffer::getMemBufferCopy(text, "page.mlir"), {});
    return parseModule(sources, &context);
  }

  // The names of all arguments and results, "" for none.
  static std::vector<std::string> names(mlir::ModuleOp module) {
    std::vector<std::string> result;
    auto add = [&](mlir::Location location) {
      auto name = mlir::dyn_cast<mlir::NameLoc>(location);
      result.push_back(name ? name.getName().str() : "");
    };
    module.walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation* op) {
      if (op->getNumResults() > 0) add(op->getLoc());
      for (mlir::Region& region : op->getRegions())
        for (mlir::Block& block : region)
          for (mlir::BlockArgument argument : block.getArguments())
            add(argument.getLoc());
    });
    return result;
  }

  mlir::MLIRContext context;
  std::string errors;
};

constexpr char kFunction[] = R"(
func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %sum = graft.add %x, %x : tensor<3x4xf32>
  %sum_0 = graft.add %sum, %x : tensor<3x4xf32>
  %y_1 = graft.add %sum_0, %x : tensor<3x4xf32>
  %2 = graft.add %y_1, %x : tensor<3x4xf32>
  %given = graft.add %2, %x : tensor<3x4xf32> loc("other")
  return %given : tensor<3x4xf32>
}
)";

TEST_F(ParseModuleTest, KeepsTheNamesOfValues) {
  mlir::OwningOpRef<mlir::ModuleOp> module = parse(kFunction);
  ASSERT_TRUE(module) << errors;
  EXPECT_THAT(names(*module),
              ElementsAre("x", "sum", "sum", "y_1", "", "other"));
}

TEST_F(ParseModuleTest, PrintsWhatItHasRead) {
  auto print = [](mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    printModel(module, stream);
    return text;
  };
  mlir::OwningOpRef<mlir::ModuleOp> module = parse(kFunction);
  ASSERT_TRUE(module) << errors;
  const std::string text = print(*module);
  EXPECT_THAT(text, HasSubstr("%sum_0 = graft.add %sum, %x"));
  EXPECT_THAT(text, HasSubstr("%y_1 = "));
  mlir::OwningOpRef<mlir::ModuleOp> again = parse(text);
  ASSERT_TRUE(again) << errors;
  EXPECT_EQ(print(*again), text);
  EXPECT_EQ(names(*again), names(*module));
}

TEST_F(ParseModuleTest, TakesAModuleThatIsWrittenOut) {
  mlir::OwningOpRef<mlir::ModuleOp> module =
      parse("module @named {" + std::string(kFunction) + "}");
  ASSERT_TRUE(module) << errors;
  EXPECT_EQ(module->getSymName(), "named");
  EXPECT_EQ(names(*module).size(), 6);
}

TEST_F(ParseModuleTest, TakesAStrategyWithoutItsModels) {
  EXPECT_TRUE(parse(R"(
transfer.strategy @s {
  %ids, %segments = transfer.stream @train of ids, segments in @T, @S
})")) << errors;
}

TEST_F(ParseModuleTest, ReportsWhatItCannotRead) {
  EXPECT_FALSE(parse("graft.size @T bound"));
  EXPECT_THAT(errors, HasSubstr("expected"));
}

TEST_F(ParseModuleTest, RefusesNestingThatNoStackHolds) {
  for (const auto& [open, close] :
       {std::pair<std::string, std::string>{"module {", "}"},
        {"\"a.b\"() ({", "}) : () -> ()"},
        {"\"a.b\"() {c = [", "]}"},
        {"\"a.b\"() {c = tuple<", ">}"}}) {
    std::string text, end;
    for (int i = 0; i < 20000; ++i) {
      text += open;
      end += close;
    }
    errors.clear();
    EXPECT_FALSE(parse(text + end)) << open;
    EXPECT_THAT(errors, HasSubstr("expects at most 256 nested brackets"));
  }
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "// ((((\nfunc.func private @f" + std::to_string(i) +
            "() -> () attributes {a = \"{{[\\\"(<\"}\n";
  errors.clear();
  EXPECT_TRUE(parse(text)) << errors;
}

}  // namespace
}  // namespace graft
