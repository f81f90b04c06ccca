// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/instance.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/executor/cost.h"

namespace graft {
namespace {

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Instance::Instance(std::shared_ptr<const Artifact> artifact,
                   const InstanceOptions& options)
    : artifact_(std::move(artifact)),
      options_(options),
      device_(*artifact_->device()) {}

absl::StatusOr<std::unique_ptr<Instance>> Instance::Create(
    std::shared_ptr<const Artifact> artifact, const InstanceOptions& options) {
  if (artifact->target() == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        artifact->path(), ": expects an artifact loaded with its code"));
  }
  std::unique_ptr<Instance> instance(
      new Instance(std::move(artifact), options));
  GRAFT_RETURN_IF_ERROR(instance->Prepare());
  return instance;
}

// All addresses are known from now on: nothing of an instance moves.
absl::Status Instance::Prepare() {
  const ArtifactSpec& spec = artifact_->spec();
  GRAFT_ASSIGN_OR_RETURN(queue_, device_.CreateQueue());
  GRAFT_ASSIGN_OR_RETURN(
      slots_, Slots::Create(*artifact_, device_, *queue_, options_.training));
  memory_.parameters = slots_->memory().parameters;
  memory_.states = slots_->memory().states;
  memory_.mapped = slots_->memory().mapped;
  for (size_t i = 0; i < spec.entries.size(); ++i) {
    if (!CanRun(i)) continue;
    memory_.arena =
        std::max(memory_.arena, artifact_->target()->programs[i].arena_bytes);
    memory_.staging = std::max(memory_.staging, StagingBytes(spec, i));
  }
  GRAFT_ASSIGN_OR_RETURN(arena_, device_.Reserve(memory_.arena, "the arena"));
  GRAFT_ASSIGN_OR_RETURN(
      staging_, device_.Reserve(memory_.staging, "inputs and outputs"));
  if (!device_.host_visible()) {
    GRAFT_ASSIGN_OR_RETURN(
        host_staging_,
        device_.ReserveHost(memory_.staging, "inputs and outputs"));
  }
  uint8_t* const host =
      (host_staging_ != nullptr ? host_staging_ : staging_)->host();
  sizes_.resize(spec.sizes.size());
  entries_.resize(spec.entries.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!CanRun(i)) continue;
    PrepareEntry(*artifact_, i, *slots_, arena_->data(), staging_->data(), host,
                 entries_[i]);
  }
  return absl::OkStatus();
}

bool Instance::CanRun(size_t entry) const {
  if (options_.training) return true;
  if (artifact_->EntryWritesSlots(entry)) return false;
  const std::vector<BufferSpec>& buffers =
      artifact_->target()->programs[entry].buffers;
  return std::none_of(
      buffers.begin(), buffers.end(), [&](const BufferSpec& buffer) {
        return buffer.place == Place::slot &&
               !artifact_->spec().slots[buffer.index].is_parameter();
      });
}

int64_t Instance::Items(const GridSpec& grid) const {
  if (grid.size < 0) return grid.count;
  return (sizes_[grid.size] + grid.block - 1) / grid.block * grid.count;
}

absl::Status Instance::SendFeeds(const EntryPlan& plan,
                                 absl::Span<const Feed> feeds) {
  for (size_t i = 0; i < feeds.size(); ++i) {
    const EntryPlan::Input& input = plan.inputs[i];
    const std::array<uint64_t, kMaxParts> bytes =
        CopyFeed(feeds[i], input.host);
    if (host_staging_ == nullptr) continue;
    for (int part = 0; part < kMaxParts; ++part) {
      if (bytes[part] == 0) continue;
      GRAFT_RETURN_IF_ERROR(queue_->CopyToDevice(
          input.device[part], input.host[part], bytes[part]));
    }
  }
  return absl::OkStatus();
}

absl::Status Instance::Execute(const PreparedCommand& command, int64_t items) {
  if (items == 0) return absl::OkStatus();
  switch (command.kind) {
    case CommandKind::kernel:
      random_.place = command.place;
      GRAFT_RETURN_IF_ERROR(queue_->Launch(
          {command.kernel, command.buffers, sizes_, &random_, items}));
      break;
    case CommandKind::copy:
      GRAFT_RETURN_IF_ERROR(
          queue_->Copy(command.buffers[1], command.buffers[0], items));
      break;
    case CommandKind::fill:
      GRAFT_RETURN_IF_ERROR(
          queue_->Fill(command.buffers[0], command.pattern, items));
      break;
  }
  if (command.released.empty()) return absl::OkStatus();
  GRAFT_RETURN_IF_ERROR(queue_->Wait());
  for (uint32_t slot : command.released) artifact_->ReleaseSlot(slot);
  return absl::OkStatus();
}

absl::Status Instance::ExecuteAll(const EntryPlan& plan, size_t first) {
  // Nearly all commands of small models are launches of less than a
  // microsecond, so what does not change between them is set once.
  KernelLaunch launch;
  launch.sizes = sizes_;
  launch.random = &random_;
  Queue& queue = *queue_;
  for (size_t i = first; i < plan.commands.size(); ++i) {
    const PreparedCommand& command = plan.commands[i];
    launch.items = Items(command.grid);
    if (command.kind != CommandKind::kernel || !command.released.empty()) {
      GRAFT_RETURN_IF_ERROR(Execute(command, launch.items));
      continue;
    }
    if (launch.items == 0) continue;
    random_.place = command.place;
    launch.kernel = command.kernel;
    launch.buffers = command.buffers;
    GRAFT_RETURN_IF_ERROR(queue.Launch(launch));
  }
  return absl::OkStatus();
}

