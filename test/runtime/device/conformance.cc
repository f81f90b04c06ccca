// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/device/conformance.h"

#include <gmock/gmock.h>

#include <cstring>
#include <numeric>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/device/cpu/cpu_level.h"

namespace graft {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A pattern that tells bytes from their neighbours, of any length.
std::vector<uint8_t> Pattern(size_t bytes, uint8_t seed = 1) {
  std::vector<uint8_t> pattern(bytes);
  for (size_t i = 0; i < bytes; ++i)
    pattern[i] = static_cast<uint8_t>(i * 7 + i / 251 + seed);
  return pattern;
}

}  // namespace

std::string ProviderName(const ::testing::TestParamInfo<DeviceProvider>& info) {
  return info.param.name;
}

DeviceProvider HostCodeProvider(
    std::string name,
    std::function<absl::StatusOr<std::unique_ptr<Device>>()> create) {
  DeviceProvider provider;
  provider.name = std::move(name);
  provider.create = std::move(create);
  provider.code_kind = "cpu";
  provider.code_format = "elf";
  for (absl::string_view level : CpuLevels())
    if (CpuHasLevel(level)) provider.code_level = std::string(level);
  provider.code = [] {
    return ReadFile(FileSystem::Posix(), GRAFT_CONFORMANCE_KERNELS).value();
  };
  return provider;
}

void DeviceConformance::SetUp() {
  if (GetParam().code_level.empty()) GTEST_SKIP() << "no known ISA level here";
  auto device = GetParam().create();
  ASSERT_TRUE(device.ok()) << device.status();
  device_ = *std::move(device);
  auto queue = device_->CreateQueue();
  ASSERT_TRUE(queue.ok()) << queue.status();
  queue_ = *std::move(queue);
  code_bytes_ = GetParam().code();
  auto code = device_->LoadCode(Image(), "conformance");
  ASSERT_TRUE(code.ok()) << code.status();
  code_ = *std::move(code);
}

CodeImage DeviceConformance::Image() const {
  const DeviceProvider& provider = GetParam();
  return {
      provider.code_kind, provider.code_format, provider.code_level, "",
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(code_bytes_.data()),
                          code_bytes_.size())};
}

KernelHandle DeviceConformance::Find(const std::string& symbol) const {
  auto kernel = code_->Find(symbol);
  EXPECT_TRUE(kernel.ok()) << kernel.status();
  return kernel.ok() ? *kernel : KernelHandle();
}

std::unique_ptr<Buffer> DeviceConformance::Reserve(uint64_t bytes) const {
  auto buffer = device_->Reserve(bytes, "a test");
  EXPECT_TRUE(buffer.ok()) << buffer.status();
  return *std::move(buffer);
}

void DeviceConformance::Write(Queue& queue, DevicePointer to, const void* from,
                              uint64_t bytes) {
  ASSERT_TRUE(queue.CopyToDevice(to, from, bytes).ok());
  ASSERT_TRUE(queue.Wait().ok());
}

std::vector<uint8_t> DeviceConformance::ReadBytes(Queue& queue,
                                                  DevicePointer from,
                                                  uint64_t bytes) {
  std::vector<uint8_t> values(bytes, 0xEE);
  EXPECT_TRUE(queue.CopyToHost(values.data(), from, bytes).ok());
  EXPECT_TRUE(queue.Wait().ok());
  return values;
}

std::vector<int32_t> DeviceConformance::ReadInts(Queue& queue,
                                                 DevicePointer from,
                                                 size_t count) {
  std::vector<int32_t> values(count, -1);
  EXPECT_TRUE(
      queue.CopyToHost(values.data(), from, count * sizeof(int32_t)).ok());
  EXPECT_TRUE(queue.Wait().ok());
  return values;
}

TEST_P(DeviceConformance, BuffersAreZeroedAlignedAndApart) {
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (uint64_t bytes :
       {uint64_t{1}, uint64_t{63}, uint64_t{4097}, uint64_t{3} << 20}) {
    buffers.push_back(Reserve(bytes));
    const Buffer& buffer = *buffers.back();
    EXPECT_EQ(buffer.size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data().value) %
                  GRAFT_BUFFER_ALIGNMENT,
              0u);
    EXPECT_EQ(buffer.host() != nullptr, device_->host_visible());
    EXPECT_THAT(ReadBytes(*queue_, buffer.data(), bytes), Each(0));
    ASSERT_TRUE(queue_->Fill(buffer.data(), 0xABABABAB, bytes).ok());
  }
  for (const auto& buffer : buffers)
    EXPECT_THAT(ReadBytes(*queue_, buffer->data(), buffer->size()), Each(0xAB));
  // Memory that was used before is zero again.
  const uint64_t bytes = buffers.back()->size();
  buffers.clear();
  const auto again = Reserve(bytes);
  EXPECT_THAT(ReadBytes(*queue_, again->data(), bytes), Each(0));
  EXPECT_EQ(Reserve(0)->size(), 0u);
}

