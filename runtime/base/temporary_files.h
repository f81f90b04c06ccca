// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_BASE_TEMPORARY_FILES_H_
#define GRAFT_RUNTIME_BASE_TEMPORARY_FILES_H_

#include <csignal>
#include <string>

namespace graft {

// Lets RemoveTemporaryFiles remove the file or directory `path` until
// DropTemporary is called with the same object, which must not move. Beyond 64
// at a time a signal leaves them behind. Thread-safe.
void AddTemporary(const std::string& path);
void DropTemporary(const std::string& path);

// Around the creation of a file or directory and its AddTemporary. While it
// lives, this thread gets no signal that ends the process, and a handler in
// another one waits for it.
class CreationSection {
 public:
  CreationSection();
  ~CreationSection();
  CreationSection(const CreationSection&) = delete;
  CreationSection& operator=(const CreationSection&) = delete;

 private:
  void Leave();

  sigset_t before_;
};

// Removes the temporary files of all atomic files of FileSystem::Posix that are
// being written (FileSystem::CreateAtomic): their places stay as they are.
// Removes every TemporaryDirectory with its files, too. For a signal handler
// that ends the process by SIGINT, SIGTERM or SIGHUP, async-signal-safe:
// threads that create such a file afterwards wait for the end.
void RemoveTemporaryFiles();

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_TEMPORARY_FILES_H_
