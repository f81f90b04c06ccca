// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/instance.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors.h"
#include "runtime/schema/container.h"

namespace graft {
namespace {

// Copies and fills below this are not worth waking threads for.
constexpr int64_t kParallelBytes = int64_t{1} << 18;

int PartCount(const ValueSpec& value) {
  return value.kind == ValueKind::segments ? 3 : 1;
}

// Bytes that a buffer takes of a region.
uint64_t Padded(uint64_t bytes) {
  return schema::AlignUp(bytes, GRAFT_BUFFER_ALIGNMENT);
}

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool OwnsMemory(const SlotSpec& slot) {
  return slot.trainable || slot.kind != SlotKind::parameter;
}

absl::Status InputError(const EntrySpec& entry, const ValueSpec& value,
                        absl::string_view expected, absl::string_view found) {
  return absl::InvalidArgumentError(absl::StrCat(entry.name, ": input ",
                                                 value.name, ": expects ",
                                                 expected, ", got ", found));
}

// Fills bytes [begin, end) with the 4 bytes of `pattern` over and over.
void FillBytes(uint8_t* data, uint32_t pattern, int64_t begin, int64_t end) {
  uint8_t bytes[4];
  std::memcpy(bytes, &pattern, sizeof(bytes));
  if (std::all_of(bytes, bytes + 4, [&](uint8_t b) { return b == bytes[0]; })) {
    std::memset(data + begin, bytes[0], end - begin);
    return;
  }
  for (; begin < end && begin % 4 != 0; ++begin) data[begin] = bytes[begin % 4];
  for (; begin + 4 <= end; begin += 4) std::memcpy(data + begin, bytes, 4);
  for (; begin < end; ++begin) data[begin] = bytes[begin % 4];
}

}  // namespace

Feed Feed::Tensor(DType dtype, absl::Span<const int64_t> shape,
                  const void* data) {
  Feed feed;
  feed.dtype = dtype;
  feed.shape = shape;
  feed.data = data;
  return feed;
}

Feed Feed::Segments(absl::Span<const int32_t> offsets,
                    absl::Span<const int32_t> ordinals) {
  Feed feed;
  feed.kind = ValueKind::segments;
  feed.offsets = offsets;
  feed.ordinals = ordinals;
  return feed;
}

absl::Span<const float> OutputView::floats() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return absl::MakeConstSpan(static_cast<const float*>(data), count);
}

Instance::Instance(std::shared_ptr<const Artifact> artifact,
                   const InstanceOptions& options)
    : artifact_(std::move(artifact)), options_(options) {}

absl::StatusOr<std::unique_ptr<Instance>> Instance::Create(
    std::shared_ptr<const Artifact> artifact, const InstanceOptions& options) {
  if (artifact->target() == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        artifact->path(), ": expects an artifact loaded with its code"));
  }
  std::unique_ptr<Instance> instance(
      new Instance(std::move(artifact), options));
  GRAFT_RETURN_IF_ERROR(instance->ReserveMemory());
  instance->PlaceSlots();
  const size_t entries = instance->artifact_->spec().entries.size();
  instance->entries_.resize(entries);
  for (size_t i = 0; i < entries; ++i) {
    if (instance->CanRun(i)) instance->Prepare(i);
  }
  return instance;
}

absl::Status Instance::ReserveMemory() {
  const ArtifactSpec& spec = artifact_->spec();
  for (const SlotSpec& slot : spec.slots) {
    if (!options_.training || !OwnsMemory(slot)) {
      if (slot.kind == SlotKind::parameter) memory_.mapped += SlotBytes(slot);
      continue;
    }
    (slot.kind == SlotKind::parameter ? memory_.parameters : memory_.states) +=
        Padded(SlotBytes(slot));
  }
  for (size_t i = 0; i < spec.entries.size(); ++i) {
    if (!CanRun(i)) continue;
    memory_.arena =
        std::max(memory_.arena, artifact_->target()->programs[i].arena_bytes);
    uint64_t staging = 0;
    for (const ValueSpec& value : spec.entries[i].inputs) {
      for (int part = 0; part < PartCount(value); ++part) {
        staging += Padded(BoundBytes(value, part, spec.sizes));
      }
    }
    for (const ValueSpec& value : spec.entries[i].outputs) {
      staging += Padded(BoundBytes(value, 0, spec.sizes));
    }
    memory_.staging = std::max(memory_.staging, staging);
  }
  GRAFT_ASSIGN_OR_RETURN(arena_,
                         MemoryRegion::Reserve(memory_.arena, "the arena"));
  GRAFT_ASSIGN_OR_RETURN(
      slot_memory_,
      MemoryRegion::Reserve(memory_.parameters + memory_.states, "slots"));
  GRAFT_ASSIGN_OR_RETURN(
      staging_, MemoryRegion::Reserve(memory_.staging, "inputs and outputs"));
  sizes_.resize(spec.sizes.size());
  return absl::OkStatus();
}

