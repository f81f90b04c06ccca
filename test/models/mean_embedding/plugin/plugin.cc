// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/plugin.h"

#include "family.h"

extern "C" const graft::Plugin* graftGetPlugin() {
  static constexpr graft::Plugin plugin = {
      graft::kPluginApiVersion, "mean_embedding", nullptr, nullptr,
      [](graft::FamilyRegistry& families) {
        families.add(mean_embedding::createFamily());
      }};
  return &plugin;
}
