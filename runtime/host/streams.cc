// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The batches of streams that an interpreter draws.

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/sampler.h"
#include "runtime/formats/philox.h"
#include "runtime/host/interpreter.h"

namespace graft {
namespace {

constexpr double kMostExamples = 1e9;  // of a batch
constexpr int64_t kMostBatches = int64_t{1} << 62;

// Rounded up; 0 for nothing.
int64_t Quotient(int64_t count, int64_t size) {
  return size == 0 ? 0 : count / size + (count % size != 0);
}

}  // namespace

void HostInterpreter::ReservePacked(uint32_t index) {
  Stream& stream = streams_[index];
  const Schema& schema = stream.data.source->schema();
  stream.packed.Reserve(schema, stream.caches, stream.capacity);
  const int32_t size = spec_.streams[index].batch;
  if (size < 0) return;
  const int64_t most = std::min(stream.size, spec_.sizes[size].bound);
  stream.whole.Reserve(schema, stream.caches,
                       {most * stream.data.source->longest(), most});
}

CachedRows& HostInterpreter::Stream::Rows(absl::string_view name) {
  return *absl::c_find_if(
      caches, [&](const CachedRows& rows) { return rows.name == name; });
}

std::vector<CachedRows*> HostInterpreter::batch_rows() {
  std::vector<CachedRows*> all;
  for (Stream& stream : streams_)
    for (CachedRows& rows : stream.caches)
      if (rows.of_batch) all.push_back(&rows);
  return all;
}

void HostInterpreter::ClearRows() {
  for (Stream& stream : streams_)
    for (CachedRows& rows : stream.caches)
      if (rows.of_batch) absl::c_fill(rows.values, 0.0F);
}

absl::Status HostInterpreter::KeepRows(size_t index,
                                       const EntryCaller& caller) {
  const CacheSpec& cache = spec_.caches[index];
  Stream& stream = streams_[cache.stream];
  CachedRows& rows = stream.Rows(cache.name);
  const EntrySpec& entry = spec_.entries[cache.entry];
  const absl::Span<const float> made =
      caller.Output(entry.outputs[cache.output].name);
  GRAFT_RETURN_IF_ERROR(CheckRelated(cache.stream));
  const BatchRange range = stream.packed_range;
  const int64_t count = (range.end - range.begin) * rows.width;
  if (static_cast<int64_t>(made.size()) != count)
    return absl::InternalError(absl::StrCat(entry.name, ": expects to compute ",
                                            count, " numbers of ", cache.name,
                                            ", got ", made.size()));
  absl::c_copy(made, rows.values.begin() + range.begin * rows.width);
  return absl::OkStatus();
}

absl::Status HostInterpreter::SetBatchSize(uint32_t index, double size) {
  if (!(size >= 1) || size != std::floor(size) || size > kMostExamples)
    return absl::InvalidArgumentError(absl::StrCat(
        "expects a batch of 1 to 1000000000 examples of the stream ",
        spec_.streams[index].name, ", got ", size));
  StreamPosition& position = state_.streams[index];
  const auto examples = static_cast<int64_t>(size);
  if (position.size != 0 && position.size != examples) {
    const int64_t rows = facts_[index].rows;
    const int64_t epochs =
        Quotient(position.batches, Quotient(rows, position.size));
    const int64_t per_epoch = Quotient(rows, examples);
    // A state of strangers may count more than 63 bits hold.
    position.batches =
        std::min(epochs, kMostBatches / std::max<int64_t>(per_epoch, 1)) *
        per_epoch;
  }
  position.size = examples;
  return absl::OkStatus();
}

// A stream that went round beside another one may be inside of an epoch.
void HostInterpreter::BeginEpoch(uint32_t index) {
  StreamPosition& position = state_.streams[index];
  const int64_t per_epoch = Quotient(facts_[index].rows, position.size);
  if (per_epoch == 0) return;
  const int64_t rest = position.batches % per_epoch;
  // A state of strangers may count up to 63 bits.
  if (rest != 0 && position.batches <= kMostBatches)
    position.batches += per_epoch - rest;
}

absl::Status HostInterpreter::BeginBatches(size_t at, int64_t first) {
  const uint32_t index = program_.instructions[at].index;
  Stream& stream = streams_[index];
  if (!facts_[index].present || facts_[index].rows == 0)
    return absl::InvalidArgumentError(
        absl::StrCat("expects examples of the stream ",
                     spec_.streams[index].name, ", got none"));
  const int64_t examples = state_.streams[index].size;
  const uint32_t leader = steps_[at].leader;
  if (leader != index) {
    // That one has drawn its batch. If both read one table, batches of one size
    // have other rows.
    if (examples != state_.streams[leader].size)
      return absl::InvalidArgumentError(
          absl::StrCat("expects batches of ", state_.streams[leader].size,
                       " examples of the stream ", spec_.streams[index].name,
                       ", as those of ", spec_.streams[leader].name,
                       " with the same task have, got ", examples));
    first = state_.streams[leader].batches - 1;
  }
  if (stream.batches && stream.next == first && stream.size == examples)
    return absl::OkStatus();
  if (stream.batches) stream.seconds_waited += stream.batches->seconds_waited();
  stream.batches.reset();
  stream.size = examples;
  stream.next = first;
  stream.per_epoch = Quotient(facts_[index].rows, examples);
  const int64_t most = std::min(examples, facts_[index].rows);
  ReservePacked(index);
  const ExampleSource& source = *stream.data.source;
  GRAFT_ASSIGN_OR_RETURN(
      stream.batches, BatchStream::Start(MakerOf(index), source.schema(), most,
                                         most * source.longest()));
  return absl::OkStatus();
}

BatchMaker HostInterpreter::MakerOf(uint32_t index) const {
  const Stream& stream = streams_[index];
  ExampleSource& source = *stream.data.source;
  if (stream.data.tasks) {
    EpisodeOrder order;
    order.batch_size = stream.size;
    order.first = stream.next;
    order.shuffle = stream.data.shuffle;
    order.seed = seed_;
    return EpisodeBatches(source, *stream.data.tasks, order, stream.capacity);
  }
  TrainingOrder order;
  order.batch_size = stream.size;
  order.first_step = stream.next;
  order.steps = std::numeric_limits<int64_t>::max();
  order.shuffle = stream.data.shuffle;
  // Streams of as many rows have orders of their own.
  order.seed =
      index == 0 ? seed_ : SplitMix64(seed_ ^ SplitMix64(~uint64_t{index}));
  return TrainingBatches(source, order, stream.capacity);
}

absl::Status HostInterpreter::Draw(uint32_t index) {
  Stream& stream = streams_[index];
  GRAFT_ASSIGN_OR_RETURN(stream.batch, stream.batches->Next());
  ++stream.next;
  ++state_.streams[index].batches;
  facts_[index].examples = &stream.batch->examples;
  return absl::OkStatus();
}

absl::Status HostInterpreter::CheckWhole(const HostInstruction& loop) const {
  const Stream& stream = streams_[loop.index];
  if (loop.text.empty() || stream.batch->micro_batches.size() == 1)
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      loop.text, ": expects a batch of the stream ",
      spec_.streams[loop.index].name, " in one launch, of at most ",
      stream.capacity.tokens, " tokens in ", stream.capacity.sequences,
      " examples, because the loss relates its examples; got ",
      stream.batch->examples.size(), " examples that need ",
      stream.batch->micro_batches.size(),
      " launches; a larger --max-tokens or a smaller batch makes it one"));
}

void HostInterpreter::Pack(uint32_t index) {
  Stream& stream = streams_[index];
  stream.packed_range =
      stream.batch->micro_batches[state_.streams[index].micro_batch];
  PackBatch(stream.batch->examples, stream.packed_range, stream.caches,
            stream.packed);
  packed_[index] = &stream.packed;
}

absl::Status HostInterpreter::CheckRelated(uint32_t index) const {
  const StreamSpec& spec = spec_.streams[index];
  const int64_t most = spec_.sizes[spec.batch].bound;
  const int64_t count = streams_[index].batch->examples.size();
  if (count <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "expects a batch of at most ", most, " examples of the stream ",
      spec.name, ", which the loss relates, got ", count,
      "; a larger --max-batch of the compiler or a smaller batch makes it "
      "fit"));
}

absl::Status HostInterpreter::PackWhole(uint32_t index) {
  GRAFT_RETURN_IF_ERROR(CheckRelated(index));
  Stream& stream = streams_[index];
  stream.packed_range = {0, stream.batch->examples.size()};
  PackBatch(stream.batch->examples, stream.packed_range, stream.caches,
            stream.whole);
  packed_[index] = &stream.whole;
  return absl::OkStatus();
}

}  // namespace graft
