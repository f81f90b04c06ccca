// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/tokenizer.h"

#include "absl/strings/str_cat.h"

namespace graft {

absl::Status EncodeText(const Tokenizer& tokenizer, absl::string_view text,
                        std::optional<absl::string_view> pair,
                        int64_t max_length, bool strict,
                        absl::FunctionRef<std::string()> where,
                        Encoding& encoding) {
  const absl::Status status =
      tokenizer.Encode(text, pair, max_length, encoding);
  if (!status.ok())
    return absl::Status(
        status.code(),
        absl::StrCat(where(), ": ", std::string(status.message())));
  if (!strict || !encoding.truncated()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(where(), ": expects at most ",
                                                 max_length, " tokens, got ",
                                                 encoding.whole_length));
}

absl::Status CheckSameTokenizer(const Tokenizer& expected,
                                absl::string_view name, const Tokenizer& got) {
  const auto differ = [&](const std::string& is, const std::string& other) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expects the tokenizer of ", name, ", ", is, ", got ", other));
  };
  if (expected.kind() != got.kind())
    return differ(std::string(expected.kind()), std::string(got.kind()));
  const int64_t size = expected.vocabulary_size();
  if (got.vocabulary_size() != size)
    return differ(absl::StrCat(size, " tokens"),
                  absl::StrCat(got.vocabulary_size()));
  for (int32_t id = 0; id < size; ++id) {
    if (expected.IdToPiece(id) == got.IdToPiece(id)) continue;
    return differ(
        absl::StrCat("token ", id, " \"", expected.IdToPiece(id), "\""),
        absl::StrCat("\"", got.IdToPiece(id), "\""));
  }
  if (expected.Settings() != got.Settings())
    return differ(expected.Settings(), got.Settings());
  return absl::OkStatus();
}

}  // namespace graft
