// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/native/link.h"

#include <mutex>

#include "lld/Common/Driver.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "runtime/base/file.h"
#include "runtime/base/temporary_directory.h"

LLD_HAS_DRIVER(elf)

namespace graft {
namespace {

// Writes an object under its own symbol to the file `path`.
llvm::Error writeObject(const NamedObject& object, const std::string& path) {
  auto parsed = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef({object.bytes.data(), object.bytes.size()}, path));
  if (!parsed) return parsed.takeError();
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  llvm::objcopy::ConfigManager config;
  config.Common.SymbolsToRename[kObjectSymbol] = object.symbol;
  llvm::Error failed =
      llvm::objcopy::executeObjcopyOnBinary(config, **parsed, file);
  file.close();
  if (!error) error = file.error();
  file.clear_error();  // or it ends the process
  if (failed || !error) return failed;
  return llvm::createStringError("cannot write " + path + ": " +
                                 error.message());
}

}  // namespace

llvm::Expected<std::string> linkSharedObject(
    const std::vector<NamedObject>& objects) {
  absl::StatusOr<TemporaryDirectory> folder = TemporaryDirectory::Create();
  if (!folder.ok())
    return llvm::createStringError(std::string(folder.status().message()));
  std::string output = JoinPath(folder->path(), "kernels.so");
  std::vector<std::string> words = {"ld.lld",
                                    "-shared",
                                    "-z",
                                    "noexecstack",
                                    "--gc-sections",
                                    "--threads=1",
                                    "--hash-style=gnu",
                                    "--build-id=none",
                                    "-soname=graft-kernels.so",
                                    "-o",
                                    output};
  for (const auto& [index, object] : llvm::enumerate(objects)) {
    std::string name = JoinPath(folder->path(), std::to_string(index) + ".o");
    if (llvm::Error error = writeObject(object, name)) return error;
    words.push_back(name);
  }
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());

  std::string messages;
  {
    static std::mutex mutex;
    std::lock_guard<std::mutex> lock(mutex);
    llvm::raw_string_ostream stream(messages);
    lld::Result result =
        lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
    if (result.retCode != 0 || !result.canRunAgain)
      return llvm::createStringError("lld failed: " + messages);
  }
  auto bytes = llvm::MemoryBuffer::getFile(output);
  if (!bytes)
    return llvm::createStringError("cannot read " + output + ": " +
                                   bytes.getError().message());
  return (*bytes)->getBuffer().str();
}

}  // namespace graft
