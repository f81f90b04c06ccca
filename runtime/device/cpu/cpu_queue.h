// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DEVICE_CPU_CPU_QUEUE_H_
#define GRAFT_RUNTIME_DEVICE_CPU_CPU_QUEUE_H_

#include <memory>

#include "runtime/device/cpu/thread_pool.h"
#include "runtime/device/device.h"

namespace graft {

// Runs each command inside of its call, spread over the threads of a pool.
// Kernels are GraftKernel functions, device pointers are host pointers.
class CpuQueue final : public Queue {
 public:
  explicit CpuQueue(std::unique_ptr<ThreadPool> pool);

  absl::Status Launch(const KernelLaunch& launch) override;
  absl::Status CopyToDevice(DevicePointer to, const void* from,
                            uint64_t bytes) override;
  absl::Status CopyToHost(void* to, DevicePointer from,
                          uint64_t bytes) override;
  absl::Status Copy(DevicePointer to, DevicePointer from,
                    uint64_t bytes) override;
  absl::Status Fill(DevicePointer to, uint32_t pattern,
                    uint64_t bytes) override;
  absl::Status Record(Event& event) override { return absl::OkStatus(); }
  absl::Status WaitFor(const Event& event) override { return absl::OkStatus(); }
  absl::Status Wait() override { return absl::OkStatus(); }

 private:
  const std::unique_ptr<ThreadPool> pool_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DEVICE_CPU_CPU_QUEUE_H_
