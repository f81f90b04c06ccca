// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The device interface: a processor with memory that runs compiled kernels.
// README.md says how to add one.

#ifndef GRAFT_RUNTIME_DEVICE_DEVICE_H_
#define GRAFT_RUNTIME_DEVICE_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/schema/kernel_abi.h"

namespace graft {

// An address in device memory. Only kernels and queues of that device follow
// it; the host uses Buffer::host instead. Kernels see the same 64 bits.
struct DevicePointer {
  void* value = nullptr;

  DevicePointer operator+(uint64_t bytes) const {
    return {
        reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(value) + bytes)};
  }
};
// A span of these is the `buffers` argument of a GraftKernel.
static_assert(sizeof(DevicePointer) == sizeof(void*) &&
              std::is_standard_layout_v<DevicePointer>);

// A range of memory that a device's commands can use. The destructor releases
// the memory; no command that uses the buffer may be pending then.
class Buffer {
 public:
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  DevicePointer data() const { return data_; }
  uint64_t size() const { return size_; }
  // The host's address of the same bytes, or null if the host cannot access
  // them. The host may use it only while no command that uses the buffer is
  // pending.
  uint8_t* host() const { return host_; }

 protected:
  Buffer(DevicePointer data, uint64_t size, uint8_t* host)
      : data_(data), size_(size), host_(host) {}

 private:
  const DevicePointer data_;
  const uint64_t size_;
  uint8_t* const host_;
};

// Compiled kernels as an artifact stores them. Everything is borrowed.
struct CodeImage {
  absl::string_view kind;    // of the device: "cpu"
  absl::string_view format;  // of `bytes`: "elf"
  absl::string_view level;   // ISA level: "avx2"
  absl::string_view triple;  // of LLVM: "x86_64-pc-linux-gnu"
  absl::Span<const uint8_t> bytes;
};

// A kernel of loaded code. Only its device knows what `value` means.
struct KernelHandle {
  const void* value = nullptr;
};

// Loaded code. Immutable, hence thread-safe. Its kernels are valid as long as
// it lives; no launch of them may be pending when it is destroyed.
class Code {
 public:
  virtual ~Code() = default;

  // NOT_FOUND if there is no kernel with this symbol.
  virtual absl::StatusOr<KernelHandle> Find(
      const std::string& symbol) const = 0;
};

// One execution of a kernel; kernel_abi.h defines what the arguments mean.
struct KernelLaunch {
  KernelHandle kernel;
  absl::Span<const DevicePointer> buffers;
  absl::Span<const int64_t> sizes;
  const GraftRandomState* random = nullptr;
  // The grid: the device runs work items [0, items) in any order and in
  // parallel. Results must not depend on how it cuts them. 0 is allowed.
  int64_t items = 0;
};

// A point in the work of a queue. Thread-compatible.
class Event {
 public:
  virtual ~Event() = default;

  // Whether the last Record has been reached; true if there was none.
  virtual bool done() const = 0;
  // Blocks until done. Returns the error of the queue, if its commands failed.
  virtual absl::Status Wait() = 0;
};

// Runs commands in the order of the calls. A call may return before its command
// has run; everything in a KernelLaunch and in its spans is read before the
// call returns. A command that fails fails the queue: later commands do not
// run, and every later call returns the first error.
//
// Ranges of device memory must lie in buffers of the same device. Calls
// allocate no host memory on devices that say so (the CPU). Thread-compatible:
// one thread at a time. The destructor waits for pending commands.
class Queue {
 public:
  virtual ~Queue() = default;

  virtual absl::Status Launch(const KernelLaunch& launch) = 0;

  // Copies `bytes` bytes. Host memory must stay valid, and unchanged as a
  // source, until Wait or an event that is recorded later. Any alignment. The
  // ranges of Copy must not overlap.
  virtual absl::Status CopyToDevice(DevicePointer to, const void* from,
                                    uint64_t bytes) = 0;
  virtual absl::Status CopyToHost(void* to, DevicePointer from,
                                  uint64_t bytes) = 0;
  virtual absl::Status Copy(DevicePointer to, DevicePointer from,
                            uint64_t bytes) = 0;
  // Repeats the 4 bytes of `pattern`; the last repetition may be cut.
  virtual absl::Status Fill(DevicePointer to, uint32_t pattern,
                            uint64_t bytes) = 0;

  // Marks this point: `event` is done once all earlier commands are. An event
  // that is recorded again forgets the point before.
  virtual absl::Status Record(Event& event) = 0;
  // Later commands of this queue run after the point that `event`, of any queue
  // of the same device, marks now. Does not block the caller.
  virtual absl::Status WaitFor(const Event& event) = 0;
  // Blocks until all commands have run.
  virtual absl::Status Wait() = 0;
};

// What a user chooses about a device. A device ignores what it has no use for.
struct DeviceOptions {
  // Host threads that compute for each queue; 0: what the process may use.
  int threads = 0;
  // Whether each of these threads but the caller's stays on one processor.
  bool pin_threads = false;
  // ISA level of the code to load; empty: the best that the device runs.
  std::string level = {};
};

// Thread-safe. Must outlive what it creates.
class Device {
 public:
  virtual ~Device() = default;

  // For messages: "cpu".
  virtual absl::string_view name() const = 0;

  // How well the device runs an image, judged without its bytes: higher is
  // better, 0 means not at all.
  virtual int RankCode(const CodeImage& image) const = 0;
  // The code that RankCode accepts, for messages: "cpu code of ISA level avx2".
  virtual std::string DescribeCode() const = 0;
  // FAILED_PRECONDITION if RankCode is 0 or the bytes cannot be loaded; starts
  // with `where`. Loading code may run it: load only what you trust.
  virtual absl::StatusOr<std::unique_ptr<Code>> LoadCode(
      const CodeImage& image, absl::string_view where) = 0;

  // Whether buffers of Reserve have a host address, so that no copy is needed.
  virtual bool host_visible() const = 0;
  // Memory for kernels: zeroed and aligned to GRAFT_BUFFER_ALIGNMENT at least.
  // 0 bytes are allowed. RESOURCE_EXHAUSTED names `what` and the bytes.
  virtual absl::StatusOr<std::unique_ptr<Buffer>> Reserve(
      uint64_t bytes, absl::string_view what) = 0;
  // Host memory from which and to which this device copies fastest (pinned, if
  // that makes a difference). `host` is never null, except for 0 bytes; only
  // the host and copies use it. Errors as for Reserve.
  virtual absl::StatusOr<std::unique_ptr<Buffer>> ReserveHost(
      uint64_t bytes, absl::string_view what) = 0;
  // Makes host memory readable for kernels without a copy; the caller keeps it
  // alive and unchanged. UNIMPLEMENTED if the device reads its own memory only.
  virtual absl::StatusOr<std::unique_ptr<Buffer>> MapHost(
      absl::Span<const uint8_t> bytes) = 0;

  // Queues of one device run independently of each other.
  virtual absl::StatusOr<std::unique_ptr<Queue>> CreateQueue() = 0;
  virtual absl::StatusOr<std::unique_ptr<Event>> CreateEvent() = 0;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_DEVICE_H_
