// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "runtime/artifact/check.h"
#include "runtime/base/status_macros.h"

namespace graft::internal_artifact {
namespace {

constexpr uint64_t kMaxArena = uint64_t{1} << 46;
constexpr int64_t kMaxCount = int64_t{1} << 46;
constexpr int64_t kMaxItems = int64_t{1} << 46;

// Checks one program against its entry.
class ProgramChecker {
 public:
  ProgramChecker(const ArtifactSpec& spec, const TargetSpec& target,
                 size_t entry, absl::string_view where)
      : spec_(spec),
        target_(target),
        entry_(spec.entries[entry]),
        program_(target.programs[entry]),
        where_(where),
        name_(absl::StrCat(target.level, " program ", entry_.name)),
        determined_(DeterminedSizes(entry_, spec.sizes.size())) {}

  absl::Status Check() const {
    if (program_.arena_bytes > kMaxArena) {
      return Error(absl::StrCat(name_, ".arena_bytes"),
                   absl::StrCat("at most ", kMaxArena), program_.arena_bytes);
    }
    for (size_t i = 0; i < program_.buffers.size(); ++i) {
      GRAFT_RETURN_IF_ERROR(CheckBuffer(
          absl::StrCat(name_, ".buffers[", i, "]"), program_.buffers[i]));
    }
    for (size_t i = 0; i < program_.commands.size(); ++i) {
      GRAFT_RETURN_IF_ERROR(CheckCommand(
          absl::StrCat(name_, ".commands[", i, "]"), program_.commands[i]));
    }
    return CheckPrologue();
  }

 private:
  template <typename Found>
  absl::Status Error(absl::string_view field, absl::string_view expected,
                     const Found& found) const {
    return FieldError(where_, field, expected, found);
  }

  absl::Status CheckIndex(const std::string& field, uint64_t index,
                          size_t count) const {
    if (index < count) return absl::OkStatus();
    return Error(field, absl::StrCat("an index below ", count), index);
  }

  absl::Status CheckBuffer(const std::string& field,
                           const BufferSpec& buffer) const {
    if (buffer.place == Place::arena) return CheckArena(field, buffer);
    uint64_t bytes = 0;
    int parts = 1;
    const std::string index = absl::StrCat(field, ".index");
    if (buffer.place == Place::slot) {
      GRAFT_RETURN_IF_ERROR(
          CheckIndex(index, buffer.index, spec_.slots.size()));
      bytes = SlotBytes(spec_.slots[buffer.index]);
    } else {
      const std::vector<ValueSpec>& values =
          buffer.place == Place::input ? entry_.inputs : entry_.outputs;
      GRAFT_RETURN_IF_ERROR(CheckIndex(index, buffer.index, values.size()));
      const ValueSpec& value = values[buffer.index];
      if (value.kind == ValueKind::segments) parts = 3;
      bytes = BoundBytes(value, buffer.part, spec_.sizes);
    }
    GRAFT_RETURN_IF_ERROR(
        CheckIndex(absl::StrCat(field, ".part"), buffer.part, parts));
    if (buffer.offset != 0) {
      return Error(absl::StrCat(field, ".offset"), "0", buffer.offset);
    }
    if (buffer.bytes == bytes) return absl::OkStatus();
    return Error(absl::StrCat(field, ".bytes"), absl::StrCat(bytes),
                 buffer.bytes);
  }

  absl::Status CheckArena(const std::string& field,
                          const BufferSpec& buffer) const {
    if (buffer.part != 0 || buffer.index != 0) {
      return Error(field, "part and index 0 in the arena",
                   absl::StrCat(buffer.part, " and ", buffer.index));
    }
    if (buffer.offset % GRAFT_BUFFER_ALIGNMENT != 0) {
      return Error(absl::StrCat(field, ".offset"),
                   absl::StrCat("a multiple of ", GRAFT_BUFFER_ALIGNMENT),
                   buffer.offset);
    }
    if (buffer.bytes > program_.arena_bytes ||
        buffer.offset > program_.arena_bytes - buffer.bytes) {
      return Error(field,
                   absl::StrCat("a range of the arena of ",
                                program_.arena_bytes, " bytes"),
                   absl::StrCat(buffer.bytes, " bytes at ", buffer.offset));
    }
    return absl::OkStatus();
  }

