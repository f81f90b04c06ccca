// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_ARTIFACT_ENCODE_HEADER_H_
#define GRAFT_RUNTIME_ARTIFACT_ENCODE_HEADER_H_

#include <cstdint>
#include <vector>

#include "runtime/artifact/spec.h"

namespace graft::internal_artifact {

// What a header says about the rest of its file.
struct HeaderLayout {
  std::vector<uint64_t> data_offsets;  // of slots, in the weights
  std::vector<schema::Segment> segments;
  int32_t weights = -1;         // segment
  int32_t tokenizer_data = -1;  // segment
  uint32_t first_code = 0;      // segment of the first target
};

// The finished header of `spec`, which must have passed CheckSpec. Its size
// does not depend on the offsets and sizes in `layout`.
flatbuffers::FlatBufferBuilder EncodeHeader(const ArtifactSpec& spec,
                                            const HeaderLayout& layout);

}  // namespace graft::internal_artifact

#endif  // GRAFT_RUNTIME_ARTIFACT_ENCODE_HEADER_H_
