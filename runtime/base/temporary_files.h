// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_BASE_TEMPORARY_FILES_H_
#define GRAFT_RUNTIME_BASE_TEMPORARY_FILES_H_

namespace graft {

// Removes the temporary files of all atomic files of FileSystem::Posix that are
// being written (FileSystem::CreateAtomic): their places stay as they are. For
// a signal handler that ends the process.
void RemoveTemporaryFiles();

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_TEMPORARY_FILES_H_
