// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Plug-ins: shared libraries that bring dialects, passes, families of models
// and targets to Graft's tools (`--plugin=FILE.so`). docs/writing-a-pass.md
// shows one from the start.

#ifndef GRAFT_PASSES_PLUGIN_H_
#define GRAFT_PASSES_PLUGIN_H_

#include <cstdint>

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir {
class DialectRegistry;
}  // namespace mlir

namespace graft {

class FamilyRegistry;  // frontend/model_family.h

// Grows when `Plugin` or the meaning of a public header changes so that a
// plug-in must be built again.
inline constexpr uint32_t kPluginApiVersion = 2;

// What a plug-in brings. Callbacks may be null. Objects and strings live as
// long as the process: a plug-in is never unloaded.
struct Plugin {
  uint32_t apiVersion;  // kPluginApiVersion; first in every version
  const char* name;     // for messages and the artifact's provenance

  // Inserts dialects, and extensions that attach interfaces.
  void (*registerDialects)(mlir::DialectRegistry& registry);
  // Adds passes to MLIR's global registry; called once per process.
  void (*registerPasses)();
  // Adds families of models; called by tools that import checkpoints.
  void (*registerFamilies)(FamilyRegistry& families) = nullptr;
  // Adds targets by registerTarget (passes/lower/target.h); called once per
  // process. Names of targets are known to options from then on.
  llvm::Error (*registerTargets)() = nullptr;
};

// Loads the library at `path`, calls its `graftGetPlugin` and checks the API
// version; then registers its dialects in `registry`, its passes and targets.
// Errors name the file, what was expected and what was found. Not thread-safe.
llvm::Expected<const Plugin*> loadPlugin(llvm::StringRef path,
                                         mlir::DialectRegistry& registry);

// Loads what `--plugin=FILE` and `--plugin FILE` name on a command line, up to
// `--`: for tools whose options are LLVM's, which must know a plug-in's passes
// before they parse. As loadPlugin.
llvm::Error loadPlugins(int argc, char** argv, mlir::DialectRegistry& registry);

}  // namespace graft

// The one symbol that a plug-in defines. Never null.
extern "C" const graft::Plugin* graftGetPlugin();

#endif  // GRAFT_PASSES_PLUGIN_H_
