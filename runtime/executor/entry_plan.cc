// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/entry_plan.h"

#include "runtime/schema/container.h"

namespace graft {
namespace {

uint64_t Padded(uint64_t bytes) {
  return schema::AlignUp(bytes, GRAFT_BUFFER_ALIGNMENT);
}

// Lays out inputs and outputs, in the order of StagingBytes.
void PlaceValues(const ArtifactSpec& spec, size_t entry, DevicePointer staging,
                 uint8_t* host_staging, EntryPlan& plan) {
  uint64_t offset = 0;
  for (const ValueSpec& value : spec.entries[entry].inputs) {
    EntryPlan::Input& input = plan.inputs.emplace_back();
    for (int part = 0; part < PartCount(value); ++part) {
      input.host[part] = host_staging + offset;
      input.device[part] = staging + offset;
      offset += Padded(BoundBytes(value, part, spec.sizes));
    }
  }
  plan.shapes.reserve(spec.entries[entry].outputs.size());
  for (const ValueSpec& value : spec.entries[entry].outputs) {
    OutputView& view = plan.outputs.emplace_back();
    view.name = value.name;
    view.dtype = value.dtype;
    view.data = host_staging + offset;
    view.shape = plan.shapes.emplace_back(value.dims.size());
    plan.output_pointers.push_back(staging + offset);
    offset += Padded(BoundBytes(value, 0, spec.sizes));
  }
}

// A mapped slot whose last reader is in the prologue is not needed while the
// prologue is left out.
void FindReleases(const ProgramSpec& program, const Slots& slots,
                  size_t slot_count, EntryPlan& plan) {
  std::vector<int64_t> last(slot_count, -1);
  for (size_t i = 0; i < program.commands.size(); ++i) {
    for (uint32_t buffer : program.commands[i].buffers) {
      const BufferSpec& spec = program.buffers[buffer];
      if (spec.place == Place::slot) last[spec.index] = i;
    }
  }
  for (size_t slot = 0; slot < slot_count; ++slot) {
    if (!slots.IsMapped(slot) || last[slot] < 0) continue;
    if (static_cast<size_t>(last[slot]) >= plan.prologue) continue;
    plan.commands[last[slot]].released.push_back(slot);
  }
}

}  // namespace

absl::Span<const float> OutputView::floats() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return absl::MakeConstSpan(static_cast<const float*>(data), count);
}

uint64_t StagingBytes(const ArtifactSpec& spec, size_t entry) {
  uint64_t bytes = 0;
  for (const ValueSpec& value : spec.entries[entry].inputs) {
    for (int part = 0; part < PartCount(value); ++part) {
      bytes += Padded(BoundBytes(value, part, spec.sizes));
    }
  }
  for (const ValueSpec& value : spec.entries[entry].outputs) {
    bytes += Padded(BoundBytes(value, 0, spec.sizes));
  }
  return bytes;
}

void PrepareEntry(const Artifact& artifact, size_t entry, const Slots& slots,
                  DevicePointer arena, DevicePointer staging,
                  uint8_t* host_staging, EntryPlan& plan) {
  const ArtifactSpec& spec = artifact.spec();
  const ProgramSpec& program = artifact.target()->programs[entry];
  plan.runnable = true;
  if (!artifact.EntryWritesSlots(entry)) plan.prologue = program.prologue;
  PlaceValues(spec, entry, staging, host_staging, plan);

  std::vector<DevicePointer> pointers;
  for (const BufferSpec& buffer : program.buffers) {
    switch (buffer.place) {
      case Place::arena:
        pointers.push_back(arena + buffer.offset);
        break;
      case Place::slot:
        // Kernels never write a slot that is not trainable: CheckSpec.
        pointers.push_back(slots.pointer(buffer.index));
        break;
      case Place::input:
        pointers.push_back(plan.inputs[buffer.index].device[buffer.part]);
        break;
      case Place::output:
        pointers.push_back(plan.output_pointers[buffer.index]);
        break;
    }
  }
  size_t count = 0;
  for (const CommandSpec& command : program.commands) {
    count += command.buffers.size();
  }
  plan.buffers.reserve(count);
  for (const CommandSpec& command : program.commands) {
    PreparedCommand& to = plan.commands.emplace_back();
    to.kind = command.kind;
    if (command.kind == CommandKind::kernel) {
      to.kernel = artifact.kernels()[command.kernel];
    }
    to.buffers = absl::MakeConstSpan(plan.buffers.data() + plan.buffers.size(),
                                     command.buffers.size());
    to.grid = command.grid;
    to.pattern = command.pattern;
    to.place =
        static_cast<uint64_t>(spec.entries[entry].phase) << 48 | command.random;
    for (uint32_t buffer : command.buffers) {
      plan.buffers.push_back(pointers[buffer]);
    }
  }
  FindReleases(program, slots, spec.slots.size(), plan);
}

}  // namespace graft
