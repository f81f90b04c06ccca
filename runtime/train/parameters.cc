// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/parameters.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/message.h"
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

// Fills a slot with its initial values; false if it is not an instance's own.
absl::StatusOr<bool> FillSlot(Instance& instance, size_t index, uint64_t seed) {
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  const SlotSpec& slot = slots[index];
  GRAFT_ASSIGN_OR_RETURN(absl::Span<float> values,
                         MutableFloats(instance, index));
  if (values.empty()) return false;
  GRAFT_RETURN_IF_ERROR(FillInitialValues(
      slot.initial, slot.deviation, seed,
      InitialValuesName(slots.front().model, slot.model, slot.name), values));
  return true;
}

// The first element that is infinite or NaN.
std::optional<size_t> FindNonFinite(absl::Span<const float> values) {
  const auto found =
      std::find_if_not(values.begin(), values.end(),
                       [](float value) { return std::isfinite(value); });
  if (found == values.end()) return std::nullopt;
  return static_cast<size_t>(found - values.begin());
}

absl::StatusOr<bool> IsFinite(Instance& instance, size_t slot) {
  GRAFT_ASSIGN_OR_RETURN(absl::Span<const uint8_t> bytes, instance.Slot(slot));
  return !FindNonFinite(
      absl::MakeConstSpan(reinterpret_cast<const float*>(bytes.data()),
                          bytes.size() / sizeof(float)));
}

std::string FullName(const SlotSpec& slot) {
  return absl::StrCat(slot.model, ".", slot.name);
}

// The parameter `name`: of models that share the name, that of the one that
// learns. With the model before it, as checkpoints have it, that of the model.
std::optional<size_t> FindParameter(Instance& instance,
                                    absl::string_view name) {
  std::optional<size_t> found;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!slots[i].is_parameter()) continue;
    if (FullName(slots[i]) == name) return i;
    if (slots[i].name == name && (!found || slots[i].trainable)) found = i;
  }
  return found;
}

// The error of a tensor that no parameter is named after.
absl::Status UnknownParameter(const Instance& instance, const std::string& path,
                              const std::string& name) {
  constexpr size_t kShown = 5;
  std::vector<std::string> names;
  for (const SlotSpec& slot : instance.artifact().spec().slots)
    if (slot.is_parameter() && slot.trainable) names.push_back(slot.name);
  const size_t shown = std::min(kShown, names.size());
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": expects names of the ", names.size(), " trained parameters (",
      absl::StrJoin(absl::MakeConstSpan(names).first(shown), ", "),
      shown < names.size() ? ", ..." : "", "), got ", Shorten(name),
      DidYouMean(name, names)));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> InitialiseSlots(Instance& instance,
                                                         uint64_t seed) {
  std::vector<std::string> names;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const SlotSpec& slot = slots[i];
    // Memory of states is zero from the start.
    if (slot.initial.empty() ||
        (!slot.is_parameter() && slot.initial == "zeros"))
      continue;
    GRAFT_ASSIGN_OR_RETURN(const bool filled, FillSlot(instance, i, seed));
    if (filled && slot.is_parameter()) names.push_back(FullName(slot));
  }
  return names;
}

absl::Status ResetStates(Instance& instance, absl::string_view state,
                         uint64_t seed) {
  GRAFT_RETURN_IF_ERROR(instance.ZeroStates(state));
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].is_parameter() || slots[i].state != state ||
        slots[i].initial.empty() || slots[i].initial == "zeros")
      continue;
    GRAFT_RETURN_IF_ERROR(FillSlot(instance, i, seed).status());
  }
  return absl::OkStatus();
}

absl::Status LoadInitialParameters(FileSystem& files, const std::string& path,
                                   Instance& instance) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> file,
                         SafetensorsFile::Open(files, path));
  for (const TensorView& tensor : file->tensors()) {
    const std::optional<size_t> slot = FindParameter(instance, tensor.name);
    if (!slot) return UnknownParameter(instance, path, tensor.name);
    GRAFT_ASSIGN_OR_RETURN(absl::Span<float> values,
                           MutableFloats(instance, *slot));
    if (values.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expects trainable parameters, got \"",
                       tensor.name, "\", which is frozen"));
    GRAFT_RETURN_IF_ERROR(file->ReadFloats(
        tensor.name, instance.artifact().spec().slots[*slot].shape, values));
    const std::optional<size_t> bad = FindNonFinite(values);
    if (bad)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": ", tensor.name, ": expects finite numbers, got ",
          values[*bad], " at element ", *bad));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StateTensor>> TrainableTensors(Instance& instance,
                                                          bool with_states) {
  std::vector<StateTensor> tensors;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const SlotSpec& slot = slots[i];
    if (!slot.is_parameter() && !with_states) continue;
    GRAFT_ASSIGN_OR_RETURN(absl::Span<uint8_t> bytes, instance.MutableSlot(i));
    if (bytes.empty()) continue;
    const bool from_zero = !slot.is_parameter() &&
                           (slot.initial.empty() || slot.initial == "zeros");
    tensors.push_back(
        {FullName(slot), slot.dtype, slot.shape, bytes, from_zero});
  }
  return tensors;
}

absl::StatusOr<std::string> FirstNonFiniteParameter(Instance& instance) {
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!slots[i].is_parameter() || !slots[i].trainable ||
        slots[i].dtype != DType::kF32)
      continue;
    GRAFT_ASSIGN_OR_RETURN(const bool finite, IsFinite(instance, i));
    if (!finite) return FullName(slots[i]);
  }
  return std::string();
}

absl::StatusOr<std::string> FirstNonFinite(Instance& instance,
                                           absl::string_view state) {
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (const bool parameters : {true, false}) {
    for (size_t i = 0; i < slots.size(); ++i) {
      const SlotSpec& slot = slots[i];
      if (slot.is_parameter() != parameters || slot.dtype != DType::kF32 ||
          (parameters ? !slot.trainable
                      : !state.empty() && slot.state != state))
        continue;
      GRAFT_ASSIGN_OR_RETURN(const bool finite, IsFinite(instance, i));
      if (!finite) return FullName(slot);
    }
  }
  return std::string();
}

}  // namespace graft