// Trainable parameters first, then states: the first part is filled now, the
// second stays untouched until training begins.
void Instance::PlaceSlots() {
  const std::vector<SlotSpec>& slots = artifact_->spec().slots;
  slots_.resize(slots.size(), nullptr);
  if (!options_.training) return;
  uint64_t offset = 0;
  for (bool parameters : {true, false}) {
    for (size_t i = 0; i < slots.size(); ++i) {
      if (!OwnsMemory(slots[i]) ||
          (slots[i].kind == SlotKind::parameter) != parameters) {
        continue;
      }
      slots_[i] = slot_memory_.data() + offset;
      offset += Padded(SlotBytes(slots[i]));
      const absl::Span<const uint8_t> values = artifact_->SlotData(i);
      if (!values.empty()) {
        std::memcpy(slots_[i], values.data(), values.size());
        artifact_->ReleaseSlot(i);
      }
    }
  }
}

bool Instance::CanRun(size_t entry) const {
  if (options_.training) return true;
  if (artifact_->EntryWritesSlots(entry)) return false;
  const std::vector<BufferSpec>& buffers =
      artifact_->target()->programs[entry].buffers;
  return std::none_of(buffers.begin(), buffers.end(),
                      [&](const BufferSpec& buffer) {
                        return buffer.place == Place::slot &&
                               artifact_->spec().slots[buffer.index].kind !=
                                   SlotKind::parameter;
                      });
}

// All addresses are known from now on: nothing of an instance moves.
void Instance::Prepare(size_t entry) {
  const ArtifactSpec& spec = artifact_->spec();
  const EntrySpec& entry_spec = spec.entries[entry];
  const ProgramSpec& program = artifact_->target()->programs[entry];
  PreparedEntry& prepared = entries_[entry];
  prepared.runnable = true;
  if (!artifact_->EntryWritesSlots(entry)) prepared.prologue = program.prologue;

  uint8_t* staging = staging_.data();
  for (const ValueSpec& value : entry_spec.inputs) {
    std::vector<void*>& parts = prepared.inputs.emplace_back();
    for (int part = 0; part < PartCount(value); ++part) {
      parts.push_back(staging);
      staging += Padded(BoundBytes(value, part, spec.sizes));
    }
  }
  prepared.shapes.reserve(entry_spec.outputs.size());
  for (const ValueSpec& value : entry_spec.outputs) {
    OutputView& view = prepared.outputs.emplace_back();
    view.name = value.name;
    view.dtype = value.dtype;
    view.data = staging;
    view.shape = prepared.shapes.emplace_back(value.dims.size());
    staging += Padded(BoundBytes(value, 0, spec.sizes));
  }

  std::vector<void*> addresses;
  for (const BufferSpec& buffer : program.buffers) {
    switch (buffer.place) {
      case Place::arena:
        addresses.push_back(arena_.data() + buffer.offset);
        break;
      case Place::slot:
        // Kernels never write a slot that is not trainable: CheckSpec.
        addresses.push_back(const_cast<uint8_t*>(Slot(buffer.index).data()));
        break;
      case Place::input:
        addresses.push_back(prepared.inputs[buffer.index][buffer.part]);
        break;
      case Place::output:
        addresses.push_back(
            const_cast<void*>(prepared.outputs[buffer.index].data));
        break;
    }
  }
  size_t count = 0;
  for (const CommandSpec& command : program.commands) {
    count += command.buffers.size();
  }
  prepared.buffers.reserve(count);
  for (const CommandSpec& command : program.commands) {
    PreparedCommand& to = prepared.commands.emplace_back();
    to.kind = command.kind;
    to.kernel = command.kind == CommandKind::kernel
                    ? artifact_->kernels()[command.kernel]
                    : nullptr;
    to.buffers = prepared.buffers.data() + prepared.buffers.size();
    to.grid = command.grid;
    to.pattern = command.pattern;
    to.place = static_cast<uint64_t>(entry_spec.phase) << 48 | command.random;
    for (uint32_t buffer : command.buffers) {
      prepared.buffers.push_back(addresses[buffer]);
    }
  }
  FindReleases(entry);
}