TEST_P(DeviceConformance, HostVisibleBuffersAreTheSameBytes) {
  if (!device_->host_visible()) GTEST_SKIP() << "memory of its own";
  const auto buffer = Reserve(256);
  const std::vector<uint8_t> pattern = Pattern(256);
  std::memcpy(buffer->host(), pattern.data(), pattern.size());
  EXPECT_EQ(ReadBytes(*queue_, buffer->data(), 256), pattern);
}

TEST_P(DeviceConformance, CopiesAnyRange) {
  constexpr uint64_t kBytes = 1 << 20;
  const auto first = Reserve(kBytes), second = Reserve(kBytes);
  const std::vector<uint8_t> pattern = Pattern(kBytes);
  for (uint64_t offset : {0, 1, 3, 61}) {
    for (uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{7},
                           uint64_t{64}, uint64_t{4099}, kBytes - 128}) {
      SCOPED_TRACE(absl::StrCat(bytes, " bytes at ", offset));
      ASSERT_TRUE(queue_->Fill(first->data(), 0, kBytes).ok());
      ASSERT_TRUE(queue_->Fill(second->data(), 0, kBytes).ok());
      ASSERT_TRUE(queue_
                      ->CopyToDevice(first->data() + offset,
                                     pattern.data() + offset % 3, bytes)
                      .ok());
      ASSERT_TRUE(queue_
                      ->Copy(second->data() + (offset + 1),
                             first->data() + offset, bytes)
                      .ok());
      const std::vector<uint8_t> all =
          ReadBytes(*queue_, second->data(), kBytes);
      const auto begin = all.begin() + static_cast<int64_t>(offset) + 1;
      ASSERT_TRUE(
          std::equal(begin, begin + static_cast<int64_t>(bytes),
                     pattern.begin() + static_cast<int64_t>(offset % 3)));
      ASSERT_EQ(std::count(all.begin(), begin, 0), begin - all.begin());
      ASSERT_EQ(std::count(begin + static_cast<int64_t>(bytes), all.end(), 0),
                all.end() - begin - static_cast<int64_t>(bytes));
      // Part of it straight to the host.
      ASSERT_EQ(
          ReadBytes(*queue_, first->data() + offset, bytes),
          std::vector<uint8_t>(begin, begin + static_cast<int64_t>(bytes)));
    }
  }
}

TEST_P(DeviceConformance, FillsRepeatFourBytes) {
  constexpr uint64_t kBytes = 1 << 19;
  const auto buffer = Reserve(kBytes);
  for (uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{3}, uint64_t{6},
                         uint64_t{4097}, kBytes - 5}) {
    for (uint64_t offset : {0, 1, 4}) {
      SCOPED_TRACE(absl::StrCat(bytes, " bytes at ", offset));
      ASSERT_TRUE(queue_->Fill(buffer->data(), 0, kBytes).ok());
      ASSERT_TRUE(
          queue_->Fill(buffer->data() + offset, 0x04030201, bytes).ok());
      std::vector<uint8_t> want(kBytes, 0);
      for (uint64_t i = 0; i < bytes; ++i)
        want[offset + i] = static_cast<uint8_t>(i % 4 + 1);
      ASSERT_TRUE(ReadBytes(*queue_, buffer->data(), kBytes) == want);
    }
  }
}

TEST_P(DeviceConformance, HostBuffersStageCopies) {
  auto staging = device_->ReserveHost(8192, "staging");
  ASSERT_TRUE(staging.ok()) << staging.status();
  ASSERT_NE((*staging)->host(), nullptr);
  const std::vector<uint8_t> pattern = Pattern(8192);
  std::memcpy((*staging)->host(), pattern.data(), pattern.size());
  const auto buffer = Reserve(8192);
  Write(*queue_, buffer->data(), (*staging)->host(), 8192);
  std::memset((*staging)->host(), 0, 8192);
  ASSERT_TRUE(
      queue_->CopyToHost((*staging)->host(), buffer->data(), 8192).ok());
  ASSERT_TRUE(queue_->Wait().ok());
  EXPECT_EQ(std::memcmp((*staging)->host(), pattern.data(), 8192), 0);
}

