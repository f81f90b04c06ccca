// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/trained_artifact.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "runtime/artifact/writer.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

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

// Leaves the host programs and caches whose entries are left, and their
// entries' new places. A program that fills another cache goes, and so do
// sources of inputs that nothing fills any more.
void KeepHostPrograms(const std::vector<int32_t>& entry_places,
                      ArtifactSpec& spec) {
  std::vector<size_t> caches;
  for (size_t i = 0; i < spec.caches.size(); ++i)
    if (entry_places[spec.caches[i].entry] >= 0) caches.push_back(i);
  const std::vector<int32_t> cache_places =
      Renumber(caches, spec.caches.size());
  Keep(caches, spec.caches);
  for (CacheSpec& cache : spec.caches)
    cache.entry = static_cast<uint32_t>(entry_places[cache.entry]);
  for (EntrySpec& entry : spec.entries) {
    for (ValueSpec& input : entry.inputs) {
      if (input.source != SourceKind::cache) continue;
      const int32_t place = cache_places[input.source_index];
      if (place < 0) input.source = SourceKind::caller;
      input.source_index = static_cast<uint32_t>(std::max(place, 0));
    }
  }
  std::erase_if(spec.host_programs, [&](HostProgramSpec& program) {
    for (HostInstruction& instruction : program.instructions) {
      int32_t place = static_cast<int32_t>(instruction.index);
      if (instruction.op == HostOp::call || instruction.op == HostOp::evaluate)
        place = entry_places[instruction.index];
      if (instruction.op == HostOp::fill_cache)
        place = cache_places[instruction.index];
      if (place < 0) return true;
      instruction.index = static_cast<uint32_t>(place);
    }
    return false;
  });
}

// Whether a host program runs the entry, or a cache is filled by it: the others
// are what a trained program is for.
bool IsOfTraining(const ArtifactSpec& spec, size_t entry) {
  for (const CacheSpec& cache : spec.caches)
    if (cache.entry == entry) return true;
  for (const HostProgramSpec& program : spec.host_programs)
    for (const HostInstruction& instruction : program.instructions)
      if ((instruction.op == HostOp::call ||
           instruction.op == HostOp::evaluate) &&
          instruction.index == entry)
        return true;
  return false;
}

// Removes models that only training reads, and the entries that read them.
// Returns the slots that are left, by their old places.
std::vector<size_t> KeepPredictingModels(ArtifactSpec& spec) {
  std::set<std::string> models;
  for (size_t i = 0; i < spec.entries.size(); ++i)
    if (!IsOfTraining(spec, i))
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
  // Those of a model go with all of its slots.
  std::erase_if(spec.merges, [&](MergeSpec& merge) {
    if (slot_places[merge.base] < 0) return true;
    for (uint32_t* slot : {&merge.base, &merge.left, &merge.right})
      *slot = static_cast<uint32_t>(slot_places[*slot]);
    if (merge.norms >= 0) merge.norms = slot_places[merge.norms];
    return false;
  });
  Keep(entries, spec.entries);
  for (TargetSpec& target : spec.targets) {
    Keep(entries, target.programs);
    for (ProgramSpec& program : target.programs)
      for (BufferSpec& buffer : program.buffers)
        if (buffer.place == Place::slot)
          buffer.index = static_cast<uint32_t>(slot_places[buffer.index]);
  }
  KeepHostPrograms(entry_places, spec);
  return slots;
}

}  // namespace

absl::Status WriteTrainedArtifact(FileSystem& files, const std::string& path,
                                  Instance& instance,
                                  const DataSettingsSpec& data) {
  ArtifactSpec spec = instance.artifact().spec();
  spec.data = data;
  // The values are trained now: loading the artifact must not make them anew.
  for (SlotSpec& slot : spec.slots)
    if (slot.is_parameter()) slot.initial.clear();
  const std::vector<size_t> slots = KeepPredictingModels(spec);
  const auto write = [&](size_t slot, WeightSink sink) -> absl::Status {
    GRAFT_ASSIGN_OR_RETURN(absl::Span<const uint8_t> values,
                           instance.Slot(slots[slot]));
    return sink(values);
  };
  return WriteArtifact(files, path, spec, write);
}

}  // namespace graft
