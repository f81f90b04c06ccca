// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/registry.h"

#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/device/plugin.h"

namespace graft {
namespace {

constexpr char kEntry[] = "graftGetDevicePlugin";

absl::Status PluginError(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<const DevicePlugin*> LoadPlugin(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return PluginError(path, "no such file");
  // The loader would look up a bare name among the system's libraries.
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).string();
  if (error) return PluginError(path, error.message());
  void* library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* found = dlerror();
    return PluginError(path, absl::StrCat("expects a shared library, got: ",
                                          found != nullptr ? found : ""));
  }
  void* symbol = dlsym(library, kEntry);
  if (symbol == nullptr) {
    return PluginError(path,
                       absl::StrCat("expects a device plug-in, which "
                                    "defines ",
                                    kEntry, ", got a library without it"));
  }
  const DevicePlugin* plugin =
      reinterpret_cast<decltype(&graftGetDevicePlugin)>(symbol)();
  if (plugin == nullptr) {
    return PluginError(path, "expects a device plug-in, got null");
  }
  if (plugin->api_version != kDevicePluginApiVersion) {
    return PluginError(path,
                       absl::StrCat("expects a device plug-in for API version ",
                                    kDevicePluginApiVersion, ", got one for ",
                                    plugin->api_version));
  }
  return plugin;
}

}  // namespace

absl::Status DeviceRegistry::Add(const std::string& name,
                                 DeviceFactory factory) {
  if (factories_.emplace(name, std::move(factory)).second) {
    return absl::OkStatus();
  }
  return absl::AlreadyExistsError(
      absl::StrCat("device: expects a new name, got ", name));
}

absl::StatusOr<std::string> DeviceRegistry::AddPlugin(const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(const DevicePlugin* plugin, LoadPlugin(path));
  std::string name = plugin->name;
  if (absl::Status added = Add(name, plugin->create); !added.ok()) {
    return PluginError(path, added.message());
  }
  return name;
}

absl::StatusOr<std::unique_ptr<Device>> DeviceRegistry::Create(
    const std::string& name, const DeviceOptions& options) const {
  const auto found = factories_.find(name);
  if (found != factories_.end()) return found->second(options);
  std::vector<std::string> names;
  for (const auto& [known, factory] : factories_) names.push_back(known);
  return absl::NotFoundError(absl::StrCat(
      "device: expects one of ", absl::StrJoin(names, ", "), ", got ", name));
}

}  // namespace graft
