// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/temporary_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>

namespace graft {
namespace {

// Names for a signal handler: whoever takes one out of the table owns it.
constexpr size_t kTemporaries = 64;
std::atomic<const char*> temporaries[kTemporaries];

// What the kernel writes for each name in a directory, before the name.
// opendir allocates, which a signal handler may not.
struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  uint16_t size;  // of the whole entry
  uint8_t type;
};
constexpr size_t kNameOffset = offsetof(DirectoryEntry, type) + 1;

bool IsSelfOrParent(const char* name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

// Removes what a directory holds. Its directories, too, down to `depth`.
void Empty(int directory, int depth) {
  alignas(DirectoryEntry) char entries[2048];
  long size;
  while ((size = ::syscall(SYS_getdents64, directory, entries,
                           sizeof(entries))) > 0) {
    for (long i = 0; i < size;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(entries + i);
      const char* name = entries + i + kNameOffset;
      i += entry->size;
      if (IsSelfOrParent(name) || ::unlinkat(directory, name, 0) == 0) continue;
      if (entry->type != DT_DIR || depth == 0) continue;
      const int inner =
          ::openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (inner < 0) continue;
      Empty(inner, depth - 1);
      ::close(inner);
      ::unlinkat(directory, name, AT_REMOVEDIR);
    }
  }
}

// Threads between the creation of a file and its entry in the table, and
// whether a signal ends the process.
std::atomic<int> creating{0};
std::atomic<bool> ending{false};

// Deeper than any directory that Graft makes for a while.
constexpr int kDepth = 4;
// Another thread may still write into a directory that is removed.
constexpr int kTries = 3;

void RemoveDirectory(const char* path) {
  for (int i = 0; i < kTries; ++i) {
    const int directory = ::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (directory < 0) return;
    Empty(directory, kDepth);
    ::close(directory);
    if (::rmdir(path) == 0) return;
  }
}

}  // namespace

CreationSection::CreationSection() {
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, signal);
  pthread_sigmask(SIG_BLOCK, &ends, &before_);
  ++creating;
  if (!ending) return;
  // What would be created now would be left behind.
  Leave();
  while (true) ::pause();
}

CreationSection::~CreationSection() { Leave(); }

void CreationSection::Leave() {
  --creating;
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void AddTemporary(const std::string& path) {
  for (std::atomic<const char*>& entry : temporaries) {
    const char* empty = nullptr;
    if (entry.compare_exchange_strong(empty, path.c_str())) return;
  }
}

void DropTemporary(const std::string& path) {
  for (std::atomic<const char*>& entry : temporaries) {
    const char* known = path.c_str();
    if (entry.compare_exchange_strong(known, nullptr)) return;
  }
}

void RemoveTemporaryFiles() {
  ending = true;
  while (creating > 0) sched_yield();
  for (std::atomic<const char*>& entry : temporaries) {
    const char* const path = entry.exchange(nullptr);
    if (path == nullptr || ::unlink(path) == 0) continue;
    if (errno == EISDIR || errno == EPERM) RemoveDirectory(path);
  }
}

}  // namespace graft
