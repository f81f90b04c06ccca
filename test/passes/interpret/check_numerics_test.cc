// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/check_numerics.h"

#include "dialects/graft/graft_ops.h"
#include "gmock/gmock.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Transforms/Passes.h"
#include "passes/autodiff/passes.h"
#include "passes/fuse/passes.h"
#include "passes/lower/passes.h"
#include "passes/plan/passes.h"
#include "test/dialects/graft/plug_dialect.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A classifier's training phase: the deliberate faults below each change one
// of its numbers.
constexpr const char* kPhase = R"mlir(
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<3x4xf32>
  graft.state @w.gradient "gradient" of @w : tensor<3x4xf32>
}
func.func @accumulate(
    %x: tensor<?x4xf32, #graft.dims<S>>,
    %labels: tensor<?xi32, #graft.dims<S>> {graft.name = "labels"},
    %total: tensor<f32> {graft.name = "total"})
    -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate"} {
  %w = graft.read @m::@w : tensor<3x4xf32>
  %h = graft.gelu erf %x : tensor<?x4xf32, #graft.dims<S>>
  %z = graft.linear %h, %w : (tensor<?x4xf32, #graft.dims<S>>, tensor<3x4xf32>) -> tensor<?x3xf32, #graft.dims<S>>
  %l = graft.cross_entropy %z, %labels : (tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
  %sum = graft.reduce sum %l over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %loss = graft.div %sum, %total : tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<3x4xf32>
  %old = graft.read @m::@w.gradient : tensor<3x4xf32>
  %new = graft.add %old, %g : tensor<3x4xf32>
  graft.write @m::@w.gradient, %new : tensor<3x4xf32>
  return %loss : tensor<f32>
}
)mlir";

// A phase with ops of a plug-in: %a is fused with what it stands between, %b
// is a kernel by itself.
constexpr const char* kPlugPhase = R"mlir(
graft.size @T bound 64
func.func @step(%x: tensor<?x6xf32, #graft.dims<T>>)
    -> (tensor<?x6xf32, #graft.dims<T>> {graft.name = "out"}) attributes {graft.phase = "step"} {
  %s = graft.sigmoid %x : tensor<?x6xf32, #graft.dims<T>>
  %a = "plug.custom"(%s) {form = "swish", factors = "*->*", value = 2.0 : f32} : (tensor<?x6xf32, #graft.dims<T>>) -> tensor<?x6xf32, #graft.dims<T>>
  %b = "plug.custom"(%a) {form = "swap", factors = "tH->tH", value = 0.0 : f32} : (tensor<?x6xf32, #graft.dims<T>>) -> tensor<?x6xf32, #graft.dims<T>>
  return %b : tensor<?x6xf32, #graft.dims<T>>
}
)mlir";

// Also with the dialects that kernels are made of and lowered to.
std::unique_ptr<mlir::MLIRContext> makeFullContext() {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  graft::registerAllDialects(registry);
  auto context = std::make_unique<mlir::MLIRContext>(registry);
  context->loadAllAvailableDialects();
  return context;
}

// Passes that break programs in ways a compiler might.
struct FormFault
    : public mlir::PassWrapper<FormFault, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormFault)
  llvm::StringRef getArgument() const final { return "form-fault"; }
  void runOnOperation() override {
    getOperation().walk([](GeluOp op) { op.setForm(GeluForm::tanh); });
  }
};

struct LossFault
    : public mlir::PassWrapper<LossFault, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LossFault)
  llvm::StringRef getArgument() const final { return "loss-fault"; }
  void runOnOperation() override {
    getOperation().walk(
        [](CrossEntropyOp op) { op.setLabelSmoothing(llvm::APFloat(0.5f)); });
  }
};

struct WriteFault
    : public mlir::PassWrapper<WriteFault,
                               mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WriteFault)
  llvm::StringRef getArgument() const final { return "write-fault"; }
  void runOnOperation() override {
    getOperation().walk([](WriteOp op) { op->erase(); });
  }
};

struct AccumulateFault
    : public mlir::PassWrapper<AccumulateFault,
                               mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AccumulateFault)
  llvm::StringRef getArgument() const final { return "accumulate-fault"; }
  void runOnOperation() override {
    getOperation().walk([](WriteOp op) {
      op->setOperand(0, op.getValue().getDefiningOp<AddOp>().getRhs());
    });
  }
};