// A slot whose last reader is in the prologue is not needed while that holds.
void Instance::FindReleases(size_t entry) {
  const ProgramSpec& program = artifact_->target()->programs[entry];
  std::vector<int64_t> last(slots_.size(), -1);
  for (size_t i = 0; i < program.commands.size(); ++i) {
    for (uint32_t buffer : program.commands[i].buffers) {
      const BufferSpec& spec = program.buffers[buffer];
      if (spec.place == Place::slot) last[spec.index] = i;
    }
  }
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] != nullptr || last[slot] < 0) continue;
    if (static_cast<size_t>(last[slot]) >= entries_[entry].prologue) continue;
    entries_[entry].commands[last[slot]].released.push_back(slot);
  }
}

absl::Status Instance::BindSize(const EntrySpec& entry, const ValueSpec& value,
                                int32_t size, int64_t found) {
  const SizeSpec& spec = artifact_->spec().sizes[size];
  if (found < 0 || found > spec.bound) {
    return InputError(entry, value,
                      absl::StrCat(spec.name, " up to ", spec.bound,
                                   ", for which the program was planned"),
                      absl::StrCat(found));
  }
  if (sizes_[size] < 0) sizes_[size] = found;
  if (sizes_[size] == found) return absl::OkStatus();
  return InputError(
      entry, value,
      absl::StrCat(spec.name, " = ", sizes_[size], " as in other inputs"),
      absl::StrCat(found));
}

absl::Status Instance::BindTensor(const EntrySpec& entry,
                                  const ValueSpec& value, const Feed& feed) {
  bool matches =
      feed.dtype == value.dtype && feed.shape.size() == value.dims.size();
  for (size_t i = 0; matches && i < value.dims.size(); ++i) {
    matches = value.dims[i].size >= 0 || value.dims[i].extent == feed.shape[i];
  }
  if (!matches) {
    std::string expected = absl::StrCat(DTypeName(value.dtype), " [");
    for (const DimSpec& dim : value.dims) {
      absl::StrAppend(&expected, &dim == &value.dims[0] ? "" : ", ");
      if (dim.size >= 0) {
        absl::StrAppend(&expected, artifact_->spec().sizes[dim.size].name);
      } else {
        absl::StrAppend(&expected, dim.extent);
      }
    }
    return InputError(entry, value, absl::StrCat(expected, "]"),
                      DescribeTensorType(feed.dtype, feed.shape));
  }
  int64_t count = 1;
  for (size_t i = 0; i < value.dims.size(); ++i) {
    if (value.dims[i].size >= 0) {
      GRAFT_RETURN_IF_ERROR(
          BindSize(entry, value, value.dims[i].size, feed.shape[i]));
    }
    count *= feed.shape[i];
  }
  if (value.limit == 0 || value.dtype != DType::kI32) return absl::OkStatus();
  // Kernels read memory at these places.
  const auto* bytes = static_cast<const uint8_t*>(feed.data);
  for (int64_t i = 0; i < count; ++i) {
    int32_t element;
    std::memcpy(&element, bytes + i * sizeof(element), sizeof(element));
    if (element >= 0 && element < value.limit) continue;
    if (value.exception != 0 && element == value.exception) continue;
    return InputError(
        entry, value,
        absl::StrCat("numbers from 0 to ", value.limit - 1,
                     value.exception == 0 ? "" : " or ",
                     value.exception == 0 ? std::string()
                                          : absl::StrCat(value.exception)),
        absl::StrCat(element, " at ", i));
  }
  return absl::OkStatus();
}

absl::Status Instance::BindSegments(const EntrySpec& entry,
                                    const ValueSpec& value, const Feed& feed) {
  const absl::Span<const int32_t> offsets = feed.offsets;
  if (offsets.size() < 2 || offsets[0] != 0) {
    return InputError(entry, value, "offsets of at least one sequence, from 0",
                      offsets.empty()
                          ? "none"
                          : absl::StrCat(offsets.size(), " from ", offsets[0]));
  }
  for (size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] > offsets[i - 1]) continue;
    return InputError(
        entry, value, "increasing offsets",
        absl::StrCat(offsets[i], " after ", offsets[i - 1], " at ", i));
  }
  for (size_t i = 1; value.limit != 0 && i < offsets.size(); ++i) {
    if (offsets[i] - offsets[i - 1] <= value.limit) continue;
    return InputError(
        entry, value, absl::StrCat("sequences of up to ", value.limit),
        absl::StrCat(offsets[i] - offsets[i - 1], " tokens in ", i - 1));
  }
  const int64_t sequences = offsets.size() - 1;
  if (!feed.ordinals.empty() &&
      static_cast<int64_t>(feed.ordinals.size()) != sequences) {
    return InputError(entry, value, absl::StrCat("no ordinals or ", sequences),
                      absl::StrCat(feed.ordinals.size()));
  }
  GRAFT_RETURN_IF_ERROR(BindSize(entry, value, value.sequences, sequences));
  return BindSize(entry, value, value.tokens, offsets.back());
}