  // Work items at the bounds, or an error.
  absl::Status CheckGrid(const std::string& field, const GridSpec& grid,
                         int64_t& items) const {
    if (grid.block < 1 || grid.count < 0 || grid.count > kMaxCount) {
      return Error(
          field, absl::StrCat("a positive block and a count up to ", kMaxCount),
          absl::StrCat(grid.block, " and ", grid.count));
    }
    items = grid.count;
    if (grid.size == -1) return absl::OkStatus();
    if (grid.size < 0 || static_cast<size_t>(grid.size) >= spec_.sizes.size()) {
      return Error(absl::StrCat(field, ".size"),
                   absl::StrCat("an index below ", spec_.sizes.size()),
                   grid.size);
    }
    if (!determined_[grid.size]) {
      return Error(absl::StrCat(field, ".size"), "a size that inputs have",
                   spec_.sizes[grid.size].name);
    }
    // Without overflow: the bound has 31 bits.
    const int64_t bound = spec_.sizes[grid.size].bound;
    const int64_t blocks = bound / grid.block + (bound % grid.block != 0);
    if (grid.count > kMaxItems / blocks) {
      return Error(field, absl::StrCat("at most ", kMaxItems, " work items"),
                   absl::StrCat(blocks, " * ", grid.count));
    }
    items = blocks * grid.count;
    return absl::OkStatus();
  }

