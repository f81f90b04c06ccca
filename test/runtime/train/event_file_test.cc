// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/event_file.h"

#include <cstdlib>
#include <cstring>

#include "gtest/gtest.h"

namespace graft {
namespace {

// CRC-32C bit by bit, and the mask of the TFRecord format.
uint32_t MaskedCrc(absl::string_view bytes) {
  uint32_t crc = ~0u;
  for (char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (0x82F63B78u & -(crc & 1));
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

template <typename T>
T Load(absl::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

TEST(EventFileTest, RecordsAreFramedAndComplete) {
  char directory[] = "/tmp/graft_events_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  FileSystem& files = FileSystem::Posix();
  auto events = EventFile::Create(files, directory, 1700000000.0,
                                  /*first_step=*/300);
  ASSERT_TRUE(events.ok()) << events.status();
  ASSERT_TRUE((*events)->Write(1700000001.0, 300, {{"loss", 0.25f}}).ok());

  auto names = files.List(directory);
  ASSERT_TRUE(names.ok());
  ASSERT_EQ(names->size(), 1u);
  EXPECT_EQ(names->front(), "events.out.tfevents.1700000000.graft");
  std::string path = JoinPath(directory, names->front());
  auto bytes = ReadFile(files, path);
  ASSERT_TRUE(bytes.ok());

  std::vector<std::string> payloads;
  absl::string_view rest = *bytes;
  while (!rest.empty()) {
    ASSERT_GE(rest.size(), 16u);
    uint64_t size = Load<uint64_t>(rest);
    EXPECT_EQ(Load<uint32_t>(rest.substr(8)), MaskedCrc(rest.substr(0, 8)));
    ASSERT_GE(rest.size(), 16 + size);
    absl::string_view payload = rest.substr(12, size);
    EXPECT_EQ(Load<uint32_t>(rest.substr(12 + size)), MaskedCrc(payload));
    payloads.emplace_back(payload);
    rest.remove_prefix(16 + size);
  }
  ASSERT_EQ(payloads.size(), 3u);
  EXPECT_NE(payloads[0].find("brain.Event:2"), std::string::npos);
  // wall_time (9 bytes), step 300 as a varint, session_log with status START:
  // TensorBoard forgets what it has of this step and later.
  EXPECT_EQ(payloads[1].substr(9),
            std::string("\x10\xAC\x02\x3A\x02\x08\x01", 7));
  // The same, then a summary with tag and value.
  std::string tail(
      "\x10\xAC\x02\x2A\x0D\x0A\x0B\x0A\x04loss\x15\x00\x00\x80\x3E", 18);
  EXPECT_EQ(payloads[2].substr(9), tail);
  EXPECT_TRUE(RemoveTree(files, directory).ok());
}

}  // namespace
}  // namespace graft
