// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a process and its children, makes one of their writes fail as
// on a full disk: number GRAFT_FAULT_AT, counted over all of them from 1 in the
// shared file GRAFT_FAULT_STATE (two 64-bit numbers: calls so far, and how many
// failed). With GRAFT_FAULT_STAYS all later ones fail, too. Half of the bytes
// of a write that fails are written, as what does not fit is cut off.
//
// A write is any call that puts bytes or names on a disk or into standard
// output. Standard error does not count, nor do calls inside the C library, so
// those that write in the end are here: mkstemp beside open, fwrite and fflush
// to standard output beside write.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic long* state;
static long fail_at;
static int stays;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void Start(void) {
  const char* path = getenv("GRAFT_FAULT_STATE");
  const char* at = getenv("GRAFT_FAULT_AT");
  if (!path || !at) return;
  const int fd = REAL(open)(path, O_RDWR);
  if (fd < 0) return;
  void* data =
      mmap(NULL, 2 * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (data == MAP_FAILED) return;
  fail_at = atol(at);
  stays = getenv("GRAFT_FAULT_STAYS") != NULL;
  state = data;
}

// Counts a call; whether it is one to fail, which GRAFT_FAULT_NAMED tells.
static int Fails(const char* call, const char* path) {
  if (!state) return 0;
  const long number = atomic_fetch_add(&state[0], 1) + 1;
  if (stays ? number < fail_at : number != fail_at) return 0;
  if (getenv("GRAFT_FAULT_NAMED"))
    dprintf(STDERR_FILENO, "fails: %ld %s %s\n", number, call, path);
  atomic_fetch_add(&state[1], 1);
  errno = ENOSPC;
  return 1;
}

ssize_t write(int fd, const void* data, size_t size) {
  if (fd == STDERR_FILENO || !Fails("write", ""))
    return REAL(write)(fd, data, size);
  if (size > 1 && REAL(write)(fd, data, size / 2) < 0) return -1;
  errno = ENOSPC;
  return -1;
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (fd != STDERR_FILENO && Fails("writev", "")) return -1;
  return REAL(writev)(fd, parts, count);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  return Fails("pwrite", "") ? -1 : REAL(pwrite)(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  return Fails("pwrite", "") ? -1 : REAL(pwrite64)(fd, data, size, offset);
}

ssize_t sendfile(int to, int from, off_t* offset, size_t size) {
  return Fails("sendfile", "") ? -1 : REAL(sendfile)(to, from, offset, size);
}

ssize_t copy_file_range(int from, off64_t* from_offset, int to,
                        off64_t* to_offset, size_t size, unsigned flags) {
  if (Fails("copy_file_range", "")) return -1;
  return REAL(copy_file_range)(from, from_offset, to, to_offset, size, flags);
}

int fsync(int fd) { return Fails("fsync", "") ? -1 : REAL(fsync)(fd); }

int fdatasync(int fd) {
  return Fails("fdatasync", "") ? -1 : REAL(fdatasync)(fd);
}

// Some file systems tell only here that a write has failed.
int close(int fd) {
  struct stat found;
  const int flags = fcntl(fd, F_GETFL);
  const int writes = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY &&
                     fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
  const int fails = writes && Fails("close", "");
  const int result = REAL(close)(fd);
  if (!fails) return result;
  errno = ENOSPC;
  return -1;
}

int ftruncate(int fd, off_t size) {
  return Fails("ftruncate", "") ? -1 : REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size) {
  return Fails("ftruncate", "") ? -1 : REAL(ftruncate64)(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t size) {
  return Fails("posix_fallocate", "") ? ENOSPC
                                      : REAL(posix_fallocate)(fd, offset, size);
}

int posix_fallocate64(int fd, off64_t offset, off64_t size) {
  return Fails("posix_fallocate", "")
             ? ENOSPC
             : REAL(posix_fallocate64)(fd, offset, size);
}

int rename(const char* from, const char* to) {
  return Fails("rename", to) ? -1 : REAL(rename)(from, to);
}

int link(const char* from, const char* to) {
  return Fails("link", to) ? -1 : REAL(link)(from, to);
}

int symlink(const char* from, const char* to) {
  return Fails("symlink", to) ? -1 : REAL(symlink)(from, to);
}

int mkdir(const char* path, mode_t mode) {
  // To make what is there already is no write.
  struct stat found;
  if (stat(path, &found) != 0 && Fails("mkdir", path)) return -1;
  return REAL(mkdir)(path, mode);
}

char* mkdtemp(char* path) {
  return Fails("mkdtemp", path) ? NULL : REAL(mkdtemp)(path);
}

int mkostemp(char* path, int flags) {
  return Fails("mkostemp", path) ? -1 : REAL(mkostemp)(path, flags);
}

int mkostemp64(char* path, int flags) {
  return Fails("mkostemp", path) ? -1 : REAL(mkostemp64)(path, flags);
}

size_t fwrite(const void* data, size_t size, size_t count, FILE* file) {
  if (file == stdout && Fails("fwrite", "")) return 0;
  return REAL(fwrite)(data, size, count, file);
}

int fflush(FILE* file) {
  // Without anything to write it cannot fail.
  if (file == stdout && __fpending(stdout) > 0 && Fails("fflush", ""))
    return EOF;
  return REAL(fflush)(file);
}

// One that makes a file, not one that opens what is there.
static int Makes(int folder, const char* path, int flags) {
  struct stat found;
  if (!(flags & O_CREAT)) return 0;
  return (flags & O_TRUNC) || fstatat(folder, path, &found, 0) != 0;
}

#define MODE(flags)                                                    \
  va_list arguments;                                                   \
  va_start(arguments, flags);                                          \
  const mode_t mode =                                                  \
      (flags) & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0; \
  va_end(arguments)

int open(const char* path, int flags, ...) {
  MODE(flags);
  if (Makes(AT_FDCWD, path, flags) && Fails("open", path)) return -1;
  return REAL(open)(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  MODE(flags);
  if (Makes(AT_FDCWD, path, flags) && Fails("open", path)) return -1;
  return REAL(open64)(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  MODE(flags);
  if (Makes(folder, path, flags) && Fails("openat", path)) return -1;
  return REAL(openat)(folder, path, flags, mode);
}

int openat64(int folder, const char* path, int flags, ...) {
  MODE(flags);
  if (Makes(folder, path, flags) && Fails("openat", path)) return -1;
  return REAL(openat64)(folder, path, flags, mode);
}