absl::Status Instance::Bind(const EntrySpec& entry,
                            absl::Span<const Feed> feeds) {
  if (feeds.size() != entry.inputs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(entry.name, ": expects ", entry.inputs.size(),
                     " inputs, got ", feeds.size()));
  }
  std::fill(sizes_.begin(), sizes_.end(), -1);
  for (size_t i = 0; i < feeds.size(); ++i) {
    const ValueSpec& value = entry.inputs[i];
    if (feeds[i].kind != value.kind) {
      const bool segments = value.kind == ValueKind::segments;
      return InputError(entry, value, segments ? "segments" : "a tensor",
                        segments ? "a tensor" : "segments");
    }
    GRAFT_RETURN_IF_ERROR(value.kind == ValueKind::segments
                              ? BindSegments(entry, value, feeds[i])
                              : BindTensor(entry, value, feeds[i]));
  }
  // No command of this entry uses the others: CheckSpec.
  for (int64_t& size : sizes_) size = std::max<int64_t>(size, 0);
  return absl::OkStatus();
}

void Instance::CopyFeeds(size_t entry, absl::Span<const Feed> feeds) {
  const PreparedEntry& prepared = entries_[entry];
  for (size_t i = 0; i < feeds.size(); ++i) {
    const Feed& feed = feeds[i];
    const std::vector<void*>& parts = prepared.inputs[i];
    if (feed.kind == ValueKind::tensor) {
      uint64_t bytes = DTypeSize(feed.dtype);
      for (int64_t extent : feed.shape) bytes *= extent;
      if (bytes != 0) std::memcpy(parts[0], feed.data, bytes);
      continue;
    }
    auto* offsets = static_cast<int32_t*>(parts[0]);
    auto* ordinals = static_cast<int32_t*>(parts[1]);
    auto* rows = static_cast<int32_t*>(parts[2]);
    std::copy(feed.offsets.begin(), feed.offsets.end(), offsets);
    const int32_t sequences = feed.offsets.size() - 1;
    for (int32_t s = 0; s < sequences; ++s) {
      ordinals[s] = feed.ordinals.empty() ? s : feed.ordinals[s];
      std::fill(rows + offsets[s], rows + offsets[s + 1], s);
    }
  }
}

int64_t Instance::Items(const GridSpec& grid) const {
  if (grid.size < 0) return grid.count;
  return (sizes_[grid.size] + grid.block - 1) / grid.block * grid.count;
}

void Instance::Execute(const PreparedCommand& command, int64_t items) {
  auto run = [&](int64_t begin, int64_t end) {
    switch (command.kind) {
      case CommandKind::kernel:
        command.kernel(command.buffers, sizes_.data(), &random_, begin, end);
        break;
      case CommandKind::copy:
        std::memcpy(static_cast<uint8_t*>(command.buffers[1]) + begin,
                    static_cast<const uint8_t*>(command.buffers[0]) + begin,
                    end - begin);
        break;
      case CommandKind::fill:
        FillBytes(static_cast<uint8_t*>(command.buffers[0]), command.pattern,
                  begin, end);
        break;
    }
  };
  const bool alone =
      command.kind == CommandKind::kernel ? items == 1 : items < kParallelBytes;
  if (items == 0) return;
  random_.place = command.place;
  if (options_.pool == nullptr || alone) {
    run(0, items);
  } else {
    options_.pool->ParallelFor(items, run);
  }
  for (uint32_t slot : command.released) artifact_->ReleaseSlot(slot);
}

double Instance::Cost(const std::vector<CostTermSpec>& terms,
                      const std::vector<double>& squares) const {
  double sum = 0;
  for (const CostTermSpec& term : terms) {
    auto value = static_cast<double>(term.coefficient);
    if (term.squares) {
      value *= squares[term.first];
    } else {
      for (int32_t size : {term.first, term.second}) {
        if (size >= 0) value *= static_cast<double>(sizes_[size]);
      }
    }
    sum += value;
  }
  return sum;
}

