// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/artifact/data_settings.h"

#include <string>
#include <utility>

#include "runtime/base/status_macros.h"

namespace graft {
namespace {

constexpr absl::string_view kMaxLength = "graft_max_length";

// The keys of texts, and where they are kept.
struct TextKey {
  absl::string_view key;
  std::string DataSettingsSpec::* field;
};
constexpr TextKey kTexts[] = {
    {"graft_text_column", &DataSettingsSpec::text_column},
    {"graft_pair_column", &DataSettingsSpec::pair_column},
    {"graft_label_column", &DataSettingsSpec::label_column},
    {"graft_format", &DataSettingsSpec::format},
};

}  // namespace

void WriteDataSettings(const DataSettingsSpec& data, ModelConfig& config) {
  for (const TextKey& text : kTexts)
    if (const std::string& value = data.*text.field; !value.empty())
      config.Set(text.key, absl::string_view(value));
  if (data.max_length > 0) config.Set(kMaxLength, data.max_length);
}

absl::StatusOr<std::optional<DataSettingsSpec>> ReadDataSettings(
    const ModelConfig& config) {
  DataSettingsSpec data;
  for (const TextKey& text : kTexts)
    GRAFT_RETURN_IF_ERROR(config.String(text.key, data.*text.field));
  GRAFT_RETURN_IF_ERROR(
      config.Integer(kMaxLength, 1, kMaxPositions, data.max_length));
  if (data.text_column.empty()) return std::nullopt;
  return data;
}

}  // namespace graft
