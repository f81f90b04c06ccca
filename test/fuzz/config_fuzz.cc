// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a config.json. An accepted configuration is within its bounds
// and comes back the same from the text that is written for it.

#include "runtime/formats/config.h"
#include "test/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = graft::ParseBertConfig(text, "config.json");
  if (!config.ok()) return 0;
  GRAFT_FUZZ_CHECK(config->hidden_size >= 1 && config->hidden_size <= 1 << 20);
  GRAFT_FUZZ_CHECK(config->head_size() * config->num_attention_heads ==
                   config->hidden_size);
  GRAFT_FUZZ_CHECK(config->pad_token_id < config->vocab_size);
  GRAFT_FUZZ_CHECK(config->classifier_dropout_rate() < 1);
  const auto back =
      graft::ParseBertConfig(graft::BertConfigToJson(*config), "written.json");
  GRAFT_FUZZ_CHECK(back.ok());
  GRAFT_FUZZ_CHECK(*back == *config);
  return 0;
}
