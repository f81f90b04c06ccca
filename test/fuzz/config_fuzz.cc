// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a config.json. An accepted configuration is within its ranges
// and comes back the same from the text that is written for it, as a whole and
// as BERT reads it.

#include "models/bert/config.h"
#include "runtime/formats/config.h"
#include "test/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = graft::ModelConfig::Parse(text, "config.json");
  if (!config.ok()) return 0;
  GRAFT_FUZZ_CHECK(config->max_positions() >= 0 &&
                   config->max_positions() <= graft::kMaxPositions);
  const std::string written = config->Text();
  const auto back = graft::ModelConfig::Parse(written, "written.json");
  GRAFT_FUZZ_CHECK(back.ok());
  GRAFT_FUZZ_CHECK(back->labels() == config->labels());
  GRAFT_FUZZ_CHECK(back->Text() == written);

  const auto bert = graft::ReadBertConfig(*config);
  if (!bert.ok()) return 0;
  GRAFT_FUZZ_CHECK(bert->hidden_size >= 1 && bert->hidden_size <= 1 << 20);
  GRAFT_FUZZ_CHECK(bert->head_size() * bert->num_attention_heads ==
                   bert->hidden_size);
  GRAFT_FUZZ_CHECK(bert->pad_token_id < bert->vocab_size);
  GRAFT_FUZZ_CHECK(bert->classifier_dropout_rate() < 1);
  const auto again =
      graft::ModelConfig::Parse(WriteBertConfig(*bert, *config).Text(), "bert");
  GRAFT_FUZZ_CHECK(again.ok());
  const auto same = graft::ReadBertConfig(*again);
  GRAFT_FUZZ_CHECK(same.ok());
  GRAFT_FUZZ_CHECK(*same == *bert);
  GRAFT_FUZZ_CHECK(again->architectures() == config->architectures());
  GRAFT_FUZZ_CHECK(again->problem_type() == config->problem_type());
  return 0;
}
