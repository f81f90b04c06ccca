// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/spec.h"

#include <algorithm>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/artifact/check.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors.h"

namespace graft {
namespace {

using internal_artifact::CheckHost;
using internal_artifact::CheckTargets;
using internal_artifact::DeterminedSizes;
using internal_artifact::FieldError;

// More than any tensor has; keeps all products of sizes inside 63 bits.
constexpr uint64_t kMaxBytes = uint64_t{1} << 46;
constexpr size_t kMaxRank = 8;

// Bytes of a tensor or an error that names `field`.
absl::StatusOr<uint64_t> CheckBytes(absl::string_view where,
                                    absl::string_view field, DType dtype,
                                    absl::Span<const int64_t> shape) {
  if (shape.size() > kMaxRank) {
    return FieldError(where, field,
                      absl::StrCat("at most ", kMaxRank, " dimensions"),
                      shape.size());
  }
  absl::StatusOr<uint64_t> bytes = TensorBytes(dtype, shape);
  if (!bytes.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": ", field, ": ", bytes.status().message()));
  }
  if (*bytes > kMaxBytes) {
    return FieldError(where, field,
                      absl::StrCat("at most ", kMaxBytes, " bytes"), *bytes);
  }
  return *bytes;
}

std::vector<int64_t> BoundShape(const ValueSpec& value,
                                const std::vector<SizeSpec>& sizes) {
  std::vector<int64_t> shape;
  shape.reserve(value.dims.size());
  for (const DimSpec& dim : value.dims) {
    shape.push_back(dim.size >= 0 ? sizes[dim.size].bound : dim.extent);
  }
  return shape;
}

// Checks the parts of a spec that do not depend on a target.
class SpecChecker {
 public:
  SpecChecker(const ArtifactSpec& spec, absl::string_view where)
      : spec_(spec), where_(where) {}

  absl::Status Check() {
    GRAFT_RETURN_IF_ERROR(CheckSizes());
    for (size_t i = 0; i < spec_.slots.size(); ++i) {
      GRAFT_RETURN_IF_ERROR(CheckSlot(i));
    }
    for (size_t i = 0; i < spec_.merges.size(); ++i) {
      GRAFT_RETURN_IF_ERROR(CheckMerge(i));
    }
    absl::flat_hash_set<absl::string_view> names;
    for (size_t i = 0; i < spec_.entries.size(); ++i) {
      GRAFT_RETURN_IF_ERROR(CheckName(
          names, absl::StrCat("entries[", i, "].name"), spec_.entries[i].name));
      GRAFT_RETURN_IF_ERROR(CheckEntry(spec_.entries[i]));
    }
    GRAFT_RETURN_IF_ERROR(CheckHeads());
    return CheckHost(spec_, where_);
  }

 private:
  absl::Status Error(absl::string_view field, absl::string_view expected,
                     absl::string_view found) const {
    return FieldError(where_, field, expected, found);
  }

  absl::Status CheckName(absl::flat_hash_set<absl::string_view>& names,
                         absl::string_view field, absl::string_view name) {
    if (name.empty()) return Error(field, "a name", "nothing");
    if (names.insert(name).second) return absl::OkStatus();
    return Error(field, "a name of its own", absl::StrCat(name, " again"));
  }

