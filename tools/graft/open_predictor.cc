// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/open_predictor.h"

#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/artifact/artifact.h"
#include "runtime/base/status_macros.h"
#include "tools/graft/usage_error.h"

namespace graft {

CLI::Option* AddHeadOption(CLI::App& command, std::string& head) {
  return command.add_option(
      "--head", head, "head of an artifact that has several, such as first");
}

void AddVerifyOption(CLI::App& command, bool& verify) {
  command.add_flag_callback(
      "--no-verify", [&verify] { verify = false; },
      "do not compare the weights with their checksums before they are used");
}

absl::StatusOr<OpenedPredictor> OpenPredictor(const std::string& artifact,
                                              const DeviceChoice& device,
                                              bool verify,
                                              const HeadChoice& head) {
  OpenedPredictor opened;
  GRAFT_ASSIGN_OR_RETURN(opened.device, OpenDevice(device));
  LoadOptions load;
  load.device = opened.device.get();
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> program,
                         Artifact::Load(FileSystem::Posix(), artifact, load));
  if (const absl::Status found = Predictor::CheckHead(*program, head);
      !found.ok())
    return UsageError(absl::StrCat(
        head.of_rows ? "--head-column: " : "--head: ", found.message()));
  absl::Status verified;
  std::thread check;
  if (verify) check = std::thread([&] { verified = program->VerifyWeights(); });
  absl::StatusOr<std::unique_ptr<Predictor>> predictor =
      Predictor::Create(program, head);
  if (verify) check.join();
  GRAFT_RETURN_IF_ERROR(verified);
  GRAFT_ASSIGN_OR_RETURN(opened.predictor, std::move(predictor));
  if (const std::string untrained = DescribeUntrained(*program);
      !untrained.empty())
    std::fprintf(stderr, "graft: %s\n", untrained.c_str());
  return opened;
}

}  // namespace graft
