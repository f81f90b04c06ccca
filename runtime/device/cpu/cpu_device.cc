// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/device/cpu/cpu_device.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/device/cpu/code_library.h"
#include "runtime/device/cpu/cpu_level.h"
#include "runtime/device/cpu/cpu_queue.h"
#include "runtime/device/cpu/memory.h"
#include "runtime/device/cpu/thread_pool.h"

namespace graft {
namespace {

constexpr absl::string_view kKind = "cpu";
constexpr absl::string_view kFormat = "elf";

DevicePointer PointerTo(uint8_t* host) { return {host}; }

class CpuBuffer final : public Buffer {
 public:
  explicit CpuBuffer(MemoryRegion region)
      : Buffer(PointerTo(region.data()), region.size(), region.data()),
        region_(std::move(region)) {}
  // Borrowed memory. Kernels never write mapped buffers, so the constness is
  // dropped only in the type.
  explicit CpuBuffer(absl::Span<const uint8_t> bytes)
      : Buffer(PointerTo(const_cast<uint8_t*>(bytes.data())), bytes.size(),
               const_cast<uint8_t*>(bytes.data())) {}

 private:
  const MemoryRegion region_;
};

class CpuCode final : public Code {
 public:
  explicit CpuCode(std::unique_ptr<CodeLibrary> library)
      : library_(std::move(library)) {}

  absl::StatusOr<KernelHandle> Find(const std::string& symbol) const override {
    const GraftKernel kernel = library_->Find(symbol);
    if (kernel == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("expects a kernel ", symbol, " in the code, got none"));
    }
    return KernelHandle{reinterpret_cast<const void*>(kernel)};
  }

 private:
  const std::unique_ptr<CodeLibrary> library_;
};

// Nothing is ever pending, hence all events are done.
class CpuEvent final : public Event {
 public:
  bool done() const override { return true; }
  absl::Status Wait() override { return absl::OkStatus(); }
};

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(DeviceOptions options) : options_(std::move(options)) {}

  absl::string_view name() const override { return kKind; }

  int RankCode(const CodeImage& image) const override {
    if (image.kind != kKind || image.format != kFormat) return 0;
    if (!options_.level.empty() && image.level != options_.level) return 0;
    const absl::Span<const absl::string_view> levels = CpuLevels();
    const auto found = std::find(levels.begin(), levels.end(), image.level);
    if (found == levels.end() || !CpuHasLevel(image.level)) return 0;
    return static_cast<int>(levels.end() - found);
  }

  std::string DescribeCode() const override {
    const std::vector<absl::string_view> levels = CpuLevelsHere();
    const std::string host =
        levels.empty() ? "none" : absl::StrJoin(levels, ", ");
    return options_.level.empty()
               ? absl::StrCat(
                     "cpu code of an ISA level that this processor "
                     "has (",
                     host, ")")
               : absl::StrCat("cpu code of ISA level ", options_.level,
                              " (this processor has ", host, ")");
  }

  absl::StatusOr<std::unique_ptr<Code>> LoadCode(
      const CodeImage& image, absl::string_view where) override {
    if (RankCode(image) == 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          where, ": expects ", DescribeCode(), ", got ", image.kind,
          " code of ISA level ", image.level, " as ", image.format));
    }
    GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<CodeLibrary> library,
                           CodeLibrary::Load(image.bytes, where));
    return std::make_unique<CpuCode>(std::move(library));
  }

  bool host_visible() const override { return true; }

  absl::StatusOr<std::unique_ptr<Buffer>> Reserve(
      uint64_t bytes, absl::string_view what) override {
    GRAFT_ASSIGN_OR_RETURN(MemoryRegion region,
                           MemoryRegion::Reserve(bytes, what));
    return std::make_unique<CpuBuffer>(std::move(region));
  }

  absl::StatusOr<std::unique_ptr<Buffer>> ReserveHost(
      uint64_t bytes, absl::string_view what) override {
    return Reserve(bytes, what);
  }

  absl::StatusOr<std::unique_ptr<Buffer>> MapHost(
      absl::Span<const uint8_t> bytes) override {
    return std::make_unique<CpuBuffer>(bytes);
  }

  absl::StatusOr<std::unique_ptr<Queue>> CreateQueue() override {
    GRAFT_ASSIGN_OR_RETURN(
        std::unique_ptr<ThreadPool> pool,
        ThreadPool::Create(
            options_.threads > 0 ? options_.threads : DefaultThreadCount(),
            options_.pin_threads ? ThreadPinning::kEach
                                 : ThreadPinning::kNone));
    return std::make_unique<CpuQueue>(std::move(pool));
  }

  absl::StatusOr<std::unique_ptr<Event>> CreateEvent() override {
    return std::make_unique<CpuEvent>();
  }

 private:
  const DeviceOptions options_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> CreateCpuDevice(
    const DeviceOptions& options) {
  DeviceOptions chosen = options;
  if (chosen.level.empty()) {
    const char* variable = std::getenv("GRAFT_CPU_LEVEL");
    if (variable != nullptr) chosen.level = variable;
  }
  const absl::Span<const absl::string_view> levels = CpuLevels();
  if (!chosen.level.empty() &&
      std::find(levels.begin(), levels.end(), chosen.level) == levels.end()) {
    return absl::InvalidArgumentError(absl::StrCat("ISA level: expects one of ",
                                                   absl::StrJoin(levels, ", "),
                                                   ", got ", chosen.level));
  }
  return std::make_unique<CpuDevice>(std::move(chosen));
}

}  // namespace graft
