// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_RUNTIME_DEVICE_FAULTY_DEVICE_H_
#define GRAFT_TEST_RUNTIME_DEVICE_FAULTY_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/device/device.h"

namespace graft {

// Another device, of which one call fails: reserving memory as if there were
// none left, commands and waits as if the device were lost. Used by one thread.
class FaultyDevice final : public Device {
 public:
  // `device` is borrowed. Fails call `failing`, counted from 0 from now on.
  FaultyDevice(Device& device, int64_t failing)
      : device_(device), failing_(failing) {}

  // Calls so far that can fail.
  int64_t calls() const { return calls_; }

  absl::string_view name() const override { return device_.name(); }
  int RankCode(const CodeImage& image) const override {
    return device_.RankCode(image);
  }
  std::string DescribeCode() const override { return device_.DescribeCode(); }
  absl::StatusOr<std::unique_ptr<Code>> LoadCode(
      const CodeImage& image, absl::string_view where) override {
    return device_.LoadCode(image, where);
  }
  bool host_visible() const override { return device_.host_visible(); }
  absl::StatusOr<std::unique_ptr<Buffer>> Reserve(
      uint64_t bytes, absl::string_view what) override {
    if (Fails()) return OutOfMemory(what);
    return device_.Reserve(bytes, what);
  }
  absl::StatusOr<std::unique_ptr<Buffer>> ReserveHost(
      uint64_t bytes, absl::string_view what) override {
    if (Fails()) return OutOfMemory(what);
    return device_.ReserveHost(bytes, what);
  }
  absl::StatusOr<std::unique_ptr<Buffer>> MapHost(
      absl::Span<const uint8_t> bytes) override {
    if (Fails()) return OutOfMemory("host memory");
    return device_.MapHost(bytes);
  }
  absl::StatusOr<std::unique_ptr<Queue>> CreateQueue() override {
    if (Fails()) return OutOfMemory("a queue");
    absl::StatusOr<std::unique_ptr<Queue>> queue = device_.CreateQueue();
    if (!queue.ok()) return queue;
    return std::make_unique<FaultyQueue>(*this, *std::move(queue));
  }
  absl::StatusOr<std::unique_ptr<Event>> CreateEvent() override {
    return device_.CreateEvent();
  }

 private:
  class FaultyQueue final : public Queue {
   public:
    FaultyQueue(FaultyDevice& device, std::unique_ptr<Queue> queue)
        : device_(device), queue_(std::move(queue)) {}

    absl::Status Launch(const KernelLaunch& launch) override {
      return Fails() ? status_ : queue_->Launch(launch);
    }
    absl::Status CopyToDevice(DevicePointer to, const void* from,
                              uint64_t bytes) override {
      return Fails() ? status_ : queue_->CopyToDevice(to, from, bytes);
    }
    absl::Status CopyToHost(void* to, DevicePointer from,
                            uint64_t bytes) override {
      return Fails() ? status_ : queue_->CopyToHost(to, from, bytes);
    }
    absl::Status Copy(DevicePointer to, DevicePointer from,
                      uint64_t bytes) override {
      return Fails() ? status_ : queue_->Copy(to, from, bytes);
    }
    absl::Status Fill(DevicePointer to, uint32_t pattern,
                      uint64_t bytes) override {
      return Fails() ? status_ : queue_->Fill(to, pattern, bytes);
    }
    absl::Status Record(Event& event) override { return queue_->Record(event); }
    absl::Status WaitFor(const Event& event) override {
      return queue_->WaitFor(event);
    }
    absl::Status Wait() override { return Fails() ? status_ : queue_->Wait(); }

   private:
    // A failed queue stays failed.
    bool Fails() {
      if (device_.Fails()) {
        status_ = absl::InternalError(
            absl::StrCat("call ", device_.failing_, ": the device is lost"));
      }
      return !status_.ok();
    }

    FaultyDevice& device_;
    const std::unique_ptr<Queue> queue_;
    absl::Status status_;
  };

  bool Fails() { return calls_++ == failing_; }
  absl::Status OutOfMemory(absl::string_view what) const {
    return absl::ResourceExhaustedError(
        absl::StrCat("call ", failing_, ": no memory for ", what));
  }

  Device& device_;
  const int64_t failing_;
  int64_t calls_ = 0;
};

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_DEVICE_FAULTY_DEVICE_H_