struct PlugFault
    : public mlir::PassWrapper<PlugFault, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlugFault)
  llvm::StringRef getArgument() const final { return "plug-fault"; }
  void runOnOperation() override {
    getOperation().walk([](CustomOp op) {
      op->setAttr("value", mlir::Builder(op).getF32FloatAttr(1));
    });
  }
};

// Doubles what the kernels of a stem add up.
struct KernelFault
    : public mlir::PassWrapper<KernelFault,
                               mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(KernelFault)
  explicit KernelFault(llvm::StringRef stem) : stem(stem) {}
  llvm::StringRef getArgument() const final { return "kernel-fault"; }
  void runOnOperation() override {
    auto kernels = getOperation().lookupSymbol<exec::KernelsOp>("kernels");
    for (auto kernel : kernels.getBody().getOps<mlir::func::FuncOp>())
      if (kernel.getName().starts_with(stem))
        kernel.walk([](mlir::vector::StoreOp op) { addToItself(op, 0); });
  }
  static void addToItself(mlir::Operation* op, unsigned operand) {
    mlir::OpBuilder builder(op);
    mlir::Value value = op->getOperand(operand);
    op->setOperand(operand, mlir::arith::AddFOp::create(builder, op->getLoc(),
                                                        value, value));
  }
  std::string stem;
};

// Puts all values that die in a program into one place.
struct PlanFault
    : public mlir::PassWrapper<PlanFault, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlanFault)
  llvm::StringRef getArgument() const final { return "plan-fault"; }
  void runOnOperation() override {
    getOperation().walk([&](exec::CommandOp op) {
      op.setReadsAttr(moved(op.getReads()));
      op.setWritesAttr(moved(op.getWrites()));
    });
  }
  mlir::ArrayAttr moved(mlir::ArrayAttr buffers) {
    llvm::SmallVector<mlir::Attribute> list;
    for (auto buffer : buffers.getAsRange<exec::BufferAttr>())
      list.push_back(
          buffer.getPlace() == exec::Place::kArena
              ? exec::BufferAttr::getArena(&getContext(), 0, buffer.getBytes())
              : buffer);
    return mlir::ArrayAttr::get(&getContext(), list);
  }
};

class CheckNumericsTest : public ::testing::Test {
 protected:
  // Runs passes under the check; returns the first diagnostic, or "" when all
  // passed.
  template <typename... Passes>
  std::string run(std::unique_ptr<Passes>... passes) {
    return runOn(kPhase, std::move(passes)...);
  }

  template <typename... Passes>
  std::string runOn(const char* text, std::unique_ptr<Passes>... passes) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    notes.clear();
    EXPECT_TRUE(module);
    if (!module) return "does not parse";
    mlir::PassManager manager(context.get());
    manager.addInstrumentation(interpret::createCheckNumerics());
    (manager.addPass(std::move(passes)), ...);
    std::string message;
    bool isError = false;
    mlir::ScopedDiagnosticHandler handler(
        context.get(), [&](mlir::Diagnostic& diagnostic) {
          if (message.empty()) message = diagnostic.str();
          isError |=
              diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
          for (auto& note : diagnostic.getNotes()) notes += note.str();
          return mlir::success();
        });
    EXPECT_EQ(mlir::failed(manager.run(*module)), isError);
    return message;
  }

  std::unique_ptr<mlir::MLIRContext> context = makeFullContext();
  std::string notes;  // of the diagnostics of the last run
};

TEST_F(CheckNumericsTest, PassesThatKeepTheNumbersAreQuiet) {
  EXPECT_THAT(
      run(mlir::createCanonicalizerPass(), createAutodiffExpandGradientsPass(),
          mlir::createCSEPass(), mlir::createCanonicalizerPass()),
      IsEmpty());
}

TEST_F(CheckNumericsTest, NamesThePassThatChangesAResult) {
  EXPECT_THAT(run(createAutodiffExpandGradientsPass(),
                  std::make_unique<LossFault>(), mlir::createCSEPass()),
              HasSubstr("expects pass 'loss-fault' to keep result 'loss' "
                        "within 1.0e-05, got a distance of"));
}

// The two forms of GELU differ by less than 1e-3.
TEST_F(CheckNumericsTest, NamesThePassThatUsesAnApproximation) {
  EXPECT_THAT(run(std::make_unique<FormFault>()),
              HasSubstr("expects pass 'form-fault' to keep"));
}

