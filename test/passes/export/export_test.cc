// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A small model through autodiff, kernels, plan, native code and the artifact,
// trained by the executor: it must stay with the interpreter of the same
// phases, on every CPU level of this machine and for any number of threads.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>

#include "dialects/exec/exec_host.h"
#include "dialects/graft/graft_ops.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/autodiff/passes.h"
#include "passes/export/export_artifact.h"
#include "passes/interpret/interpreter.h"
#include "passes/lower/passes.h"
#include "passes/lower/target.h"
#include "passes/plan/passes.h"
#include "passes/registration.h"
#include "passes/transfer/passes.h"
#include "runtime/artifact/inspect_host.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cpu/cpu_level.h"
#include "runtime/executor/instance.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Values of parameter `slot`, the same for both sides.
std::vector<float> InitialValues(const SlotSpec& slot) {
  std::mt19937 random(static_cast<unsigned>(slot.name.size()));
  std::normal_distribution<float> normal(0, 0.5);
  std::vector<float> values(SlotBytes(slot) / sizeof(float));
  for (float& value : values) value = normal(random);
  return values;
}

struct Batch {
  std::vector<int32_t> ids, offsets, ordinals, labels;
};

// Two micro-batches of one optimiser batch of five examples.
const Batch kBatches[] = {
    {{1, 5, 19, 2, 2, 7, 0, 3}, {0, 3, 4, 8}, {0, 1, 2}, {0, 2, 1}},
    {{4, 4, 9, 11, 13}, {0, 1, 5}, {3, 4}, {1, -100}}};
constexpr float kTotal = 5;

class ExportTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    mlir::DialectRegistry registry;
    mlir::registerAllDialects(registry);
    mlir::registerAllExtensions(registry);
    graft::registerAllDialects(registry);
    context_ = new mlir::MLIRContext(registry);
    context_->loadAllAvailableDialects();
  }

  void SetUp() override {
    module_ = mlir::parseSourceFile<mlir::ModuleOp>(
        GRAFT_SOURCE_DIR "/test/passes/export/Inputs/tiny_model.mlir",
        context_);
    ASSERT_TRUE(module_);
    mlir::PassManager manager(context_);
    manager.addPass(createTransferInlineCallsPass());
    manager.addPass(createAutodiffExpandGradientsPass());
    manager.addPass(mlir::createCanonicalizerPass());
    manager.addPass(mlir::createCSEPass());
    manager.addNestedPass<mlir::func::FuncOp>(createPlanLimitInputsPass());
    ASSERT_TRUE(mlir::succeeded(manager.run(*module_)));
    path_ = ::testing::TempDir() + "/export_test.graft";
  }
  void TearDown() override { (void)files_.Remove(path_); }

  // One target, planned and compiled; `module` keeps it alive.
  ExportTarget Compile(const Target& target,
                       mlir::OwningOpRef<mlir::ModuleOp>& module) {
    module = module_->clone();
    mlir::PassManager manager(context_);
    LowerOutlinePassOptions options;
    options.target = target.getName();
    manager.addPass(createLowerOutlinePass(options));
    manager.addPass(createLowerMergeKernelsPass());
    manager.addPass(createPlanMemoryPass());
    EXPECT_TRUE(mlir::succeeded(manager.run(*module)));
    auto code =
        target.compile(module->lookupSymbol<exec::KernelsOp>("kernels"), "");
    EXPECT_TRUE(mlir::succeeded(code));
    return {*module,
            target.getDeviceKind().str(),
            target.getCodeKind().str(),
            target.getLevel().str(),
            target.getTriple().str(),
            code->bytes,
            {code->symbols.begin(), code->symbols.end()}};
  }

  // Writes an artifact with all targets that this machine runs.
  void WriteAll() {
    std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
    std::vector<ExportTarget> targets;
    for (const Target* target : getTargets()) {
      const std::string level = target->getLevel().str();
      if (!CpuHasLevel(level)) continue;
      levels_.push_back(level);
      targets.push_back(Compile(*target, modules.emplace_back()));
    }
    if (targets.empty()) GTEST_SKIP() << "no known level on this processor";
    auto spec = makeArtifactSpec(targets);
    ASSERT_TRUE(spec.ok()) << spec.status();
    const absl::Status status =
        WriteArtifact(files_, path_, *spec, [&](size_t slot, WeightSink sink) {
          const std::vector<float> values = InitialValues(spec->slots[slot]);
          return sink(absl::MakeConstSpan(
              reinterpret_cast<const uint8_t*>(values.data()),
              values.size() * sizeof(float)));
        });
    ASSERT_TRUE(status.ok()) << status;
  }

  std::shared_ptr<const Artifact> Load(const std::string& level,
                                       int threads = 1) {
    LoadOptions options;
    devices_.push_back(CreateCpuDevice({threads, false, level}).value());
    options.device = devices_.back().get();
    auto artifact = Artifact::Load(files_, path_, options);
    EXPECT_TRUE(artifact.ok()) << artifact.status();
    return artifact.ok() ? *artifact : nullptr;
  }

  static mlir::MLIRContext* context_;
  FileSystem& files_ = FileSystem::Posix();
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::string path_;
  std::vector<std::string> levels_;
  std::vector<std::unique_ptr<Device>> devices_;  // of loaded artifacts
};

