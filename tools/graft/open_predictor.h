// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A trained artifact on the device that a user chose, for the commands that
// predict.

#ifndef GRAFT_TOOLS_GRAFT_OPEN_PREDICTOR_H_
#define GRAFT_TOOLS_GRAFT_OPEN_PREDICTOR_H_

#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "runtime/predict/predictor.h"
#include "tools/open_device.h"

namespace graft {

struct OpenedPredictor {
  // Outlives the predictor, which runs on it.
  std::unique_ptr<Device> device;
  std::unique_ptr<Predictor> predictor;
};

// Adds --no-verify, which sets `verify` to false. `verify` must outlive the
// parsing.
void AddVerifyOption(CLI::App& command, bool& verify);

// Adds --head. `head` must outlive the parsing.
CLI::Option* AddHeadOption(CLI::App& command, std::string& head);

// Checks the weights against their checksums if `verify`, in a thread beside
// the rest of the start. Errors as those of OpenDevice, Artifact::Load,
// Artifact::VerifyWeights and Predictor::Create; a `head` that the artifact
// lacks, or none of several, or rows that choose where it has nothing to choose
// from, is a usage error.
absl::StatusOr<OpenedPredictor> OpenPredictor(const std::string& artifact,
                                              const DeviceChoice& device,
                                              bool verify,
                                              const HeadChoice& head);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_OPEN_PREDICTOR_H_
