// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/open_predictor.h"

#include "runtime/artifact/artifact.h"
#include "runtime/base/status_macros.h"

namespace graft {

absl::StatusOr<OpenedPredictor> OpenPredictor(const std::string& artifact,
                                              const DeviceChoice& device) {
  OpenedPredictor opened;
  GRAFT_ASSIGN_OR_RETURN(opened.device, OpenDevice(device));
  LoadOptions load;
  load.device = opened.device.get();
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> program,
                         Artifact::Load(FileSystem::Posix(), artifact, load));
  GRAFT_ASSIGN_OR_RETURN(opened.predictor, Predictor::Create(program));
  return opened;
}

}  // namespace graft
