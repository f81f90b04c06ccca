// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_ARTIFACT_ENCODE_HOST_H_
#define GRAFT_RUNTIME_ARTIFACT_ENCODE_HOST_H_

#include "runtime/artifact/spec.h"

namespace graft::internal_artifact {

// The vectors of a header that DecodeHost reads.
struct EncodedHost {
  template <typename Table>
  using Tables =
      flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<Table>>>;

  Tables<schema::Stream> streams;
  Tables<schema::Cache> caches;
  Tables<schema::Register> registers;
  Tables<schema::HostProgram> programs;
  Tables<schema::Parameter> parameters;
};

EncodedHost EncodeHost(const ArtifactSpec& spec,
                       flatbuffers::FlatBufferBuilder& builder);

}  // namespace graft::internal_artifact

#endif  // GRAFT_RUNTIME_ARTIFACT_ENCODE_HOST_H_
