// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Parts of artifacts that tests write by hand.

#ifndef GRAFT_TEST_RUNTIME_ARTIFACT_SPEC_PARTS_H_
#define GRAFT_TEST_RUNTIME_ARTIFACT_SPEC_PARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/artifact/spec.h"

namespace graft {

// A level of code that this machine runs, for code of the C compiler, which
// runs on any. Empty where there is none.
std::string AnyLevel();

// The bytes of a text.
absl::Span<const uint8_t> BytesOf(absl::string_view text);

// Values: dimensions are {index of a size, 0} or {-1, extent}.
ValueSpec MakeTensor(const std::string& name, DType dtype,
                     std::vector<DimSpec> dims, int64_t limit = 0);
// The value "segments" of these sizes.
ValueSpec MakeSegments(int32_t tokens = 0, int32_t sequences = 1);

// A trained F32 parameter, or with `trainable` false a frozen one.
SlotSpec MakeParameter(const std::string& model, const std::string& name,
                       std::vector<int64_t> shape, bool trainable = true);
// The state "NAME.STATE" of a parameter, which is slot `index` of `slots`.
SlotSpec MakeState(const std::vector<SlotSpec>& slots, int32_t index,
                   const std::string& state);

// A launch of `items` work items that writes the last `results` of `buffers`.
CommandSpec MakeKernel(uint32_t kernel, std::vector<uint32_t> buffers,
                       uint32_t results = 1, int64_t items = 1);
// Fills a buffer of so many bytes with zeros.
CommandSpec MakeFill(uint32_t buffer, int64_t bytes);
CommandSpec MakeCopy(uint32_t from, uint32_t to, int64_t bytes);

// The target of this machine, with the kernels PREFIX_NAME of `code`, which is
// borrowed.
TargetSpec MakeTarget(absl::Span<const uint8_t> code, const std::string& prefix,
                      const std::vector<std::string>& kernels);

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_ARTIFACT_SPEC_PARTS_H_
