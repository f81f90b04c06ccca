// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_ARTIFACT_WRITER_H_
#define GRAFT_RUNTIME_ARTIFACT_WRITER_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"
#include "runtime/base/file.h"

namespace graft {

// Takes the next bytes of a slot's values.
using WeightSink = absl::FunctionRef<absl::Status(absl::Span<const uint8_t>)>;
// Passes the values of parameter slot `slot` to `sink`, in one or several
// calls, SlotBytes in all. Called once for each parameter.
using WeightSource = absl::FunctionRef<absl::Status(size_t slot, WeightSink)>;

// Writes `spec` with the values of its parameters to `path` in one step: the
// file appears whole or not at all. Weights are streamed; no copy of them is
// kept. Equal arguments give equal bytes. INVALID_ARGUMENT when `spec` does
// not pass CheckSpec or `weights` passes a wrong number of bytes; other errors
// as FileSystem::CreateAtomic and those of `weights`.
absl::Status WriteArtifact(FileSystem& files, const std::string& path,
                           const ArtifactSpec& spec, WeightSource weights);

}  // namespace graft

#endif  // GRAFT_RUNTIME_ARTIFACT_WRITER_H_