void Instance::ExecuteProfiled(size_t entry, size_t first) {
  const TargetSpec& target = *artifact_->target();
  std::vector<double> squares(sizes_.size(), 0);
  const std::vector<ValueSpec>& inputs =
      artifact_->spec().entries[entry].inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].kind != ValueKind::segments) continue;
    const auto* offsets =
        static_cast<const int32_t*>(entries_[entry].inputs[i][0]);
    double& sum = squares[inputs[i].tokens];
    sum = 0;
    for (int64_t s = 0; s < sizes_[inputs[i].sequences]; ++s) {
      const double length = offsets[s + 1] - offsets[s];
      sum += length * length;
    }
  }
  const std::vector<PreparedCommand>& commands = entries_[entry].commands;
  for (size_t i = first; i < commands.size(); ++i) {
    const CommandSpec& spec = target.programs[entry].commands[i];
    CommandTiming timing;
    timing.kernel = spec.kind == CommandKind::kernel
                        ? absl::string_view(target.kernels[spec.kernel].name)
                        : schema::EnumNameCommandKind(spec.kind);
    timing.label = spec.label;
    timing.entry = entry;
    timing.command = i;
    timing.items = Items(commands[i].grid);
    timing.flops = Cost(spec.flops, squares);
    timing.tiles = spec.tiles;
    timing.bytes = spec.kind == CommandKind::kernel
                       ? Cost(spec.bytes, squares)
                       : static_cast<double>(timing.items) *
                             (spec.kind == CommandKind::copy ? 2 : 1);
    timing.begin_ns = Now();
    Execute(commands[i], timing.items);
    timing.end_ns = Now();
    profiler_(timing);
  }
}

absl::StatusOr<absl::Span<const OutputView>> Instance::Run(
    size_t entry, absl::Span<const Feed> feeds) {
  const std::vector<EntrySpec>& entries = artifact_->spec().entries;
  if (entry >= entries.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(artifact_->path(), ": expects an entry below ",
                     entries.size(), ", got ", entry));
  }
  if (!entries_[entry].runnable) {
    return absl::FailedPreconditionError(
        absl::StrCat(artifact_->path(), ": entry ", entries[entry].name,
                     ": expects a training instance"));
  }
  GRAFT_RETURN_IF_ERROR(Bind(entries[entry], feeds));
  CopyFeeds(entry, feeds);
  PreparedEntry& prepared = entries_[entry];
  const size_t first =
      prologue_of_ == static_cast<int64_t>(entry) ? prepared.prologue : 0;
  if (profiler_) {
    ExecuteProfiled(entry, first);
  } else {
    for (size_t i = first; i < prepared.commands.size(); ++i) {
      Execute(prepared.commands[i], Items(prepared.commands[i].grid));
    }
  }
  prologue_of_ = entry;
  for (size_t i = 0; i < prepared.shapes.size(); ++i) {
    const std::vector<DimSpec>& dims = entries[entry].outputs[i].dims;
    for (size_t d = 0; d < dims.size(); ++d) {
      prepared.shapes[i][d] =
          dims[d].size >= 0 ? sizes_[dims[d].size] : dims[d].extent;
    }
  }
  return absl::MakeConstSpan(prepared.outputs);
}

void Instance::SetRandom(uint64_t seed, uint32_t step) {
  random_.seed = seed;
  random_.step = step;
}

absl::Span<const uint8_t> Instance::Slot(size_t slot) const {
  if (slots_[slot] == nullptr) return artifact_->SlotData(slot);
  return absl::MakeConstSpan(slots_[slot],
                             SlotBytes(artifact_->spec().slots[slot]));
}

absl::Span<uint8_t> Instance::MutableSlot(size_t slot) {
  if (slots_[slot] == nullptr) return {};
  prologue_of_ = -1;
  return absl::MakeSpan(slots_[slot], SlotBytes(artifact_->spec().slots[slot]));
}

void Instance::ZeroSlots(SlotKind kind) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (artifact_->spec().slots[i].kind != kind) continue;
    const absl::Span<uint8_t> bytes = MutableSlot(i);
    if (!bytes.empty()) std::memset(bytes.data(), 0, bytes.size());
  }
}

void Instance::SetProfiler(CommandProfiler profiler) {
  profiler_ = std::move(profiler);
}

}  // namespace graft