TEST_P(DeviceConformance, MapsHostMemoryOrSaysThatItCannot) {
  alignas(64) static int32_t values[] = {5, 6, 7};
  auto mapped = device_->MapHost(
      absl::MakeConstSpan(reinterpret_cast<uint8_t*>(values), sizeof(values)));
  if (absl::IsUnimplemented(mapped.status())) return;
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const auto result = Reserve(sizeof(values));
  const DevicePointer buffers[] = {(*mapped)->data(), (*mapped)->data(),
                                   result->data()};
  const int64_t sizes[] = {3, 0};
  const GraftRandomState random = {};
  ASSERT_TRUE(
      queue_->Launch({Find("conformance_combine"), buffers, sizes, &random, 3})
          .ok());
  EXPECT_THAT(ReadInts(*queue_, result->data(), 3), ElementsAre(20, 24, 28));
}

TEST_P(DeviceConformance, KernelsGetTheirArguments) {
  const auto out = Reserve(32);
  const KernelHandle kernel = Find("conformance_arguments");
  {
    // The device reads all of this before Launch returns.
    DevicePointer buffers[] = {out->data()};
    int64_t sizes[] = {77};
    GraftRandomState random = {uint64_t{1} << 40, uint64_t{2} << 48, 3};
    ASSERT_TRUE(queue_->Launch({kernel, buffers, sizes, &random, 1}).ok());
    buffers[0] = {};
    sizes[0] = 0;
    random = {};
  }
  int64_t values[4];
  ASSERT_TRUE(queue_->CopyToHost(values, out->data(), sizeof(values)).ok());
  ASSERT_TRUE(queue_->Wait().ok());
  EXPECT_THAT(values, ElementsAre(int64_t{1} << 40, int64_t{2} << 48, 3, 77));
}

TEST_P(DeviceConformance, EveryItemRunsOnce) {
  const KernelHandle kernel = Find("conformance_count");
  const GraftRandomState random = {};
  for (int64_t items : {0, 1, 2, 3, 1000, 65537}) {
    SCOPED_TRACE(items);
    const auto counts = Reserve(65537 * sizeof(int32_t));
    const DevicePointer buffers[] = {counts->data()};
    ASSERT_TRUE(queue_->Launch({kernel, buffers, {}, &random, items}).ok());
    const std::vector<int32_t> found = ReadInts(*queue_, counts->data(), 65537);
    EXPECT_THAT(absl::MakeConstSpan(found).first(items), Each(1));
    EXPECT_THAT(absl::MakeConstSpan(found).subspan(items), Each(0));
  }
}

TEST_P(DeviceConformance, CommandsRunInOrder) {
  constexpr int64_t kCount = 1000;
  constexpr uint64_t kBytes = kCount * sizeof(int32_t);
  const auto x = Reserve(kBytes), y = Reserve(kBytes), z = Reserve(kBytes);
  const KernelHandle combine = Find("conformance_combine");
  const GraftRandomState random = {};
  std::vector<int32_t> input(kCount), want(kCount);
  std::iota(input.begin(), input.end(), 0);
  const std::vector<int32_t> changed(kCount, 5);
  ASSERT_TRUE(queue_->CopyToDevice(x->data(), input.data(), kBytes).ok());
  ASSERT_TRUE(queue_->Fill(y->data(), 1, kBytes).ok());
  // x = x + 3 y + i and y = x in turn: no two of these commute.
  std::vector<int32_t> expected_x = input, expected_y(kCount, 1);
  for (int64_t i = 0; i < 20; ++i) {
    const DevicePointer buffers[] = {x->data(), y->data(), z->data()};
    const int64_t sizes[] = {kCount, i};
    ASSERT_TRUE(
        queue_->Launch({combine, buffers, sizes, &random, kCount}).ok());
    ASSERT_TRUE(queue_->Copy(y->data(), x->data(), kBytes).ok());
    ASSERT_TRUE(queue_->Copy(x->data(), z->data(), kBytes).ok());
    for (int64_t j = 0; j < kCount; ++j) {
      const auto next = static_cast<int32_t>(
          static_cast<uint32_t>(expected_x[j]) +
          3 * static_cast<uint32_t>(expected_y[j]) + static_cast<uint32_t>(i));
      expected_y[j] = expected_x[j];
      expected_x[j] = next;
    }
  }
  std::vector<int32_t> found(kCount);
  ASSERT_TRUE(queue_->CopyToHost(found.data(), x->data(), kBytes).ok());
  // A later write of x does not reach the copy before.
  ASSERT_TRUE(queue_->CopyToDevice(x->data(), changed.data(), kBytes).ok());
  ASSERT_TRUE(queue_->Wait().ok());
  EXPECT_EQ(found, expected_x);
  EXPECT_EQ(ReadInts(*queue_, x->data(), kCount), changed);
}

