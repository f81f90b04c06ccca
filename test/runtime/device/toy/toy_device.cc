// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A second device, as a plug-in: the CPU's code in memory that the host cannot
// access, behind one asynchronous queue. It has what a GPU has and a CPU has
// not, so tests find a host that follows a device pointer, forgets a copy, or
// does not wait.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/status_macros.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/plugin.h"
#include "test/runtime/device/toy/toy_memory.h"

namespace graft {
namespace {

constexpr absl::string_view kName = "toy";

class ToyBuffer final : public Buffer {
 public:
  ToyBuffer(ToyMemory& memory, DevicePointer data, uint64_t size)
      : Buffer(data, size, nullptr), memory_(memory) {}
  ~ToyBuffer() override { memory_.Free(data()); }

 private:
  ToyMemory& memory_;
};

class ToyHostBuffer final : public Buffer {
 public:
  explicit ToyHostBuffer(MemoryRegion region)
      : Buffer({}, region.size(), region.data()), region_(std::move(region)) {}

 private:
  const MemoryRegion region_;
};

// The thread that runs the commands of all queues, in the order of the calls.
class Worker {
 public:
  explicit Worker(std::unique_ptr<Queue> cpu)
      : cpu_(std::move(cpu)), thread_([this] { Loop(); }) {}
  ~Worker() {
    Submit(nullptr);
    thread_.join();
  }

  // Returns the ticket to wait for. A null command ends the thread.
  int64_t Submit(std::function<void(Queue& cpu)> command) {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
    changed_.notify_all();
    return ++submitted_;
  }
  void Wait(int64_t ticket) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_ >= ticket; });
  }
  bool IsDone(int64_t ticket) {
    const std::lock_guard lock(mutex_);
    return done_ >= ticket;
  }

 private:
  void Loop() {
    while (true) {
      std::function<void(Queue&)> command;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !commands_.empty(); });
        command = std::move(commands_.front());
        commands_.pop_front();
      }
      if (!command) return;
      command(*cpu_);
      const std::lock_guard lock(mutex_);
      ++done_;
      changed_.notify_all();
    }
  }

  const std::unique_ptr<Queue> cpu_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void(Queue&)>> commands_;
  int64_t submitted_ = 0, done_ = 0;
  std::thread thread_;  // last: it uses the others
};

// The first error of a queue; outlives it in its events.
struct Failure {
  absl::Status Get() {
    const std::lock_guard lock(mutex);
    return status;
  }
  void Set(const absl::Status& error) {
    const std::lock_guard lock(mutex);
    status.Update(error);
  }

  std::mutex mutex;
  absl::Status status;
};

class ToyEvent final : public Event {
 public:
  explicit ToyEvent(Worker& worker) : worker_(worker) {}
  bool done() const override { return worker_.IsDone(ticket_); }
  absl::Status Wait() override {
    worker_.Wait(ticket_);
    return failure_ == nullptr ? absl::OkStatus() : failure_->Get();
  }

  void Record(int64_t ticket, std::shared_ptr<Failure> failure) {
    ticket_ = ticket;
    failure_ = std::move(failure);
  }

 private:
  Worker& worker_;
  int64_t ticket_ = 0;
  std::shared_ptr<Failure> failure_;
};

class ToyQueue final : public Queue {
 public:
  ToyQueue(Worker& worker, ToyMemory& memory)
      : worker_(worker), memory_(memory) {}
  ~ToyQueue() override { worker_.Wait(last_); }

  absl::Status Launch(const KernelLaunch& launch) override {
    return Submit(
        [this, kernel = launch.kernel,
         buffers = std::vector<DevicePointer>(launch.buffers.begin(),
                                              launch.buffers.end()),
         sizes = std::vector<int64_t>(launch.sizes.begin(), launch.sizes.end()),
         random = *launch.random,
         items = launch.items](Queue& cpu) mutable -> absl::Status {
          for (DevicePointer& buffer : buffers) {
            GRAFT_ASSIGN_OR_RETURN(buffer.value, memory_.Translate(buffer, 0));
          }
          return cpu.Launch({kernel, buffers, sizes, &random, items});
        });
  }
  absl::Status CopyToDevice(DevicePointer to, const void* from,
                            uint64_t bytes) override {
    return Submit([=, this](Queue& cpu) -> absl::Status {
      GRAFT_ASSIGN_OR_RETURN(void* host, memory_.Translate(to, bytes));
      return cpu.CopyToDevice({host}, from, bytes);
    });
  }
  absl::Status CopyToHost(void* to, DevicePointer from,
                          uint64_t bytes) override {
    return Submit([=, this](Queue& cpu) -> absl::Status {
      GRAFT_ASSIGN_OR_RETURN(void* host, memory_.Translate(from, bytes));
      return cpu.CopyToHost(to, {host}, bytes);
    });
  }
  absl::Status Copy(DevicePointer to, DevicePointer from,
                    uint64_t bytes) override {
    return Submit([=, this](Queue& cpu) -> absl::Status {
      GRAFT_ASSIGN_OR_RETURN(void* to_host, memory_.Translate(to, bytes));
      GRAFT_ASSIGN_OR_RETURN(void* from_host, memory_.Translate(from, bytes));
      return cpu.Copy({to_host}, {from_host}, bytes);
    });
  }
  absl::Status Fill(DevicePointer to, uint32_t pattern,
                    uint64_t bytes) override {
    return Submit([=, this](Queue& cpu) -> absl::Status {
      GRAFT_ASSIGN_OR_RETURN(void* host, memory_.Translate(to, bytes));
      return cpu.Fill({host}, pattern, bytes);
    });
  }

