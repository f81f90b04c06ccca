// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/parameters.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/artifact/writer.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/initial_values.h"
#include "runtime/formats/safetensors.h"

namespace graft {
namespace {

absl::Span<float> MutableFloats(Instance& instance, size_t slot) {
  absl::Span<uint8_t> bytes = instance.MutableSlot(slot);
  return absl::MakeSpan(reinterpret_cast<float*>(bytes.data()),
                        bytes.size() / sizeof(float));
}

std::string FullName(const SlotSpec& slot) {
  return absl::StrCat(slot.model, ".", slot.name);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> InitialiseNewParameters(
    Instance& instance, uint64_t seed) {
  std::vector<std::string> names;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const SlotSpec& slot = slots[i];
    if (slot.kind != SlotKind::parameter || slot.initial.empty()) continue;
    absl::Span<float> values = MutableFloats(instance, i);
    if (values.empty()) continue;
    GRAFT_RETURN_IF_ERROR(FillInitialValues(slot.initial, slot.deviation, seed,
                                            slot.name, values));
    names.push_back(FullName(slot));
  }
  return names;
}

absl::Status LoadInitialParameters(FileSystem& files, const std::string& path,
                                   Instance& instance) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  for (const TensorView& tensor : file->tensors()) {
    absl::StatusOr<size_t> slot = instance.artifact().FindSlot(tensor.name);
    if (!slot.ok())
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": expects names of parameters, got \"", tensor.name, "\""));
    absl::Span<float> values = MutableFloats(instance, *slot);
    if (values.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expects trainable parameters, got \"",
                       tensor.name, "\", which is frozen"));
    GRAFT_RETURN_IF_ERROR(file->ReadFloats(
        tensor.name, instance.artifact().spec().slots[*slot].shape, values));
  }
  return absl::OkStatus();
}

std::vector<StateTensor> TrainableTensors(Instance& instance,
                                          bool with_moments) {
  std::vector<StateTensor> tensors;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const bool moment = slots[i].kind == SlotKind::first_moment ||
                        slots[i].kind == SlotKind::second_moment;
    if (slots[i].kind != SlotKind::parameter && !(moment && with_moments))
      continue;
    absl::Span<float> values = MutableFloats(instance, i);
    if (values.empty()) continue;
    tensors.push_back({FullName(slots[i]), slots[i].shape, values});
  }
  return tensors;
}

std::string FirstNonFinite(const Instance& instance) {
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (SlotKind kind : {SlotKind::parameter, SlotKind::gradient}) {
    for (size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].kind != kind) continue;
      absl::Span<const uint8_t> bytes = instance.Slot(i);
      auto* values = reinterpret_cast<const float*>(bytes.data());
      const size_t count = bytes.size() / sizeof(float);
      if (!std::all_of(values, values + count,
                       [](float value) { return std::isfinite(value); }))
        return FullName(slots[i]);
    }
  }
  return "";
}

absl::Status WriteTrainedArtifact(FileSystem& files, const std::string& path,
                                  const Instance& instance,
                                  const std::vector<std::string>& labels) {
  ArtifactSpec spec = instance.artifact().spec();
  spec.labels = labels;
  // The values are trained now: loading the artifact must not make them anew.
  for (SlotSpec& slot : spec.slots) slot.initial.clear();
  return WriteArtifact(files, path, spec, [&](size_t slot, WeightSink sink) {
    return sink(instance.Slot(slot));
  });
}

}  // namespace graft