TEST_P(DeviceConformance, EventsOrderQueues) {
  constexpr int64_t kCount = 4096;
  constexpr uint64_t kBytes = kCount * sizeof(int32_t);
  auto other = device_->CreateQueue();
  ASSERT_TRUE(other.ok()) << other.status();
  auto event = device_->CreateEvent();
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_TRUE((*event)->done());
  EXPECT_TRUE((*event)->Wait().ok());
  const auto x = Reserve(kBytes), y = Reserve(kBytes);
  const KernelHandle combine = Find("conformance_combine");
  const GraftRandomState random = {};
  // Back and forth between two queues, each step on the result of the last.
  Queue* queues[] = {queue_.get(), other->get()};
  ASSERT_TRUE(queue_->Fill(x->data(), 1, kBytes).ok());
  int32_t want = 1;
  for (int i = 0; i < 16; ++i) {
    Queue& queue = *queues[i % 2];
    const DevicePointer from = i % 2 == 0 ? x->data() : y->data();
    const DevicePointer to = i % 2 == 0 ? y->data() : x->data();
    const DevicePointer buffers[] = {from, from, to};
    const int64_t sizes[] = {kCount, i};
    ASSERT_TRUE(queue.WaitFor(**event).ok());
    ASSERT_TRUE(queue.Launch({combine, buffers, sizes, &random, kCount}).ok());
    ASSERT_TRUE(queue.Record(**event).ok());
    want = static_cast<int32_t>(4 * static_cast<uint32_t>(want) +
                                static_cast<uint32_t>(i));
  }
  ASSERT_TRUE((*event)->Wait().ok());
  EXPECT_TRUE((*event)->done());
  EXPECT_THAT(ReadInts(*queue_, x->data(), kCount), Each(want));
}

TEST_P(DeviceConformance, QueuesRunAtTheSameTime) {
  const KernelHandle count = Find("conformance_count");
  auto work = [&] {
    auto queue = device_->CreateQueue();
    ASSERT_TRUE(queue.ok()) << queue.status();
    auto counts = device_->Reserve(1000 * sizeof(int32_t), "a test");
    ASSERT_TRUE(counts.ok()) << counts.status();
    const DevicePointer buffers[] = {(*counts)->data()};
    const GraftRandomState random = {};
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE((*queue)->Launch({count, buffers, {}, &random, 1000}).ok());
    ASSERT_THAT(ReadInts(**queue, (*counts)->data(), 1000), Each(100));
  };
  std::thread other(work);
  work();
  other.join();
}

TEST_P(DeviceConformance, PendingCommandsRunBeforeAQueueGoes) {
  const auto buffer = Reserve(1 << 20);
  {
    auto queue = device_->CreateQueue();
    ASSERT_TRUE(queue.ok()) << queue.status();
    for (uint32_t i = 1; i <= 10; ++i)
      ASSERT_TRUE((*queue)->Fill(buffer->data(), i * 0x01010101, 1 << 20).ok());
  }
  EXPECT_THAT(ReadBytes(*queue_, buffer->data(), 1 << 20), Each(10));
}

TEST_P(DeviceConformance, UnknownSymbolsAreNamed) {
  const auto status = code_->Find("conformance_none").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("conformance_none"));
}

TEST_P(DeviceConformance, ForeignCodeIsRefused) {
  EXPECT_GT(device_->RankCode(Image()), 0);
  CodeImage kind = Image(), format = Image(), level = Image();
  kind.kind = "abacus";
  format.format = "beads";
  level.level = "wood";
  for (const CodeImage& image : {kind, format, level}) {
    EXPECT_EQ(device_->RankCode(image), 0);
    const auto status = device_->LoadCode(image, "somewhere").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("somewhere: expects ",
                                       device_->DescribeCode())));
  }
  CodeImage damaged = Image();
  damaged.bytes = damaged.bytes.first(100);
  EXPECT_EQ(device_->LoadCode(damaged, "somewhere").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_P(DeviceConformance, OutOfMemoryIsAnError) {
  const uint64_t bytes = GetParam().too_many_bytes;
  const auto status = device_->Reserve(bytes, "the arena").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat(bytes, " bytes for the arena")));
  EXPECT_EQ(device_->ReserveHost(uint64_t{1} << 62, "staging").status().code(),
            absl::StatusCode::kResourceExhausted);
  // Nothing is lost.
  EXPECT_THAT(ReadBytes(*queue_, Reserve(100)->data(), 100), Each(0));
}

}  // namespace graft