  absl::Status Record(Event& event) override {
    static_cast<ToyEvent&>(event).Record(last_, failure_);
    return failure_->Get();
  }
  // Commands of all queues run in the order of the calls.
  absl::Status WaitFor(const Event& event) override { return failure_->Get(); }
  absl::Status Wait() override {
    worker_.Wait(last_);
    return failure_->Get();
  }

 private:
  absl::Status Submit(std::function<absl::Status(Queue&)> command) {
    GRAFT_RETURN_IF_ERROR(failure_->Get());
    last_ = worker_.Submit(
        [command = std::move(command), failure = failure_](Queue& cpu) {
          if (failure->Get().ok()) failure->Set(command(cpu));
        });
    return absl::OkStatus();
  }

  Worker& worker_;
  ToyMemory& memory_;
  int64_t last_ = 0;
  const std::shared_ptr<Failure> failure_ = std::make_shared<Failure>();
};

class ToyDevice final : public Device {
 public:
  ToyDevice(std::unique_ptr<Device> cpu, std::unique_ptr<ToyMemory> memory,
            std::unique_ptr<Queue> queue)
      : cpu_(std::move(cpu)),
        memory_(std::move(memory)),
        worker_(std::move(queue)) {}

  absl::string_view name() const override { return kName; }
  int RankCode(const CodeImage& image) const override {
    return cpu_->RankCode(image);
  }
  std::string DescribeCode() const override { return cpu_->DescribeCode(); }
  absl::StatusOr<std::unique_ptr<Code>> LoadCode(
      const CodeImage& image, absl::string_view where) override {
    return cpu_->LoadCode(image, where);
  }

  bool host_visible() const override { return false; }
  absl::StatusOr<std::unique_ptr<Buffer>> Reserve(
      uint64_t bytes, absl::string_view what) override {
    GRAFT_ASSIGN_OR_RETURN(DevicePointer data, memory_->Allocate(bytes, what));
    return std::make_unique<ToyBuffer>(*memory_, data, bytes);
  }
  absl::StatusOr<std::unique_ptr<Buffer>> ReserveHost(
      uint64_t bytes, absl::string_view what) override {
    GRAFT_ASSIGN_OR_RETURN(MemoryRegion region,
                           MemoryRegion::Reserve(bytes, what));
    return std::make_unique<ToyHostBuffer>(std::move(region));
  }
  absl::StatusOr<std::unique_ptr<Buffer>> MapHost(
      absl::Span<const uint8_t> bytes) override {
    return absl::UnimplementedError("toy: expects copies of host memory");
  }
  absl::StatusOr<std::unique_ptr<Queue>> CreateQueue() override {
    return std::make_unique<ToyQueue>(worker_, *memory_);
  }
  absl::StatusOr<std::unique_ptr<Event>> CreateEvent() override {
    return std::make_unique<ToyEvent>(worker_);
  }

 private:
  const std::unique_ptr<Device> cpu_;
  const std::unique_ptr<ToyMemory> memory_;
  Worker worker_;
};

absl::StatusOr<std::unique_ptr<Device>> CreateToyDevice(
    const DeviceOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Device> cpu, CreateCpuDevice(options));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<ToyMemory> memory,
                         ToyMemory::Create());
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Queue> queue, cpu->CreateQueue());
  return std::make_unique<ToyDevice>(std::move(cpu), std::move(memory),
                                     std::move(queue));
}

}  // namespace
}  // namespace graft

extern "C" const graft::DevicePlugin* graftGetDevicePlugin() {
  static constexpr graft::DevicePlugin kPlugin = {
      graft::kDevicePluginApiVersion, "toy", graft::CreateToyDevice};
  return &kPlugin;
}
