// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Host programs of strangers. An artifact with a damaged header, or a program
// that the bytes spell for the artifact without damage: what CheckSpec accepts
// is printed and interpreted, with kernels and services that do nothing, and
// stopped and resumed on the way.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/artifact/check.h"
#include "runtime/artifact/inspect_host.h"
#include "test/fuzz/check.h"
#include "test/fuzz/example_artifact.h"
#include "test/fuzz/host_job.h"

namespace graft {
namespace {

constexpr int64_t kMostInstructions = 300;  // that are run
constexpr int64_t kMostExtent = 1 << 12;    // of sizes
constexpr size_t kMostCandidates = 48;      // instructions of a program

NoCodeDevice& AnyDevice() {
  static auto* const device = new NoCodeDevice();
  return *device;
}

LoadOptions WithDevice() {
  LoadOptions options;
  options.device = &AnyDevice();
  return options;
}

// Keeps the compiler from dropping a call.
volatile size_t sink;

void Interpret(Instance& instance, const HostProgramSpec& program,
               int64_t instructions) {
  const ArtifactSpec& spec = instance.artifact().spec();
  sink = sink + DescribeHostProgram(spec, program).size();
  RunAndResume(instance, program, instructions, instructions % 2 == 0);
}

// Batches of programs are planned for the bounds of sizes, which those who made
// an artifact pay for with memory.
bool IsSmall(const ArtifactSpec& spec) {
  if (std::any_of(
          spec.sizes.begin(), spec.sizes.end(),
          [](const SizeSpec& size) { return size.bound > kMostExtent; }))
    return false;
  for (const EntrySpec& entry : spec.entries)
    for (const std::vector<ValueSpec>* values : {&entry.inputs, &entry.outputs})
      for (const ValueSpec& value : *values)
        if (BoundBytes(value, 0, spec.sizes) > NoCodeDevice::kMostBytes)
          return false;
  return true;
}

void FuzzArtifact(const uint8_t* data, size_t size) {
  const AlignedCopy copy(data, size);
  const auto artifact = Artifact::FromBytes(
      absl::MakeConstSpan(copy.bytes, size), "f", WithDevice());
  if (!artifact.ok() || !IsSmall((*artifact)->spec())) return;
  const auto instance = Instance::Create(*artifact, {});
  if (!instance.ok()) return;
  for (const HostProgramSpec& program : (*artifact)->spec().host_programs)
    Interpret(**instance, program,
              std::min<int64_t>(kMostInstructions, data[size - 1]));
}

Expression ReadExpression(FuzzedDataProvider& bytes) {
  constexpr int kMostSteps = 6;
  constexpr double kNumbers[] = {0, 1, 2, 3, -1, 0.5, 1e300, 4294967296.0};
  Expression expression;
  for (int left = bytes.ConsumeIntegralInRange(1, kMostSteps); left > 0;
       --left) {
    ExpressionStep& step = expression.emplace_back();
    // Often a number, so that many expressions have their operands.
    if (bytes.ConsumeBool())
      step.op = bytes.PickValueInArray(
          {ExpressionOp::constant, ExpressionOp::load, ExpressionOp::sum});
    else
      step.op = static_cast<ExpressionOp>(bytes.ConsumeIntegralInRange<int>(
          0, static_cast<int>(ExpressionOp::MAX)));
    step.index = bytes.ConsumeIntegralInRange<uint32_t>(0, 6);
    step.field = bytes.ConsumeIntegralInRange<int32_t>(-1, 2);
    step.mask = bytes.ConsumeIntegralInRange<int32_t>(-1, 2);
    step.value = bytes.PickValueInArray(kNumbers);
  }
  return expression;
}

HostInstruction ReadInstruction(FuzzedDataProvider& bytes,
                                const ArtifactSpec& spec) {
  HostInstruction instruction;
  instruction.op = static_cast<HostOp>(
      bytes.ConsumeIntegralInRange<int>(0, static_cast<int>(HostOp::MAX) + 1));
  instruction.index = bytes.ConsumeIntegralInRange<uint32_t>(0, 3);
  instruction.stream = bytes.ConsumeIntegralInRange<uint32_t>(0, 2);
  instruction.target = bytes.ConsumeIntegralInRange<uint32_t>(
      0, static_cast<uint32_t>(spec.registers.size()));
  if (bytes.ConsumeBool()) instruction.expression = ReadExpression(bytes);
  if (bytes.ConsumeBool())
    instruction.assignments.push_back(
        {bytes.PickValueInArray<std::string>({"loss", "score", "step", ""}),
         bytes.ConsumeIntegralInRange<uint32_t>(0, 9), bytes.ConsumeBool()});
  instruction.text =
      bytes.PickValueInArray<std::string>({"gradient", "best", "", "no name"});
  return instruction;
}

// Ends the blocks that are open.
HostProgramSpec Closed(HostProgramSpec program) {
  int64_t open = 0;
  for (const HostInstruction& instruction : program.instructions)
    open += OpensBlock(instruction.op)      ? 1
            : instruction.op == HostOp::end ? -1
                                            : 0;
  for (; open > 0; --open) program.instructions.emplace_back().op = HostOp::end;
  return program;
}

void FuzzProgram(const uint8_t* data, size_t size) {
  // Never destroyed.
  static Instance& instance =
      *Instance::Create(
           Artifact::FromBytes(Example(), "f", WithDevice()).value(), {})
           .value()
           .release();
  const ArtifactSpec& spec = instance.artifact().spec();
  FuzzedDataProvider bytes(data, size);
  const int64_t instructions = bytes.ConsumeIntegral<uint8_t>();
  HostProgramSpec program;
  program.name = "fuzzed";
  program.fields = {"labels", "weights"};
  if (bytes.ConsumeBool()) program.fields.push_back("absent");
  // Instructions that fit what is before them; others only are refused.
  for (size_t i = 0; i < kMostCandidates && bytes.remaining_bytes() > 0; ++i) {
    program.instructions.push_back(ReadInstruction(bytes, spec));
    const absl::Status status =
        internal_artifact::CheckHostProgram(spec, Closed(program), "f");
    GRAFT_FUZZ_CHECK(status.ok() || absl::IsInvalidArgument(status));
    if (!status.ok()) program.instructions.pop_back();
  }
  Interpret(instance, Closed(program), instructions);
}

bool IsArtifact(const uint8_t* data, size_t size) {
  return size >= sizeof(schema::Preamble) &&
         std::memcmp(data, schema::kMagic, sizeof(schema::kMagic)) == 0;
}

}  // namespace
}  // namespace graft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (graft::IsArtifact(data, size))
    graft::FuzzArtifact(data, size);
  else
    graft::FuzzProgram(data, size);
  return 0;
}

// One of eight mutants of a program is an artifact.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  if (graft::IsArtifact(data, size) || seed % 8 == 0)
    return graft::MutateHeader(data, size, max_size);
  return LLVMFuzzerMutate(data, size, max_size);
}