mlir::MLIRContext* ExportTest::context_ = nullptr;

// What a training run leaves behind.
struct Trace {
  std::vector<float> numbers;  // losses and norms of all steps
  std::vector<float> logits;   // of the first batch, at the end
  std::map<std::string, std::vector<float>> slots;
};

constexpr int kSteps = 3;
constexpr uint64_t kSeed = 12;

Trace TrainInExecutor(std::shared_ptr<const Artifact> artifact) {
  Trace trace;
  auto instance = Instance::Create(artifact, {}).value();
  const size_t accumulate = artifact->FindEntry("accumulate").value();
  const size_t update = artifact->FindEntry("update").value();
  auto run = [&](size_t entry, std::vector<Feed> feeds) {
    auto outputs = instance->Run(entry, feeds);
    EXPECT_TRUE(outputs.ok()) << outputs.status();
    return outputs.ok() ? (*outputs)[0].floats() : absl::Span<const float>();
  };
  for (int step = 0; step < kSteps; ++step) {
    instance->SetRandom(kSeed, step);
    for (const Batch& batch : kBatches) {
      const int64_t tokens[] = {static_cast<int64_t>(batch.ids.size())};
      const int64_t rows[] = {static_cast<int64_t>(batch.labels.size())};
      trace.numbers.push_back(
          run(accumulate, {Feed::Tensor(DType::kI32, tokens, batch.ids.data()),
                           Feed::Segments(batch.offsets, batch.ordinals),
                           Feed::Tensor(DType::kI32, rows, batch.labels.data()),
                           Feed::Tensor(DType::kF32, {}, &kTotal)})
              .at(0));
    }
    const float rate = 0.01f;
    const int32_t ordinal = step + 1;
    trace.numbers.push_back(
        run(update, {Feed::Tensor(DType::kF32, {}, &rate),
                     Feed::Tensor(DType::kI32, {}, &ordinal)})
            .at(0));
  }
  const Batch& batch = kBatches[0];
  const int64_t tokens[] = {static_cast<int64_t>(batch.ids.size())};
  const auto logits = run(artifact->FindEntry("predict").value(),
                          {Feed::Tensor(DType::kI32, tokens, batch.ids.data()),
                           Feed::Segments(batch.offsets)});
  trace.logits.assign(logits.begin(), logits.end());
  for (size_t i = 0; i < artifact->spec().slots.size(); ++i) {
    const auto bytes = instance->Slot(i).value();
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    trace.slots[artifact->spec().slots[i].name] = std::move(values);
  }
  return trace;
}

interpret::Tensor Ints(const std::vector<int32_t>& values) {
  return interpret::Tensor::fromInts({static_cast<int64_t>(values.size())},
                                     values);
}

Trace TrainInInterpreter(mlir::ModuleOp module, const ArtifactSpec& spec) {
  Trace trace;
  interpret::Interpreter interpreter(module);
  for (const SlotSpec& slot : spec.slots) {
    if (slot.is_parameter())
      interpreter.setSlot(
          slot.model, slot.name,
          interpret::Tensor::fromFloats(slot.shape, InitialValues(slot)));
  }
  auto run = [&](llvm::StringRef name, std::vector<interpret::Value> values) {
    auto results =
        interpreter.run(module.lookupSymbol<mlir::func::FuncOp>(name), values);
    EXPECT_TRUE(mlir::succeeded(results));
    return (*results)[0].tensor().toFloats();
  };
  auto segments = [](const Batch& batch) {
    return interpret::Segments{batch.offsets, batch.ordinals};
  };
  for (int step = 0; step < kSteps; ++step) {
    interpreter.setRandomState({kSeed, static_cast<uint32_t>(step), 0});
    for (const Batch& batch : kBatches)
      trace.numbers.push_back(run(
          "accumulate", {Ints(batch.ids), segments(batch), Ints(batch.labels),
                         interpret::Tensor::scalar(kTotal)})[0]);
    trace.numbers.push_back(run(
        "update",
        {interpret::Tensor::scalar(0.01f),
         interpret::Tensor::scalar(step + 1, interpret::ElementKind::i32)})[0]);
  }
  trace.logits = run("predict", {Ints(kBatches[0].ids), segments(kBatches[0])});
  for (const SlotSpec& slot : spec.slots)
    if (const auto* tensor = interpreter.getSlot(slot.model, slot.name))
      trace.slots[slot.name] = tensor->toFloats();
  return trace;
}

