// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/tokenizer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/formats/json.h"

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

std::string QuoteToken(absl::string_view token) {
  return DescribeJson(std::string(token));
}

absl::Status CheckTokenIds(const Tokenizer& tokenizer, int64_t rows,
                           absl::string_view table) {
  std::optional<int32_t> first;
  int64_t more = -1;
  for (int64_t id = rows; id < tokenizer.vocabulary_size(); ++id) {
    const auto token = static_cast<int32_t>(id);
    if (!tokenizer.HasId(token)) continue;
    if (!first) first = token;
    ++more;
  }
  if (!first) return absl::OkStatus();
  const absl::string_view file = tokenizer.SourceOf(*first);
  return absl::InvalidArgumentError(
      absl::StrCat(file, file.empty() ? "" : ": ", "expects ids below ", rows,
                   ", the rows of ", table, ", got ", *first, " of the token ",
                   QuoteToken(tokenizer.IdToPiece(*first)),
                   more > 0 ? absl::StrCat(" and ", more, " more") : ""));
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
        absl::StrCat("token ", id, " ", QuoteToken(expected.IdToPiece(id))),
        QuoteToken(got.IdToPiece(id)));
  }
  if (expected.Settings() != got.Settings())
    return differ(expected.Settings(), got.Settings());
  const std::vector<std::string> added = expected.AddedTokens();
  const std::vector<std::string> others = got.AddedTokens();
  for (size_t i = 0; i < std::max(added.size(), others.size()); ++i) {
    const std::string ours = i < added.size() ? added[i] : "none";
    const std::string theirs = i < others.size() ? others[i] : "none";
    if (ours != theirs)
      return differ(absl::StrCat("added ", ours),
                    absl::StrCat("added ", theirs));
  }
  return absl::OkStatus();
}

}  // namespace graft