TEST_F(CheckNumericsTest, NamesThePassThatChangesAWrite) {
  std::string message =
      run(createAutodiffExpandGradientsPass(), mlir::createCSEPass(),
          std::make_unique<AccumulateFault>());
  EXPECT_THAT(message, HasSubstr("expects pass 'accumulate-fault' to keep "
                                 "write of 'm::w.gradient' within"));
}

TEST_F(CheckNumericsTest, NamesThePassThatLosesAWrite) {
  EXPECT_THAT(run(std::make_unique<WriteFault>()),
              HasSubstr("has no write of 'm::w.gradient' any more after pass "
                        "'write-fault'"));
}

TEST_F(CheckNumericsTest, FollowsAPhaseIntoMemory) {
  EXPECT_THAT(run(createAutodiffExpandGradientsPass(), createLowerOutlinePass(),
                  createLowerMergeKernelsPass(), createPlanMemoryPass()),
              IsEmpty());
}

TEST_F(CheckNumericsTest, NamesTheKernelThatIsWrong) {
  std::string message =
      run(createAutodiffExpandGradientsPass(), createLowerOutlinePass(),
          std::make_unique<KernelFault>("gelu"), createLowerMergeKernelsPass());
  EXPECT_THAT(message, HasSubstr("expects pass 'kernel-fault' to keep"));
  EXPECT_THAT(notes, HasSubstr("kernel 'gelu."));
  EXPECT_THAT(notes,
              HasSubstr("is the first that differs, from kernel 'gelu."));
}

TEST_F(CheckNumericsTest, NamesTheCommandThatFindsOtherMemory) {
  std::string message =
      run(createAutodiffExpandGradientsPass(), createLowerOutlinePass(),
          createPlanMemoryPass(), std::make_unique<PlanFault>());
  EXPECT_THAT(message, HasSubstr("expects pass 'plan-fault' to keep"));
  EXPECT_THAT(notes, HasSubstr("is the first that differs, from kernel '"));
}

class PlugInNumericsTest : public CheckNumericsTest {
 protected:
  PlugInNumericsTest() { context->loadDialect<PlugDialect>(); }
};

TEST_F(PlugInNumericsTest, ChecksFusedAndSingleKernels) {
  EXPECT_THAT(
      runOn(kPlugPhase, createFuseElementwisePass(), createLowerOutlinePass(),
            createLowerMergeKernelsPass(), createPlanMemoryPass()),
      IsEmpty());
}

TEST_F(PlugInNumericsTest, NamesThePassThatChangesAnOp) {
  EXPECT_THAT(runOn(kPlugPhase, std::make_unique<PlugFault>()),
              HasSubstr("expects pass 'plug-fault' to keep result 'out' "
                        "within 1.0e-05, got a distance of"));
}

TEST_F(PlugInNumericsTest, NamesTheKernelOfOneOp) {
  EXPECT_THAT(runOn(kPlugPhase, createLowerOutlinePass(),
                    std::make_unique<KernelFault>("custom"),
                    createLowerMergeKernelsPass()),
              HasSubstr("expects pass 'kernel-fault' to keep"));
  EXPECT_THAT(notes, HasSubstr("kernel 'custom."));
  EXPECT_THAT(notes, HasSubstr("is the first that differs"));
}

TEST_F(PlugInNumericsTest, NamesTheFusedKernel) {
  EXPECT_THAT(
      runOn(kPlugPhase, createFuseElementwisePass(), createLowerOutlinePass(),
            std::make_unique<KernelFault>("sigmoid_custom")),
      HasSubstr("expects pass 'kernel-fault' to keep"));
  EXPECT_THAT(notes, HasSubstr("kernel 'sigmoid_custom."));
  EXPECT_THAT(notes, HasSubstr("is the first that differs"));
}

TEST_F(PlugInNumericsTest, SaysWhatItDoesNotKnow) {
  EXPECT_THAT(runOn(R"mlir(
func.func @step(%x: tensor<2x6xf32>) -> tensor<2x6xf32> attributes {graft.phase = "step"} {
  %b = "plug.custom"(%x) {form = "padded", factors = "*->*", value = 0.0 : f32} : (tensor<2x6xf32>) -> tensor<2x6xf32>
  return %b : tensor<2x6xf32>
}
)mlir",
                    mlir::createCSEPass()),
              HasSubstr("are not checked at all: the interpreter does not know "
                        "'tensor.generate', of the linalg form of "
                        "'plug.custom'"));
}

}  // namespace
}  // namespace graft