void ExpectNear(const std::vector<float>& got, const std::vector<float>& want,
                float tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], tolerance * (1 + std::abs(want[i]))) << i;
}

TEST_F(ExportTest, TrainsLikeTheInterpreter) {
  WriteAll();
  if (IsSkipped() || HasFatalFailure()) return;
  auto artifact = Load(levels_[0]);
  ASSERT_NE(artifact, nullptr);
  const Trace want = TrainInInterpreter(*module_, artifact->spec());
  EXPECT_LT(want.numbers[6], want.numbers[0]);  // It learns at all.
  for (const std::string& level : levels_) {
    SCOPED_TRACE(level);
    artifact = Load(level);
    ASSERT_EQ(artifact->target()->level, level);
    const Trace got = TrainInExecutor(artifact);
    ExpectNear(got.numbers, want.numbers, 1e-5);
    ExpectNear(got.logits, want.logits, 1e-5);
    for (const auto& [name, values] : want.slots) {
      SCOPED_TRACE(name);
      ExpectNear(got.slots.at(name), values, 1e-5);
    }
    const Trace threaded = TrainInExecutor(Load(level, 3));
    EXPECT_EQ(threaded.numbers, got.numbers);
    EXPECT_EQ(threaded.logits, got.logits);
    EXPECT_EQ(threaded.slots, got.slots);
  }
}

TEST_F(ExportTest, KeepsTheInterfaceOfTheModule) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const ExportTarget target = Compile(getHostTarget(), module);
  const ArtifactSpec spec = makeArtifactSpec({target}).value();
  ASSERT_EQ(spec.entries.size(), 3u);
  EXPECT_EQ(spec.entries[1].name, "accumulate");
  EXPECT_EQ(spec.entries[1].inputs[0].name, "ids");
  EXPECT_EQ(spec.entries[1].inputs[0].limit, 20);
  EXPECT_EQ(spec.entries[1].inputs[2].limit, 3);
  EXPECT_EQ(spec.entries[1].inputs[2].exception, -100);
  EXPECT_EQ(spec.entries[1].outputs[0].name, "loss");
  EXPECT_EQ(spec.sizes[0].bound, 64);
  ASSERT_EQ(spec.slots.size(), 12u);
  EXPECT_FALSE(spec.slots[0].trainable);  // words
  EXPECT_TRUE(spec.slots[1].trainable);   // dense.weight
  EXPECT_FALSE(spec.slots[2].trainable);  // dense.bias
  EXPECT_EQ(spec.slots[3].initial, "normal");
  EXPECT_EQ(spec.slots[4].parameter, 1);
  EXPECT_EQ(spec.targets[0].kind, "cpu");
  EXPECT_EQ(spec.targets[0].format, "elf");
}

TEST_F(ExportTest, KeepsStatesOfAnyKind) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const ExportTarget target = Compile(getHostTarget(), module);
  const ArtifactSpec spec = makeArtifactSpec({target}).value();
  ASSERT_EQ(spec.slots.size(), 12u);
  EXPECT_EQ(spec.slots[3].state, "");
  EXPECT_EQ(spec.slots[3].group, "head");
  EXPECT_EQ(spec.slots[4].state, "gradient");
  EXPECT_EQ(spec.slots[9].state, "second_moment");
  EXPECT_EQ(spec.slots[9].group, "head");
  EXPECT_EQ(spec.slots[10].name, "seen");
  EXPECT_EQ(spec.slots[10].state, "counter");
  EXPECT_EQ(spec.slots[10].dtype, DType::kI32);
  EXPECT_EQ(spec.slots[10].parameter, -1);
  EXPECT_EQ(spec.slots[10].initial, "");
  EXPECT_EQ(spec.slots[11].initial, "normal");
  EXPECT_EQ(spec.slots[11].deviation, 0.5f);
}

