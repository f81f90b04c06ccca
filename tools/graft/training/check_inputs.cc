// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/check_inputs.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/hf_directory.h"
#include "runtime/formats/safetensors.h"

namespace graft {

absl::Status CheckInputs(const FinetuneOptions& options) {
  FileSystem& files = FileSystem::Posix();
  if (!options.model.empty())
    GRAFT_RETURN_IF_ERROR(
        CheckCheckpointDirectory(files, options.model, options.model));
  // A device of Graft itself is only missing if Graft is.
  if (!options.device.plugin.empty())
    GRAFT_RETURN_IF_ERROR(OpenDevice(options.device).status());
  if (!options.initial.empty())
    GRAFT_RETURN_IF_ERROR(
        SafetensorsFile::Open(files, options.initial).status());
  const std::string& stages = options.dump_stages;
  if (!stages.empty() && files.Exists(stages) && !files.IsDirectory(stages))
    return absl::InvalidArgumentError(absl::StrCat(
        "--dump-stages: expects a directory, got the file ", stages));
  return absl::OkStatus();
}

}  // namespace graft