absl::Status Instance::ExecuteProfiled(size_t entry, size_t first,
                                       absl::Span<const Feed> feeds) {
  const ArtifactSpec& spec = artifact_->spec();
  const TargetSpec& target = *artifact_->target();
  const std::vector<double> squares =
      SquaredLengths(spec, spec.entries[entry], feeds);
  const std::vector<PreparedCommand>& commands = entries_[entry].commands;
  // Copies of inputs belong to no command.
  GRAFT_RETURN_IF_ERROR(queue_->Wait());
  for (size_t i = first; i < commands.size(); ++i) {
    const CommandSpec& command = target.programs[entry].commands[i];
    CommandTiming timing;
    timing.kernel = command.kind == CommandKind::kernel
                        ? absl::string_view(target.kernels[command.kernel].name)
                        : schema::EnumNameCommandKind(command.kind);
    timing.label = command.label;
    timing.entry = entry;
    timing.command = i;
    timing.items = Items(commands[i].grid);
    timing.flops = EvaluateCost(command.flops, sizes_, squares);
    timing.unit = command.unit;
    timing.unit_count = command.unit_count;
    timing.bytes = command.kind == CommandKind::kernel
                       ? EvaluateCost(command.bytes, sizes_, squares)
                       : static_cast<double>(timing.items) *
                             (command.kind == CommandKind::copy ? 2 : 1);
    timing.begin_ns = Now();
    GRAFT_RETURN_IF_ERROR(Execute(commands[i], timing.items));
    GRAFT_RETURN_IF_ERROR(queue_->Wait());
    timing.end_ns = Now();
    profiler_(timing);
  }
  return absl::OkStatus();
}

absl::Status Instance::FetchOutputs(size_t entry) {
  const std::vector<ValueSpec>& values =
      artifact_->spec().entries[entry].outputs;
  EntryPlan& plan = entries_[entry];
  for (size_t i = 0; i < values.size(); ++i) {
    const std::vector<DimSpec>& dims = values[i].dims;
    uint64_t bytes = DTypeSize(values[i].dtype);
    for (size_t d = 0; d < dims.size(); ++d) {
      plan.shapes[i][d] =
          dims[d].size >= 0 ? sizes_[dims[d].size] : dims[d].extent;
      bytes *= plan.shapes[i][d];
    }
    if (host_staging_ == nullptr) continue;
    // Inside of host_staging_, which is writable.
    GRAFT_RETURN_IF_ERROR(
        queue_->CopyToHost(const_cast<void*>(plan.outputs[i].data),
                           plan.output_pointers[i], bytes));
  }
  return queue_->Wait();
}

absl::StatusOr<absl::Span<const OutputView>> Instance::Run(
    size_t entry, absl::Span<const Feed> feeds) {
  const std::vector<EntrySpec>& entries = artifact_->spec().entries;
  if (entry >= entries.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(artifact_->path(), ": expects an entry below ",
                     entries.size(), ", got ", entry));
  }
  const EntryPlan& plan = entries_[entry];
  if (!plan.runnable) {
    return absl::FailedPreconditionError(
        absl::StrCat(artifact_->path(), ": entry ", entries[entry].name,
                     ": expects a training instance"));
  }
  GRAFT_RETURN_IF_ERROR(BindFeeds(artifact_->spec(), entries[entry], feeds,
                                  absl::MakeSpan(sizes_)));
  GRAFT_RETURN_IF_ERROR(slots_->Upload());
  GRAFT_RETURN_IF_ERROR(SendFeeds(plan, feeds));
  const size_t first =
      prologue_of_ == static_cast<int64_t>(entry) ? plan.prologue : 0;
  prologue_of_ = -1;  // if a command fails
  GRAFT_RETURN_IF_ERROR(profiler_ ? ExecuteProfiled(entry, first, feeds)
                                  : ExecuteAll(plan, first));
  GRAFT_RETURN_IF_ERROR(FetchOutputs(entry));
  prologue_of_ = static_cast<int64_t>(entry);
  return absl::MakeConstSpan(plan.outputs);
}

void Instance::SetRandom(uint64_t seed, uint32_t step) {
  random_.seed = seed;
  random_.step = step;
}

absl::StatusOr<absl::Span<const uint8_t>> Instance::Slot(size_t slot) {
  return slots_->Read(slot);
}

absl::StatusOr<absl::Span<uint8_t>> Instance::MutableSlot(size_t slot) {
  GRAFT_ASSIGN_OR_RETURN(absl::Span<uint8_t> values, slots_->Edit(slot));
  if (!values.empty()) prologue_of_ = -1;
  return values;
}

absl::Status Instance::ZeroStates(absl::string_view state) {
  prologue_of_ = -1;
  return slots_->Zero(state);
}

void Instance::SetProfiler(CommandProfiler profiler) {
  profiler_ = std::move(profiler);
}

}  // namespace graft
