// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/plugin.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"
#include "mlir/IR/DialectRegistry.h"

namespace graft {
namespace {

constexpr char kEntry[] = "graftGetPlugin";

llvm::Error pluginError(llvm::StringRef path, const llvm::Twine& what) {
  return llvm::createStringError(path + ": " + what);
}

}  // namespace

llvm::Expected<const Plugin*> loadPlugin(llvm::StringRef path,
                                         mlir::DialectRegistry& registry) {
  if (!llvm::sys::fs::exists(path)) return pluginError(path, "no such file");
  // A bare name would be looked up among the system's libraries.
  llvm::SmallString<128> absolute(path);
  if (std::error_code error = llvm::sys::fs::make_absolute(absolute))
    return pluginError(path, error.message());
  std::string message;
  auto library = llvm::sys::DynamicLibrary::getPermanentLibrary(
      absolute.c_str(), &message);
  if (!library.isValid())
    return pluginError(path, "expects a shared library, got: " + message);
  void* symbol = library.getAddressOfSymbol(kEntry);
  if (!symbol)
    return pluginError(path, llvm::Twine("expects a plug-in, which defines ") +
                                 kEntry + ", got a library without it");
  const Plugin* plugin = reinterpret_cast<decltype(&graftGetPlugin)>(symbol)();
  if (!plugin) return pluginError(path, "expects a plug-in, got null");
  if (plugin->apiVersion != kPluginApiVersion)
    return pluginError(path, "expects a plug-in for API version " +
                                 llvm::Twine(kPluginApiVersion) +
                                 ", got one for " +
                                 llvm::Twine(plugin->apiVersion));
  static llvm::DenseSet<const Plugin*> known;
  if (plugin->registerDialects) plugin->registerDialects(registry);
  if (!known.insert(plugin).second) return plugin;
  if (plugin->registerPasses) plugin->registerPasses();
  if (plugin->registerTargets)
    if (llvm::Error error = plugin->registerTargets())
      return pluginError(path, llvm::toString(std::move(error)));
  return plugin;
}

llvm::Error loadPlugins(int argc, char** argv,
                        mlir::DialectRegistry& registry) {
  for (int i = 1; i < argc && llvm::StringRef(argv[i]) != "--"; ++i) {
    llvm::StringRef path(argv[i]);
    if (!path.consume_front("-")) continue;
    path.consume_front("-");
    if (!path.consume_front("plugin")) continue;
    if (path.empty() && i + 1 < argc)
      path = argv[++i];
    else if (!path.consume_front("="))
      continue;
    llvm::Expected<const Plugin*> plugin = loadPlugin(path, registry);
    if (!plugin) return plugin.takeError();
  }
  return llvm::Error::success();
}

}  // namespace graft
