// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Runs host programs of strangers: kernels do nothing, services do nothing, and
// a run ends after some instructions.

#ifndef GRAFT_TEST_FUZZ_HOST_JOB_H_
#define GRAFT_TEST_FUZZ_HOST_JOB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/artifact/artifact.h"
#include "runtime/base/file.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/device.h"
#include "runtime/executor/instance.h"
#include "runtime/host/interpreter.h"
#include "runtime/train/checkpoint.h"
#include "test/fuzz/check.h"

namespace graft {

// The CPU with little memory. Any code is one whose kernels do nothing.
class NoCodeDevice final : public Device {
 public:
  static constexpr uint64_t kMostBytes = 1 << 20;

  absl::string_view name() const override { return cpu_->name(); }
  int RankCode(const CodeImage&) const override { return 1; }
  std::string DescribeCode() const override { return "any code"; }
  absl::StatusOr<std::unique_ptr<Code>> LoadCode(const CodeImage&,
                                                 absl::string_view) override {
    return std::make_unique<NoCode>();
  }
  bool host_visible() const override { return true; }
  absl::StatusOr<std::unique_ptr<Buffer>> Reserve(
      uint64_t bytes, absl::string_view what) override {
    if (bytes > kMostBytes) return absl::ResourceExhaustedError(what);
    return cpu_->Reserve(bytes, what);
  }
  absl::StatusOr<std::unique_ptr<Buffer>> ReserveHost(
      uint64_t bytes, absl::string_view what) override {
    return Reserve(bytes, what);
  }
  absl::StatusOr<std::unique_ptr<Buffer>> MapHost(
      absl::Span<const uint8_t> bytes) override {
    return cpu_->MapHost(bytes);
  }
  absl::StatusOr<std::unique_ptr<Queue>> CreateQueue() override {
    return std::make_unique<NoKernels>(cpu_->CreateQueue().value());
  }
  absl::StatusOr<std::unique_ptr<Event>> CreateEvent() override {
    return cpu_->CreateEvent();
  }

 private:
  class NoCode final : public Code {
   public:
    absl::StatusOr<KernelHandle> Find(const std::string&) const override {
      return KernelHandle{};
    }
  };
  class NoKernels final : public Queue {
   public:
    explicit NoKernels(std::unique_ptr<Queue> queue)
        : queue_(std::move(queue)) {}
    absl::Status Launch(const KernelLaunch&) override {
      return absl::OkStatus();
    }
    absl::Status CopyToDevice(DevicePointer to, const void* from,
                              uint64_t bytes) override {
      return queue_->CopyToDevice(to, from, bytes);
    }
    absl::Status CopyToHost(void* to, DevicePointer from,
                            uint64_t bytes) override {
      return queue_->CopyToHost(to, from, bytes);
    }
    absl::Status Copy(DevicePointer to, DevicePointer from,
                      uint64_t bytes) override {
      return queue_->Copy(to, from, bytes);
    }
    absl::Status Fill(DevicePointer to, uint32_t pattern,
                      uint64_t bytes) override {
      return queue_->Fill(to, pattern, bytes);
    }
    absl::Status Record(Event& event) override { return queue_->Record(event); }
    absl::Status WaitFor(const Event& event) override {
      return queue_->WaitFor(event);
    }
    absl::Status Wait() override { return queue_->Wait(); }

   private:
    const std::unique_ptr<Queue> queue_;
  };

  const std::unique_ptr<Device> cpu_ = CreateCpuDevice({.threads = 1}).value();
};

// Five examples of the fields that the tiny artifact takes, and weights.
class FewExamples final : public ExampleSource {
 public:
  FewExamples()
      : all_(Schema({{"x", DType::kF32, ColumnSpec::Per::kToken, 4},
                     {"labels", DType::kI32},
                     {"weights", DType::kF32}})) {
    for (int64_t i = 0; i < 5; ++i) {
      all_.Add(/*length=*/1 + i % 3, /*row=*/i);
      all_.mutable_ints(1, i)[0] = i == 2 ? -100 : static_cast<int32_t>(i);
      all_.mutable_floats(2, i)[0] = 0.5f;
    }
  }
  const Schema& schema() const override { return all_.schema(); }
  int64_t size() const override { return all_.size(); }
  int64_t longest() const override { return 3; }
  absl::Status Append(int64_t row, Examples& examples) override {
    examples.Add(all_, row);
    return absl::OkStatus();
  }

