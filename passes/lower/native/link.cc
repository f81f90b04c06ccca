// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/native/link.h"

#include <mutex>

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

namespace graft {
namespace {

// A folder that disappears with its files.
class TemporaryFolder {
 public:
  ~TemporaryFolder() {
    if (!path.empty()) llvm::sys::fs::remove_directories(path);
  }
  std::error_code create() {
    return llvm::sys::fs::createUniqueDirectory("graft-link", path);
  }
  std::string file(const llvm::Twine& name) const {
    llvm::SmallString<128> file(path);
    llvm::sys::path::append(file, name);
    return file.str().str();
  }

 private:
  llvm::SmallString<128> path;
};

}  // namespace

llvm::Expected<std::string> linkSharedObject(
    llvm::ArrayRef<llvm::SmallVector<char, 0>> objects) {
  TemporaryFolder folder;
  if (std::error_code error = folder.create())
    return llvm::createStringError(
        error, "cannot make a temporary folder for the linker");
  std::string output = folder.file("kernels.so");
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
    std::string name = folder.file(llvm::Twine(index) + ".o");
    std::error_code error;
    llvm::raw_fd_ostream file(name, error);
    file.write(object.data(), object.size());
    file.close();
    if (!error) error = file.error();
    if (error) {
      file.clear_error();
      return llvm::createStringError("cannot write " + name + ": " +
                                     error.message());
    }
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
