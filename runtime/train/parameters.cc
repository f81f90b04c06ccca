// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/parameters.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/artifact/writer.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/initial_values.h"
#include "runtime/formats/safetensors.h"

namespace graft {
namespace {

absl::StatusOr<absl::Span<float>> MutableFloats(Instance& instance,
                                                size_t slot) {
  GRAFT_ASSIGN_OR_RETURN(absl::Span<uint8_t> bytes, instance.MutableSlot(slot));
  return absl::MakeSpan(reinterpret_cast<float*>(bytes.data()),
                        bytes.size() / sizeof(float));
}

std::string FullName(const SlotSpec& slot) {
  return absl::StrCat(slot.model, ".", slot.name);
}

// The parameter `name`: of models that share the name, that of the one that
// learns.
std::optional<size_t> FindParameter(Instance& instance,
                                    absl::string_view name) {
  std::optional<size_t> found;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i)
    if (slots[i].kind == SlotKind::parameter && slots[i].name == name &&
        (!found || slots[i].trainable))
      found = i;
  return found;
}

// Whether `predicate` holds for a slot that the entry uses.
template <typename Predicate>
bool AnySlot(const ArtifactSpec& spec, size_t entry, Predicate predicate) {
  for (const TargetSpec& target : spec.targets)
    for (const BufferSpec& buffer : target.programs[entry].buffers)
      if (buffer.place == Place::slot && predicate(spec.slots[buffer.index]))
        return true;
  return false;
}

// Places that the members of `kept` get, of `count`; -1 for others.
std::vector<int32_t> Renumber(const std::vector<size_t>& kept, size_t count) {
  std::vector<int32_t> places(count, -1);
  for (size_t i = 0; i < kept.size(); ++i)
    places[kept[i]] = static_cast<int32_t>(i);
  return places;
}

// Leaves of `values` those at `kept`.
template <typename T>
void Keep(const std::vector<size_t>& kept, std::vector<T>& values) {
  std::vector<T> result;
  for (size_t i : kept) result.push_back(std::move(values[i]));
  values = std::move(result);
}

// Removes models that the entry `predict` does not read and the entries that
// read them. Returns the slots that are left, by their old places.
std::vector<size_t> KeepPredictingModels(ArtifactSpec& spec) {
  std::set<std::string> models;
  for (size_t i = 0; i < spec.entries.size(); ++i)
    if (spec.entries[i].name == "predict")
      AnySlot(spec, i, [&](const SlotSpec& slot) {
        models.insert(slot.model);
        return false;
      });
  std::vector<size_t> slots, entries;
  for (size_t i = 0; i < spec.slots.size(); ++i)
    if (models.empty() || models.contains(spec.slots[i].model))
      slots.push_back(i);
  if (slots.size() == spec.slots.size()) return slots;
  for (size_t i = 0; i < spec.entries.size(); ++i)
    if (!AnySlot(spec, i, [&](const SlotSpec& slot) {
          return !models.contains(slot.model);
        }))
      entries.push_back(i);

  const std::vector<int32_t> slot_places = Renumber(slots, spec.slots.size());
  const std::vector<int32_t> entry_places =
      Renumber(entries, spec.entries.size());
  Keep(slots, spec.slots);
  for (SlotSpec& slot : spec.slots)
    if (slot.parameter >= 0) slot.parameter = slot_places[slot.parameter];
  Keep(entries, spec.entries);
  for (TargetSpec& target : spec.targets) {
    Keep(entries, target.programs);
    for (ProgramSpec& program : target.programs)
      for (BufferSpec& buffer : program.buffers)
        if (buffer.place == Place::slot)
          buffer.index = static_cast<uint32_t>(slot_places[buffer.index]);
  }
  std::erase_if(spec.host_programs, [&](HostProgramSpec& program) {
    for (HostInstruction& instruction : program.instructions) {
      if (instruction.op != HostOp::call) continue;
      if (entry_places[instruction.entry] < 0) return true;
      instruction.entry =
          static_cast<uint32_t>(entry_places[instruction.entry]);
    }
    return false;
  });
  return slots;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> InitialiseNewParameters(
    Instance& instance, uint64_t seed) {
  std::vector<std::string> names;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const SlotSpec& slot = slots[i];
    if (slot.kind != SlotKind::parameter || slot.initial.empty()) continue;
    GRAFT_ASSIGN_OR_RETURN(absl::Span<float> values,
                           MutableFloats(instance, i));
    if (values.empty()) continue;
    GRAFT_RETURN_IF_ERROR(FillInitialValues(
        slot.initial, slot.deviation, seed,
        InitialValuesName(slots.front().model, slot.model, slot.name), values));
    names.push_back(FullName(slot));
  }
  return names;
}

absl::Status LoadInitialParameters(FileSystem& files, const std::string& path,
                                   Instance& instance) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  for (const TensorView& tensor : file->tensors()) {
    const std::optional<size_t> slot = FindParameter(instance, tensor.name);
    if (!slot)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": expects names of parameters, got \"", tensor.name, "\""));
    GRAFT_ASSIGN_OR_RETURN(absl::Span<float> values,
                           MutableFloats(instance, *slot));
    if (values.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expects trainable parameters, got \"",
                       tensor.name, "\", which is frozen"));
    GRAFT_RETURN_IF_ERROR(file->ReadFloats(
        tensor.name, instance.artifact().spec().slots[*slot].shape, values));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StateTensor>> TrainableTensors(Instance& instance,
                                                          bool with_moments) {
  std::vector<StateTensor> tensors;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const bool moment = slots[i].kind == SlotKind::first_moment ||
                        slots[i].kind == SlotKind::second_moment;
    if (slots[i].kind != SlotKind::parameter && !(moment && with_moments))
      continue;
    GRAFT_ASSIGN_OR_RETURN(absl::Span<float> values,
                           MutableFloats(instance, i));
    if (values.empty()) continue;
    tensors.push_back({FullName(slots[i]), slots[i].shape, values});
  }
  return tensors;
}

absl::StatusOr<std::string> FirstNonFinite(Instance& instance) {
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (SlotKind kind : {SlotKind::parameter, SlotKind::gradient}) {
    for (size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].kind != kind) continue;
      GRAFT_ASSIGN_OR_RETURN(absl::Span<const uint8_t> bytes, instance.Slot(i));
      auto* values = reinterpret_cast<const float*>(bytes.data());
      const size_t count = bytes.size() / sizeof(float);
      if (!std::all_of(values, values + count,
                       [](float value) { return std::isfinite(value); }))
        return FullName(slots[i]);
    }
  }
  return std::string();
}

absl::Status WriteTrainedArtifact(FileSystem& files, const std::string& path,
                                  Instance& instance,
                                  const std::vector<std::string>& labels) {
  ArtifactSpec spec = instance.artifact().spec();
  spec.labels = labels;
  // The values are trained now: loading the artifact must not make them anew.
  for (SlotSpec& slot : spec.slots) slot.initial.clear();
  const std::vector<size_t> slots = KeepPredictingModels(spec);
  const auto write = [&](size_t slot, WeightSink sink) -> absl::Status {
    GRAFT_ASSIGN_OR_RETURN(absl::Span<const uint8_t> values,
                           instance.Slot(slots[slot]));
    return sink(values);
  };
  return WriteArtifact(files, path, spec, write);
}

}  // namespace graft
