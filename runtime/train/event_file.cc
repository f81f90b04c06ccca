// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/event_file.h"

#include <array>
#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

// CRC-32C (Castagnoli), reflected, by table.
constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value >> 1) ^ ((value & 1) ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

uint32_t MaskedCrc(absl::string_view bytes) {
  uint32_t crc = ~0u;
  for (char byte : bytes)
    crc = kCrcTable[(crc ^ static_cast<uint8_t>(byte)) & 0xFF] ^ (crc >> 8);
  return std::rotr(~crc, 15) + 0xA282EAD8u;
}

template <typename T>
void AppendLittleEndian(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out.push_back(static_cast<char>(value >> (8 * i)));
}

// Protocol-buffer wire format.
void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
void AppendBytesField(std::string& out, int field, absl::string_view bytes) {
  AppendVarint(out, static_cast<uint64_t>(field) << 3 | 2);
  AppendVarint(out, bytes.size());
  absl::StrAppend(&out, bytes);
}
std::string EventHeader(double seconds) {
  std::string event;
  AppendVarint(event, 1 << 3 | 1);  // wall_time: double
  AppendLittleEndian(event, std::bit_cast<uint64_t>(seconds));
  return event;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Create(
    FileSystem& files, const std::string& directory, double seconds) {
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<WritableFile> file,
      files.OpenAppend(JoinPath(
          directory,
          absl::StrFormat("events.out.tfevents.%010.0f.graft", seconds))));
  std::unique_ptr<EventFile> events(new EventFile(std::move(file)));
  std::string event = EventHeader(seconds);
  AppendBytesField(event, 3, "brain.Event:2");  // file_version
  GRAFT_RETURN_IF_ERROR(events->AppendRecord(event));
  return events;
}

absl::Status EventFile::Write(
    double seconds, int64_t step,
    absl::Span<const std::pair<absl::string_view, float>> scalars) {
  std::string summary;
  for (const auto& [tag, number] : scalars) {
    std::string value;
    AppendBytesField(value, 1, tag);  // tag
    AppendVarint(value, 2 << 3 | 5);  // simple_value: float
    AppendLittleEndian(value, std::bit_cast<uint32_t>(number));
    AppendBytesField(summary, 1, value);
  }
  std::string event = EventHeader(seconds);
  AppendVarint(event, 2 << 3 | 0);  // step
  AppendVarint(event, static_cast<uint64_t>(step));
  AppendBytesField(event, 5, summary);
  GRAFT_RETURN_IF_ERROR(AppendRecord(event));
  return file_->Flush();
}

absl::Status EventFile::AppendRecord(absl::string_view payload) {
  std::string record;
  AppendLittleEndian(record, static_cast<uint64_t>(payload.size()));
  AppendLittleEndian(record, MaskedCrc(record));
  absl::StrAppend(&record, payload);
  AppendLittleEndian(record, MaskedCrc(payload));
  return file_->Append(record);
}

}  // namespace graft
