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

// Bytes of an event for which there is room from the start.
constexpr size_t kRoom = 1024;

}  // namespace

EventFile::EventFile(std::unique_ptr<WritableFile> file)
    : file_(std::move(file)) {
  for (std::string* message : {&value_, &summary_, &event_, &record_})
    message->reserve(kRoom);
}

void EventFile::BeginEvent(double seconds) {
  event_.clear();
  AppendVarint(event_, 1 << 3 | 1);  // wall_time: double
  AppendLittleEndian(event_, std::bit_cast<uint64_t>(seconds));
}

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Create(
    FileSystem& files, const std::string& directory, double seconds,
    int64_t first_step) {
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<WritableFile> file,
      files.OpenAppend(JoinPath(
          directory,
          absl::StrFormat("events.out.tfevents.%010.0f.graft", seconds))));
  std::unique_ptr<EventFile> events(new EventFile(std::move(file)));
  events->BeginEvent(seconds);
  AppendBytesField(events->event_, 3, "brain.Event:2");  // file_version
  GRAFT_RETURN_IF_ERROR(events->AppendEvent());
  events->BeginEvent(seconds);
  AppendVarint(events->event_, 2 << 3 | 0);  // step
  AppendVarint(events->event_, static_cast<uint64_t>(first_step));
  // session_log, whose status is START (1)
  AppendBytesField(events->event_, 7, absl::string_view("\x08\x01", 2));
  GRAFT_RETURN_IF_ERROR(events->AppendEvent());
  return events;
}

absl::Status EventFile::Write(
    double seconds, int64_t step,
    absl::Span<const std::pair<absl::string_view, float>> scalars) {
  summary_.clear();
  for (const auto& [tag, number] : scalars) {
    value_.clear();
    AppendBytesField(value_, 1, tag);  // tag
    AppendVarint(value_, 2 << 3 | 5);  // simple_value: float
    AppendLittleEndian(value_, std::bit_cast<uint32_t>(number));
    AppendBytesField(summary_, 1, value_);
  }
  BeginEvent(seconds);
  AppendVarint(event_, 2 << 3 | 0);  // step
  AppendVarint(event_, static_cast<uint64_t>(step));
  AppendBytesField(event_, 5, summary_);
  GRAFT_RETURN_IF_ERROR(AppendEvent());
  return file_->Flush();
}

absl::Status EventFile::AppendEvent() {
  record_.clear();
  AppendLittleEndian(record_, static_cast<uint64_t>(event_.size()));
  AppendLittleEndian(record_, MaskedCrc(record_));
  absl::StrAppend(&record_, event_);
  AppendLittleEndian(record_, MaskedCrc(event_));
  return file_->Append(record_);
}

}  // namespace graft