TEST_F(ExportTest, SaysWhereInputsComeFrom) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const ExportTarget target = Compile(getHostTarget(), module);
  const ArtifactSpec spec = makeArtifactSpec({target}).value();
  ASSERT_EQ(spec.streams.size(), 1u);
  EXPECT_EQ(spec.streams[0].name, "train");
  EXPECT_EQ(spec.streams[0].tokens, 0);
  EXPECT_EQ(spec.streams[0].sequences, 1);
  ASSERT_EQ(spec.caches.size(), 1u);
  EXPECT_EQ(spec.caches[0].name, "kept");
  EXPECT_EQ(spec.caches[0].entry, 0u);
  EXPECT_EQ(spec.entries[0].inputs[0].source, SourceKind::caller);
  const std::vector<ValueSpec>& accumulate = spec.entries[1].inputs;
  EXPECT_EQ(accumulate[1].source, SourceKind::stream);
  EXPECT_EQ(accumulate[1].field, "segments");
  EXPECT_EQ(accumulate[3].source, SourceKind::scalar);
  EXPECT_EQ(spec.registers[accumulate[3].source_index].name, "examples");
  ASSERT_EQ(spec.registers.size(), 6u);
  const RegisterSpec& rate = spec.registers[0];
  EXPECT_EQ(rate.kind, RegisterKind::parameter);
  EXPECT_EQ(rate.initial, 0.01);
  EXPECT_EQ(rate.minimum, 0);
  EXPECT_EQ(rate.maximum, 1);
  EXPECT_EQ(rate.meaning, "learning rate");
  EXPECT_EQ(spec.registers[1].kind, RegisterKind::option);
  EXPECT_EQ(spec.registers[1].maximum, std::numeric_limits<double>::infinity());
  EXPECT_EQ(spec.registers[5].initial, -1);
  ASSERT_EQ(spec.parameters.size(), 1u);
  EXPECT_EQ(spec.parameters[0].value, "linear");
}

// Each kind of instruction of the model, as the runtime describes it.
TEST_F(ExportTest, WritesTheHostProgramOfTheModule) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const ExportTarget target = Compile(getHostTarget(), module);
  const ArtifactSpec spec = makeArtifactSpec({target}).value();
  ASSERT_EQ(spec.host_programs.size(), 1u);
  const HostProgramSpec& program = spec.host_programs[0];
  EXPECT_EQ(program.name, "train");
  EXPECT_THAT(program.fields, ElementsAre("weights", "labels"));
  std::vector<std::string> lines;
  for (const HostInstruction& instruction : program.instructions)
    lines.push_back(DescribeInstruction(spec, program, instruction));
  EXPECT_THAT(
      lines,
      ElementsAre("fill_cache kept", "repeat epoch to 3",
                  "for_each_batch @train of 4 + 1",
                  "set examples = sum(@train weights where labels != -100)",
                  "set update = update + 1", "for_each_micro_batch @train",
                  HasSubstr("call accumulate"), "end", "when not finite(loss)",
                  HasSubstr("fail \"expects a finite loss\": got = loss"),
                  "otherwise", HasSubstr("call update"), "end",
                  HasSubstr("log train: step = update, norm = loss"),
                  HasSubstr("mark (update % 2) == 0"),
                  HasSubstr("when (0 < limit) and (limit <= update)"), "leave",
                  "end", "end", "end"));
  // What the text leaves out.
  const HostInstruction& call = program.instructions[6];
  ASSERT_EQ(call.expression.size(), 3u);
  ASSERT_EQ(call.assignments.size(), 1u);
  EXPECT_EQ(call.assignments[0].name, "loss");
  EXPECT_TRUE(call.assignments[0].add);
  EXPECT_EQ(spec.registers[call.assignments[0].target].name, "loss");
}

TEST_F(ExportTest, RefusesTwoDeclarationsOfAName) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const ExportTarget target = Compile(getHostTarget(), module);
  auto host = *module->getOps<exec::HostOp>().begin();
  auto copy = host.clone();
  copy.setSymName("again");
  module->push_back(copy);
  const auto spec = makeArtifactSpec({target});
  EXPECT_THAT(std::string(spec.status().message()),
              HasSubstr("expects each name once, got train twice"));
}

TEST_F(ExportTest, RefusesTargetsThatDiffer) {
  mlir::OwningOpRef<mlir::ModuleOp> first, second;
  ExportTarget one = Compile(getHostTarget(), first);
  ExportTarget other = Compile(getHostTarget(), second);
  other.level = "other";
  ASSERT_TRUE(makeArtifactSpec({one, other}).ok());
  auto size = *second->getOps<SizeOp>().begin();
  size.setBound(65);
  auto differs = makeArtifactSpec({one, other});
  EXPECT_EQ(differs.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(differs.status().message()),
              HasSubstr("expects the sizes, slots and entries of"));
  one.symbols.pop_back();
  auto lacking = makeArtifactSpec({one});
  EXPECT_THAT(std::string(lacking.status().message()),
              HasSubstr("expects code of kernel"));
}

}  // namespace
}  // namespace graft
