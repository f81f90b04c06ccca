// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/train/job.h"

#include <functional>
#include <utility>

#include "runtime/artifact/writer.h"
#include "runtime/base/status_macros.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/parameters.h"
#include "test/runtime/artifact/spec_parts.h"
#include "test/runtime/host/training_program.h"

namespace graft {
namespace {

constexpr int32_t kT = 0, kS = 1;
constexpr int64_t kTokens = 8, kSequences = 3;  // capacity
constexpr int64_t kIds = 16;
constexpr uint64_t kBytes = kIds * sizeof(float);
constexpr uint32_t kTeacher = 0, kW = 1, kGradient = 2, kMoment = 3, kNorm = 4;
constexpr uint64_t kSeed = 11;

std::vector<EntrySpec> MakeEntries() {
  const ValueSpec ids = MakeTensor("ids", DType::kI32, {{kT, 0}}, kIds);
  const ValueSpec segments = MakeSegments(kT, kS);
  const ValueSpec labels = MakeTensor("labels", DType::kI32, {{kS, 0}});
  const auto rows = [](const std::string& name, int64_t width) {
    return MakeTensor(name, DType::kF32, {{kS, 0}, {-1, width}});
  };
  const auto scalar = [](const std::string& name, DType dtype) {
    return MakeTensor(name, dtype, {});
  };
  return {{"said", {ids, segments}, {rows("said", 1)}, 0},
          {"accumulate",
           {ids, segments, labels, rows("cached.said", 1),
            scalar("total", DType::kF32), scalar("scale", DType::kF32)},
           {scalar("loss", DType::kF32)},
           3},
          {"update",
           {scalar("rate", DType::kF32), scalar("step", DType::kI32),
            scalar("unscale", DType::kF32)},
           {},
           0},
          {"evaluate",
           {ids, segments, labels},
           {MakeTensor("losses", DType::kF32, {{kS, 0}}), rows("logits", 2)},
           0}};
}

std::vector<ProgramSpec> MakePrograms() {
  const BufferSpec ids = {Place::input, 0, 0, 0, kTokens * 4};
  const BufferSpec offsets = {Place::input, 0, 1, 0, (kSequences + 1) * 4};
  const BufferSpec ordinals = {Place::input, 1, 1, 0, kSequences * 4};
  const auto input = [](uint32_t index, uint64_t numbers) {
    return BufferSpec{Place::input, 0, index, 0, numbers * 4};
  };
  const auto output = [](uint32_t index, uint64_t numbers) {
    return BufferSpec{Place::output, 0, index, 0, numbers * 4};
  };
  const auto slot = [](uint32_t index) {
    return BufferSpec{Place::slot, 0, index, 0, kBytes};
  };
  std::vector<ProgramSpec> programs(4);
  programs[0].buffers = {ids, offsets, slot(kTeacher), output(0, kSequences)};
  programs[0].commands = {MakeKernel(0, {0, 1, 2, 3})};
  programs[1].buffers = {ids,
                         offsets,
                         ordinals,
                         input(2, kSequences),
                         input(3, kSequences),
                         input(4, 1),
                         input(5, 1),
                         slot(kW),
                         slot(kGradient),
                         output(0, 1)};
  programs[1].commands = {
      MakeKernel(1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8}, /*results=*/2)};
  programs[1].commands[0].random = 5;
  programs[2].buffers = {input(0, 1),     input(1, 1),   input(2, 1), slot(kW),
                         slot(kGradient), slot(kMoment), slot(kNorm)};
  programs[2].commands = {MakeKernel(2, {0, 1, 2, 3, 4, 5, 6}, /*results=*/4)};
  programs[3].buffers = {ids,
                         offsets,
                         input(2, kSequences),
                         slot(kW),
                         output(0, kSequences),
                         output(1, 2 * kSequences)};
  programs[3].commands = {MakeKernel(3, {0, 1, 2, 3, 4, 5}, /*results=*/2)};
  return programs;
}

ArtifactSpec MakeSpec(absl::Span<const uint8_t> code, bool scales_loss) {
  using namespace host_program;  // NOLINT: the language of a program
  ArtifactSpec spec;
  spec.sizes = {{"T", kTokens}, {"S", kSequences}};
  spec.slots = {MakeParameter("teacher", "w", {kIds}, /*trainable=*/false),
                MakeParameter("student", "w", {kIds})};
  for (const char* state : {"gradient", "moment", "norm"})
    spec.slots.push_back(MakeState(spec.slots, kW, state));
  spec.slots[kNorm].initial = "ones";
  spec.entries = MakeEntries();
  TargetSpec target =
      MakeTarget(code, "job", {"say", "learn", "update", "judge"});
  target.programs = MakePrograms();
  spec.targets = {std::move(target)};
  spec.caches = {{"said", /*stream=*/0, /*entry=*/0, /*output=*/0,
                  /*batch=*/false, "graph"}};
  TrainingProgram program;
  program.schedule = Schedule::kCosine;
  program.peak = 0.1;
  program.warmup = 0.125;
  program.epochs = 6;
  program.batch_size = 6;
  program.evaluates = !scales_loss;
  program.scales_loss = scales_loss;
  program.scale_growth = 3;
  AddTrainingProgram(program, spec);
  // A checkpoint of the end.
  HostInstruction& end = spec.host_programs[0].instructions.emplace_back();
  end.op = HostOp::mark;
  end.expression = {{.value = 1}};
  // Without loss scaling nothing writes these.
  spec.registers[RegisterIndex("scale", spec)].initial = 1;
  spec.registers[RegisterIndex("unscale", spec)].initial = 1;
  return spec;
}

absl::Status WriteParameters(size_t slot, WeightSink sink) {
  std::vector<float> values(kIds);
  for (int64_t i = 0; i < kIds; ++i)
    values[i] = slot == kTeacher ? (i % 3 == 0 ? 0.75f : 0.25f) : 0.5f;
  return sink(absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(values.data()), kBytes));
}