  absl::Status CheckCost(const std::string& field,
                         const std::vector<CostTermSpec>& terms) const {
    const auto count = static_cast<int64_t>(spec_.sizes.size());
    for (size_t i = 0; i < terms.size(); ++i) {
      const CostTermSpec& term = terms[i];
      const int32_t least = term.squares ? 0 : -1;
      if (term.first < least || term.first >= count || term.second < -1 ||
          term.second >= count || (term.squares && term.second != -1)) {
        return Error(absl::StrCat(field, "[", i, "]"),
                     absl::StrCat("sizes from ", least, " below ", count,
                                  ", one of squares"),
                     absl::StrCat(term.first, " and ", term.second));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckCommand(const std::string& field,
                            const CommandSpec& command) const {
    for (size_t i = 0; i < command.buffers.size(); ++i) {
      GRAFT_RETURN_IF_ERROR(CheckIndex(absl::StrCat(field, ".buffers[", i, "]"),
                                       command.buffers[i],
                                       program_.buffers.size()));
    }
    GRAFT_RETURN_IF_ERROR(
        CheckCost(absl::StrCat(field, ".flops"), command.flops));
    GRAFT_RETURN_IF_ERROR(
        CheckCost(absl::StrCat(field, ".bytes"), command.bytes));
    int64_t items = 0;
    GRAFT_RETURN_IF_ERROR(
        CheckGrid(absl::StrCat(field, ".grid"), command.grid, items));
    size_t operands = 0, results = 1;
    switch (command.kind) {
      case CommandKind::kernel:
        GRAFT_RETURN_IF_ERROR(CheckIndex(absl::StrCat(field, ".kernel"),
                                         command.kernel,
                                         target_.kernels.size()));
        results = std::min<size_t>(command.results, command.buffers.size());
        operands = command.buffers.size() - results;
        break;
      case CommandKind::copy:
        operands = 1;
        break;
      case CommandKind::fill:
        break;
    }
    if (command.buffers.size() != operands + results ||
        command.results != results) {
      return Error(
          field, absl::StrCat(operands, " operands and ", results, " results"),
          absl::StrCat(command.buffers.size(), " buffers with ",
                       command.results, " results"));
    }
    for (size_t i = operands; i < command.buffers.size(); ++i) {
      GRAFT_RETURN_IF_ERROR(
          CheckWritable(absl::StrCat(field, ".buffers[", i, "]"),
                        program_.buffers[command.buffers[i]]));
    }
    if (command.kind == CommandKind::kernel) return absl::OkStatus();
    for (uint32_t buffer : command.buffers) {
      const uint64_t bytes = program_.buffers[buffer].bytes;
      if (static_cast<uint64_t>(items) <= bytes) continue;
      return Error(absl::StrCat(field, ".grid"),
                   absl::StrCat("at most ", bytes, " bytes"), items);
    }
    return absl::OkStatus();
  }

  // That a call may leave the prologue out.
  absl::Status CheckPrologue() const {
    if (program_.prologue > program_.commands.size()) {
      return Error(absl::StrCat(name_, ".prologue"),
                   absl::StrCat("at most ", program_.commands.size()),
                   program_.prologue);
    }
    for (size_t i = 0; i < program_.prologue; ++i) {
      const std::string found = FindDependence(program_.commands[i]);
      if (found.empty()) continue;
      return Error(absl::StrCat(name_, ".commands[", i, "]"),
                   "a command of the prologue that depends on slots alone",
                   found);
    }
    return absl::OkStatus();
  }

  // What a command uses beside slots and the arena, or writes beside the arena.
  std::string FindDependence(const CommandSpec& command) const {
    if (command.random != 0) return "random draws";
    if (command.grid.size >= 0) {
      return absl::StrCat("size ", spec_.sizes[command.grid.size].name);
    }
    const size_t operands = command.buffers.size() - command.results;
    for (size_t i = 0; i < command.buffers.size(); ++i) {
      const BufferSpec& buffer = program_.buffers[command.buffers[i]];
      if (buffer.place == Place::input) {
        return absl::StrCat("input ", entry_.inputs[buffer.index].name);
      }
      if (buffer.place == Place::output) {
        return absl::StrCat("output ", entry_.outputs[buffer.index].name);
      }
      if (buffer.place == Place::slot && i >= operands) {
        return absl::StrCat("result ", spec_.slots[buffer.index].name);
      }
    }
    return "";
  }

  absl::Status CheckWritable(const std::string& field,
                             const BufferSpec& buffer) const {
    if (buffer.place == Place::input) {
      return Error(field, "a result that is no input",
                   entry_.inputs[buffer.index].name);
    }
    if (buffer.place != Place::slot) return absl::OkStatus();
    const SlotSpec& slot = spec_.slots[buffer.index];
    if (slot.trainable || !slot.is_parameter()) {
      return absl::OkStatus();
    }
    return Error(field, "a trainable slot as result", slot.name);
  }

  const ArtifactSpec& spec_;
  const TargetSpec& target_;
  const EntrySpec& entry_;
  const ProgramSpec& program_;
  const absl::string_view where_;
  const std::string name_;
  const std::vector<bool> determined_;
};

absl::Status CheckKernels(const TargetSpec& target, absl::string_view where) {
  absl::flat_hash_set<absl::string_view> names;
  for (size_t i = 0; i < target.kernels.size(); ++i) {
    const KernelSpec& kernel = target.kernels[i];
    const std::string field = absl::StrCat(target.level, " kernels[", i, "]");
    if (kernel.name.empty() || kernel.symbol.empty()) {
      return FieldError(where, field, "a name and a symbol", "nothing");
    }
    if (!names.insert(kernel.name).second) {
      return FieldError(where, field, "a name of its own",
                        absl::StrCat(kernel.name, " again"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<bool> DeterminedSizes(const EntrySpec& entry, size_t sizes) {
  std::vector<bool> determined(sizes, false);
  for (const ValueSpec& value : entry.inputs) {
    if (value.kind == ValueKind::segments) {
      determined[value.tokens] = determined[value.sequences] = true;
      continue;
    }
    for (const DimSpec& dim : value.dims) {
      if (dim.size >= 0) determined[dim.size] = true;
    }
  }
  return determined;
}

absl::Status CheckTargets(const ArtifactSpec& spec, absl::string_view where) {
  absl::flat_hash_set<absl::string_view> levels;
  for (size_t i = 0; i < spec.targets.size(); ++i) {
    const TargetSpec& target = spec.targets[i];
    const std::string field = absl::StrCat("targets[", i, "]");
    if (target.level.empty() || !levels.insert(target.level).second) {
      return FieldError(where, absl::StrCat(field, ".level"),
                        "a level of its own", target.level);
    }
    GRAFT_RETURN_IF_ERROR(CheckKernels(target, where));
    for (size_t k = 0; k < target.choices.size(); ++k) {
      const double time = target.choices[k].time;
      if (!std::isfinite(time) || time < 1) {
        return FieldError(where, absl::StrCat(field, ".choices[", k, "].time"),
                          "at least 1", time);
      }
    }
    if (target.programs.size() != spec.entries.size()) {
      return FieldError(where, absl::StrCat(field, ".programs"),
                        absl::StrCat(spec.entries.size()),
                        target.programs.size());
    }
    for (size_t entry = 0; entry < spec.entries.size(); ++entry) {
      GRAFT_RETURN_IF_ERROR(ProgramChecker(spec, target, entry, where).Check());
    }
  }
  return absl::OkStatus();
}

}  // namespace graft::internal_artifact
