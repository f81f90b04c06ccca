// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/artifact/spec_parts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/device/cpu/cpu_level.h"

namespace graft {

std::string AnyLevel() {
  for (const absl::string_view level : CpuLevels())
    if (CpuHasLevel(level)) return std::string(level);
  return "";
}

absl::Span<const uint8_t> BytesOf(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()),
                             text.size());
}

ValueSpec MakeTensor(const std::string& name, DType dtype,
                     std::vector<DimSpec> dims, int64_t limit) {
  ValueSpec value;
  value.name = name;
  value.dtype = dtype;
  value.dims = std::move(dims);
  value.limit = limit;
  return value;
}

ValueSpec MakeSegments(int32_t tokens, int32_t sequences) {
  ValueSpec segments;
  segments.name = "segments";
  segments.kind = ValueKind::segments;
  segments.tokens = tokens;
  segments.sequences = sequences;
  return segments;
}

SlotSpec MakeParameter(const std::string& model, const std::string& name,
                       std::vector<int64_t> shape, bool trainable) {
  SlotSpec slot;
  slot.model = model;
  slot.name = name;
  slot.shape = std::move(shape);
  slot.trainable = trainable;
  return slot;
}

SlotSpec MakeState(const std::vector<SlotSpec>& slots, int32_t index,
                   const std::string& state) {
  SlotSpec slot = slots[index];
  slot.state = state;
  slot.name = absl::StrCat(slot.name, ".", state);
  slot.parameter = index;
  slot.initial.clear();
  slot.deviation = 0;
  return slot;
}

CommandSpec MakeKernel(uint32_t kernel, std::vector<uint32_t> buffers,
                       uint32_t results, int64_t items) {
  CommandSpec command;
  command.kernel = kernel;
  command.buffers = std::move(buffers);
  command.results = results;
  command.grid.count = items;
  return command;
}

CommandSpec MakeFill(uint32_t buffer, int64_t bytes) {
  CommandSpec command = MakeKernel(0, {buffer}, 1, bytes);
  command.kind = CommandKind::fill;
  return command;
}

CommandSpec MakeCopy(uint32_t from, uint32_t to, int64_t bytes) {
  CommandSpec command = MakeKernel(0, {from, to}, 1, bytes);
  command.kind = CommandKind::copy;
  return command;
}

TargetSpec MakeTarget(absl::Span<const uint8_t> code, const std::string& prefix,
                      const std::vector<std::string>& kernels) {
  TargetSpec target;
  target.level = AnyLevel();
  target.triple = "x86_64-unknown-linux-gnu";
  target.code = code;
  for (const std::string& kernel : kernels)
    target.kernels.push_back({kernel, absl::StrCat(prefix, "_", kernel)});
  return target;
}

}  // namespace graft