// Examples of 1 to 4 tokens whose label follows from most of their ids.
void AddExamples(int32_t count, int32_t first, ExamplesInMemory& examples) {
  for (int32_t i = first; i < first + count; ++i) {
    std::vector<int32_t> ids;
    for (int32_t t = 0; t <= i % 4; ++t)
      ids.push_back((i * 7 + t * t * 5) % static_cast<int32_t>(kIds));
    examples.Add(ids, i % 5 == 0 ? i % 2 : ids[0] % 2);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Job>> Job::Create(const std::string& directory,
                                                 bool scales_loss) {
  std::unique_ptr<Job> job(new Job);
  job->directory_ = directory;
  GRAFT_ASSIGN_OR_RETURN(const std::string code,
                         ReadFile(job->files_, GRAFT_JOB_KERNELS));
  // One thread, so that a process may fork.
  GRAFT_ASSIGN_OR_RETURN(job->device_, CreateCpuDevice({.threads = 1}));
  const std::string path = JoinPath(directory, "program.graft");
  GRAFT_RETURN_IF_ERROR(WriteArtifact(job->files_, path,
                                      MakeSpec(BytesOf(code), scales_loss),
                                      WriteParameters));
  LoadOptions load;
  load.device = job->device_.get();
  GRAFT_ASSIGN_OR_RETURN(job->artifact_,
                         Artifact::Load(job->files_, path, load));
  AddExamples(22, 0, job->train_);
  AddExamples(9, 45, job->dev_);
  job->options_.seed = kSeed;
  job->options_.run = {{"job", "this"}};
  job->options_.registers = {{"log_every", 2}, {"checkpoint_every", 3}};
  if (!scales_loss) {
    job->options_.registers.emplace_back("evaluate_every", 2);
    job->options_.registers.emplace_back("patience", 3);
  }
  return job;
}

absl::StatusOr<JobResult> Job::Run(const std::string& folder, bool resume,
                                   std::function<bool(size_t)> stop_at) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance,
                         Instance::Create(artifact_, {}));
  GRAFT_RETURN_IF_ERROR(InitialiseSlots(*instance, kSeed).status());
  TrainOptions options = options_;
  options.directory = JoinPath(directory_, folder);
  options.resume = resume;
  GRAFT_RETURN_IF_ERROR(files_.CreateDirectories(options.directory));
  Trainer trainer(files_, *instance,
                  {{"train", &train_, /*shuffle=*/true, /*fingerprint=*/1},
                   {"dev", &dev_, /*shuffle=*/false, /*fingerprint=*/2}},
                  options);
  TrainProgress progress;
  progress.stop_at = std::move(stop_at);
  const std::atomic<bool> stop = false;
  GRAFT_ASSIGN_OR_RETURN(const TrainSummary summary,
                         trainer.Run(progress, stop));
  GRAFT_ASSIGN_OR_RETURN(JobResult result, Collect(*instance, folder));
  result.summary = summary;
  return result;
}

absl::StatusOr<JobResult> Job::Collect(Instance& instance,
                                       const std::string& folder) const {
  JobResult result;
  for (size_t i = 0; i < spec().slots.size(); ++i) {
    GRAFT_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> bytes,
                           instance.Slot(i));
    result.slots.emplace_back(bytes.begin(), bytes.end());
  }
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                         ListCheckpoints(files_, JoinPath(directory_, folder)));
  if (paths.empty()) return result;
  // Into memory of its own, of the shapes that the instance has.
  GRAFT_ASSIGN_OR_RETURN(std::vector<StateTensor> tensors,
                         TrainableTensors(instance, /*with_states=*/true));
  for (StateTensor& tensor : tensors)
    result.saved.emplace_back(tensor.bytes.size());
  for (size_t i = 0; i < tensors.size(); ++i)
    tensors[i].bytes = absl::MakeSpan(result.saved[i]);
  GRAFT_ASSIGN_OR_RETURN(
      const RunState state,
      LoadCheckpoint(files_, paths.front(), spec(), program(), tensors));
  result.state = EncodeHostState(state.host, spec());
  return result;
}

}  // namespace graft
