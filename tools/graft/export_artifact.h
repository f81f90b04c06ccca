// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// From a trained artifact to directories of Hugging Face.

#ifndef GRAFT_TOOLS_GRAFT_EXPORT_ARTIFACT_H_
#define GRAFT_TOOLS_GRAFT_EXPORT_ARTIFACT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/formats/dtype.h"

namespace graft {

struct ExportReport {
  std::string untrained;  // as DescribeUntrained says
  std::vector<std::string> labels;
  size_t tensors = 0;
};

// Writes the model of the artifact `path` to `directory`, which must be new or
// empty, with weights of element type `dtype`: F32, F16 or BF16. Errors name
// the file, what was expected and what was found.
absl::StatusOr<ExportReport> ExportArtifact(FileSystem& files,
                                            const std::string& path,
                                            const std::string& directory,
                                            DType dtype);

// Writes the low-rank adapters of the artifact `path`, and what else was
// trained, to `directory` as Hugging Face PEFT has them, and labels.json with
// the labels of a head that was. `base` names the pretrained model; empty:
// nothing does.
absl::StatusOr<ExportReport> ExportAdapters(FileSystem& files,
                                            const std::string& path,
                                            const std::string& directory,
                                            DType dtype,
                                            const std::string& base);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_EXPORT_ARTIFACT_H_
