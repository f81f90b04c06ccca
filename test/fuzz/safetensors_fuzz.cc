// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a safetensors file. An accepted file is covered exactly by its
// tensors, and every byte of them can be read.

#include <algorithm>
#include <cstring>
#include <vector>

#include "runtime/formats/safetensors.h"
#include "test/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = graft::SafetensorsFile::FromBytes({data, size}, "f");
  if (!file.ok()) {
    GRAFT_FUZZ_CHECK(absl::IsInvalidArgument(file.status()));
    GRAFT_FUZZ_CHECK(!file.status().message().empty());
    return 0;
  }
  uint64_t header;
  std::memcpy(&header, data, sizeof(header));
  uint64_t total = sizeof(header) + header;
  volatile uint8_t sum = 0;
  for (const graft::TensorView& tensor : (*file)->tensors()) {
    GRAFT_FUZZ_CHECK((*file)->Find(tensor.name) == &tensor);
    const auto bytes = graft::TensorBytes(tensor.dtype, tensor.shape);
    GRAFT_FUZZ_CHECK(bytes.ok() && *bytes == tensor.data.size());
    total += tensor.data.size();
    for (const uint8_t byte : tensor.data) sum = sum ^ byte;
    std::vector<float> values(tensor.data.size() /
                              graft::DTypeSize(tensor.dtype));
    (*file)
        ->ReadFloats(tensor.name, tensor.shape, absl::MakeSpan(values))
        .IgnoreError();
  }
  GRAFT_FUZZ_CHECK(total == size);
  GRAFT_FUZZ_CHECK(absl::IsNotFound((*file)->Get("\xFF").status()));
  return 0;
}
