// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What Graft calls when it loads this library.

#include "passes/plugin.h"

#include "example.h"
#include "mlir/IR/DialectRegistry.h"

extern "C" const graft::Plugin* graftGetPlugin() {
  static constexpr graft::Plugin plugin = {
      graft::kPluginApiVersion, "example",
      [](mlir::DialectRegistry& registry) {
        registry.insert<example::ExampleDialect>();
      },
      [] { example::registerExamplePasses(); }};
  return &plugin;
}