  absl::Status CheckSizes() {
    absl::flat_hash_set<absl::string_view> names;
    for (size_t i = 0; i < spec_.sizes.size(); ++i) {
      const SizeSpec& size = spec_.sizes[i];
      const std::string field = absl::StrCat("sizes[", i, "]");
      GRAFT_RETURN_IF_ERROR(
          CheckName(names, absl::StrCat(field, ".name"), size.name));
      if (size.bound < 1 || size.bound > std::numeric_limits<int32_t>::max()) {
        return Error(absl::StrCat(field, ".bound"), "1 to 2147483647",
                     absl::StrCat(size.bound));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckMerge(size_t index) {
    const MergeSpec& merge = spec_.merges[index];
    const std::string field = absl::StrCat("merges[", index, "]");
    const SlotSpec* slots[3];
    size_t count = 0;
    for (const uint32_t slot : {merge.base, merge.left, merge.right}) {
      if (slot >= spec_.slots.size() || !spec_.slots[slot].is_parameter() ||
          spec_.slots[slot].dtype != DType::kF32 ||
          spec_.slots[slot].shape.size() != 2) {
        return Error(field, "slots of matrices of F32", absl::StrCat(slot));
      }
      slots[count++] = &spec_.slots[slot];
    }
    const std::vector<int64_t>&base = slots[0]->shape, &left = slots[1]->shape,
          &right = slots[2]->shape;
    if (base[0] != left[0] || base[1] != right[1] || left[1] != right[0]) {
      return Error(field, "matrices [out, in], [out, r] and [r, in]",
                   absl::StrCat(slots[0]->name, ", ", slots[1]->name, " and ",
                                slots[2]->name));
    }
    if (!std::isfinite(merge.scale)) {
      return Error(field, "a finite scale", absl::StrCat(merge.scale));
    }
    return CheckNorms(merge, field);
  }

  absl::Status CheckNorms(const MergeSpec& merge, const std::string& field) {
    if (merge.norms == -1) return absl::OkStatus();
    const auto slot = static_cast<size_t>(merge.norms);
    const std::vector<int64_t> rows = {spec_.slots[merge.base].shape[0]};
    if (merge.norms < 0 || slot >= spec_.slots.size() ||
        !spec_.slots[slot].is_parameter() ||
        spec_.slots[slot].dtype != DType::kF32 ||
        spec_.slots[slot].shape != rows) {
      return Error(
          absl::StrCat(field, ".norms"),
          absl::StrCat("-1, or a slot of ", rows[0], " numbers of F32"),
          absl::StrCat(merge.norms));
    }
    return absl::OkStatus();
  }

  absl::Status CheckSlot(size_t index) {
    const SlotSpec& slot = spec_.slots[index];
    const std::string field = absl::StrCat("slots[", index, "]");
    if (slot.name.empty()) return Error(field, "a name", "nothing");
    if (!slots_.emplace(slot.model, slot.name).second) {
      return Error(absl::StrCat(field, ".name"), "a name of its own",
                   absl::StrCat(slot.name, " again"));
    }
    if (!ElementTypeOf(slot.dtype)) {
      return Error(absl::StrCat(field, ".element"), "a known element type",
                   DTypeName(slot.dtype));
    }
    GRAFT_RETURN_IF_ERROR(CheckBytes(where_, absl::StrCat(field, ".shape"),
                                     slot.dtype, slot.shape)
                              .status());
    GRAFT_RETURN_IF_ERROR(CheckInitial(slot, field));
    if (slot.parameter == -1) return absl::OkStatus();
    const std::string parameter = absl::StrCat(field, ".parameter");
    if (slot.is_parameter()) {
      return Error(parameter, "-1", absl::StrCat(slot.parameter));
    }
    if (slot.parameter < 0 ||
        static_cast<size_t>(slot.parameter) >= spec_.slots.size() ||
        !spec_.slots[slot.parameter].is_parameter()) {
      return Error(parameter, "the index of a parameter, or -1",
                   absl::StrCat(slot.parameter));
    }
    return absl::OkStatus();
  }

  absl::Status CheckInitial(const SlotSpec& slot, const std::string& field) {
    if (slot.initial.empty() || slot.initial == "zeros")
      return absl::OkStatus();
    const std::string initial = absl::StrCat(field, ".initial");
    if (slot.initial != "ones" && slot.initial != "normal") {
      return Error(initial, "zeros, ones or normal", slot.initial);
    }
    if (slot.dtype == DType::kF32) return absl::OkStatus();
    return Error(initial, "zeros of other types than F32", slot.initial);
  }

  absl::Status CheckSizeIndex(absl::string_view field, int32_t index) {
    if (index >= 0 && static_cast<size_t>(index) < spec_.sizes.size()) {
      return absl::OkStatus();
    }
    return Error(field, absl::StrCat("an index below ", spec_.sizes.size()),
                 absl::StrCat(index));
  }

  absl::Status CheckValue(const std::string& field, const ValueSpec& value) {
    if (value.kind == ValueKind::segments) {
      GRAFT_RETURN_IF_ERROR(
          CheckSizeIndex(absl::StrCat(field, ".tokens"), value.tokens));
      return CheckSizeIndex(absl::StrCat(field, ".sequences"), value.sequences);
    }
    if (!ElementTypeOf(value.dtype)) {
      return Error(absl::StrCat(field, ".element"), "a known element type",
                   DTypeName(value.dtype));
    }
    for (size_t i = 0; i < value.dims.size(); ++i) {
      if (value.dims[i].size == -1) continue;
      GRAFT_RETURN_IF_ERROR(CheckSizeIndex(
          absl::StrCat(field, ".dims[", i, "].size"), value.dims[i].size));
    }
    return CheckBytes(where_, absl::StrCat(field, ".dims"), value.dtype,
                      BoundShape(value, spec_.sizes))
        .status();
  }

  absl::Status CheckEntry(const EntrySpec& entry) {
    absl::flat_hash_set<absl::string_view> inputs, outputs;
    for (size_t i = 0; i < entry.inputs.size(); ++i) {
      const std::string field = absl::StrCat(entry.name, ".inputs[", i, "]");
      GRAFT_RETURN_IF_ERROR(CheckName(inputs, absl::StrCat(field, ".name"),
                                      entry.inputs[i].name));
      GRAFT_RETURN_IF_ERROR(CheckValue(field, entry.inputs[i]));
    }
    const std::vector<bool> determined =
        DeterminedSizes(entry, spec_.sizes.size());
    for (size_t i = 0; i < entry.outputs.size(); ++i) {
      const ValueSpec& output = entry.outputs[i];
      const std::string field = absl::StrCat(entry.name, ".outputs[", i, "]");
      GRAFT_RETURN_IF_ERROR(
          CheckName(outputs, absl::StrCat(field, ".name"), output.name));
      if (output.kind != ValueKind::tensor) {
        return Error(absl::StrCat(field, ".kind"), "a tensor", "segments");
      }
      GRAFT_RETURN_IF_ERROR(CheckValue(field, output));
      for (const DimSpec& dim : output.dims) {
        if (dim.size < 0 || determined[dim.size]) continue;
        return Error(absl::StrCat(field, ".dims"), "sizes that inputs have",
                     spec_.sizes[dim.size].name);
      }
    }
    return absl::OkStatus();
  }

  // Heads of "predict" may be of programs that do not predict.
  absl::Status CheckHeadEntry(const std::string& field,
                              const HeadSpec& head) const {
    if (head.entry == HeadSpec().entry) return absl::OkStatus();
    for (const EntrySpec& entry : spec_.entries) {
      if (entry.name != head.entry) continue;
      for (const ValueSpec& output : entry.outputs) {
        if (output.name != head.name || output.dims.empty()) continue;
        const DimSpec& columns = output.dims.back();
        if (head.labels.empty() ||
            (columns.size < 0 &&
             columns.extent == static_cast<int64_t>(head.labels.size())))
          return absl::OkStatus();
        return Error(absl::StrCat(field, ".labels"),
                     absl::StrCat("the ", columns.extent, " columns of ",
                                  head.entry, ".", head.name),
                     absl::StrCat(head.labels.size()));
      }
    }
    return Error(absl::StrCat(field, ".entry"),
                 absl::StrCat("an entry with the output ", head.name),
                 head.entry);
  }

  absl::Status CheckHeads() {
    // By the entries of the heads.
    absl::flat_hash_map<absl::string_view,
                        absl::flat_hash_set<absl::string_view>>
        names;
    for (size_t i = 0; i < spec_.heads.size(); ++i) {
      const HeadSpec& head = spec_.heads[i];
      const std::string field = absl::StrCat("heads[", i, "]");
      GRAFT_RETURN_IF_ERROR(CheckName(names[head.entry],
                                      absl::StrCat(field, ".name"), head.name));
      GRAFT_RETURN_IF_ERROR(CheckHeadEntry(field, head));
      if (head.task.empty()) {
        return Error(absl::StrCat(field, ".task"), "a name", "nothing");
      }
    }
    if (spec_.data && spec_.data->max_length < 0) {
      return Error("data.max_length", "at least 0",
                   absl::StrCat(spec_.data->max_length));
    }
    return absl::OkStatus();
  }

  const ArtifactSpec& spec_;
  const absl::string_view where_;
  absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> slots_;
};

}  // namespace

uint64_t SlotBytes(const SlotSpec& slot) {
  return *TensorBytes(slot.dtype, slot.shape);
}

uint64_t BoundBytes(const ValueSpec& value, int part,
                    const std::vector<SizeSpec>& sizes) {
  if (value.kind == ValueKind::tensor) {
    return *TensorBytes(value.dtype, BoundShape(value, sizes));
  }
  const uint64_t sequences = sizes[value.sequences].bound;
  const uint64_t tokens = sizes[value.tokens].bound;
  const uint64_t count =
      part == 0 ? sequences + 1 : (part == 1 ? sequences : tokens);
  return count * sizeof(int32_t);
}

std::vector<size_t> PredictionEntries(const ArtifactSpec& spec) {
  std::vector<size_t> entries;
  for (size_t i = 0; i < spec.entries.size(); ++i) {
    const std::string& name = spec.entries[i].name;
    const bool predicts =
        std::any_of(spec.heads.begin(), spec.heads.end(),
                    [&](const HeadSpec& head) { return head.entry == name; });
    if (predicts || (spec.heads.empty() && name == HeadSpec().entry))
      entries.push_back(i);
  }
  return entries;
}

absl::string_view HeadName(const HeadSpec& head) {
  absl::string_view name = head.entry;
  if (absl::ConsumePrefix(&name, "predict_")) return name;
  if (head.entry != HeadSpec().entry) return name;
  name = head.name;
  if (absl::ConsumePrefix(&name, kLogits)) absl::ConsumePrefix(&name, ".");
  return name;
}

std::optional<schema::ElementType> ElementTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return schema::ElementType::f32;
    case DType::kF16:
      return schema::ElementType::f16;
    case DType::kBF16:
      return schema::ElementType::bf16;
    case DType::kI32:
      return schema::ElementType::i32;
    case DType::kBool:
      return schema::ElementType::i1;
    default:
      return std::nullopt;
  }
}

absl::Status CheckSpec(const ArtifactSpec& spec, absl::string_view where) {
  GRAFT_RETURN_IF_ERROR(SpecChecker(spec, where).Check());
  return CheckTargets(spec, where);
}

}  // namespace graft