 private:
  Examples all_;
};

// Stops after so many instructions.
class IdleServices final : public HostServices {
 public:
  IdleServices(const ArtifactSpec& spec, int64_t instructions)
      : spec_(spec), left_(instructions) {}

  bool Stop(size_t) override { return left_-- <= 0; }
  absl::StatusOr<CachedRows> FillCache(size_t cache) override {
    const int64_t width = CacheWidth(spec_, spec_.caches[cache]);
    return CachedRows{spec_.caches[cache].name, width,
                      std::vector<float>(5 * width)};
  }
  absl::StatusOr<Score> Evaluate(size_t, size_t) override {
    return Score{0.25, 0.5};
  }
  absl::StatusOr<bool> TestFinite(const std::string&) override {
    return left_ % 3 != 0;
  }
  absl::Status Reset(const std::string&) override { return absl::OkStatus(); }
  absl::Status Keep(const std::string&) override { return absl::OkStatus(); }
  absl::Status Restore(const std::string&) override { return absl::OkStatus(); }
  absl::Status Log(const HostInstruction&) override { return absl::OkStatus(); }
  absl::Status Mark(const HostInstruction&, bool) override {
    return absl::OkStatus();
  }
  absl::Status Fail(const HostInstruction&) override {
    return absl::DataLossError("failed");
  }

 private:
  const ArtifactSpec& spec_;
  int64_t left_;
};

// Runs `program` from `state`, or from its beginning, for so many instructions.
// Returns where it is then if it was stopped.
inline std::optional<HostState> RunFor(Instance& instance,
                                       const HostProgramSpec& program,
                                       int64_t instructions, bool shuffle,
                                       const HostState* state = nullptr) {
  const ArtifactSpec& spec = instance.artifact().spec();
  FewExamples examples;
  // Every other stream has data.
  std::vector<StreamData> streams(spec.streams.size());
  for (size_t i = 0; i < streams.size(); i += 2)
    streams[i] = {&examples, shuffle};
  IdleServices services(spec, instructions);
  auto interpreter = HostInterpreter::Create(instance, program, streams,
                                             /*seed=*/1, services);
  if (!interpreter.ok()) return std::nullopt;
  if (state) (*interpreter)->state() = *state;
  const auto finished = (*interpreter)->Run();
  if (!finished.ok()) {
    GRAFT_FUZZ_CHECK(!finished.status().message().empty());
    return std::nullopt;
  }
  if (*finished) return std::nullopt;
  return (*interpreter)->state();
}

// The same, and then goes on from what a checkpoint says of the state.
inline void RunAndResume(Instance& instance, const HostProgramSpec& program,
                         int64_t instructions, bool shuffle) {
  constexpr int64_t kAfterwards = 100;
  const ArtifactSpec& spec = instance.artifact().spec();
  const std::optional<HostState> state =
      RunFor(instance, program, instructions, shuffle);
  if (!state) return;
  const std::string text = EncodeHostState(*state, spec);
  const auto read = DecodeHostState(text, spec, program);
  GRAFT_FUZZ_CHECK(read.ok());
  GRAFT_FUZZ_CHECK(read->at == state->at && read->marks == state->marks);
  GRAFT_FUZZ_CHECK(read->streams == state->streams);
  GRAFT_FUZZ_CHECK(read->filled == state->filled);
  GRAFT_FUZZ_CHECK(EncodeHostState(*read, spec) == text);
  RunFor(instance, program, kAfterwards, shuffle, &*read);
}

}  // namespace graft

#endif  // GRAFT_TEST_FUZZ_HOST_JOB_H_
