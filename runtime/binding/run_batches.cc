// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/binding/run_batches.h"

#include <memory>
#include <utility>

#include "runtime/base/status_macros.h"
#include "runtime/data/batch_stream.h"
#include "runtime/data/sampler.h"

namespace graft {

absl::Status RunBatches(
    EntryCaller& entry, const BatchCapacity& capacity, ExampleFeed next,
    absl::FunctionRef<absl::Status(const Examples&)> consume) {
  PackedBatch packed;
  const Schema schema = next.schema;
  packed.Reserve(schema, {}, capacity);
  // One example more than fits is read to find where a batch ends.
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<BatchStream> stream,
      BatchStream::Start(LargestBatches(std::move(next), capacity), schema,
                         capacity.sequences + 1, capacity.tokens));
  while (true) {
    GRAFT_ASSIGN_OR_RETURN(const Batch* batch, stream->Next());
    if (!batch) return absl::OkStatus();
    PackBatch(batch->examples, batch->micro_batches.front(), {}, packed);
    GRAFT_RETURN_IF_ERROR(entry.Call(packed));
    GRAFT_RETURN_IF_ERROR(consume(batch->examples));
  }
}

}  // namespace graft
