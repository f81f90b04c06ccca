// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Added tokens: texts that are one token wherever they stand, whatever the
// vocabulary has. Gives the matches of the `tokenizers` package.

#ifndef GRAFT_RUNTIME_TOKENIZE_WORDPIECE_ADDED_TOKENS_H_
#define GRAFT_RUNTIME_TOKENIZE_WORDPIECE_ADDED_TOKENS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace graft {

struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool single_word = false;  // only where no letter, digit or _ is beside it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  // Whether it is looked for in the normalised text, its content normalised
  // too, instead of in the text as written.
  bool normalized = false;
  bool special = false;  // no text: decoders may leave it out
  // The file that names it, for messages: "added_tokens.json". Says nothing
  // about ids.
  std::string source = {};

  // Whether both give the same ids.
  bool SameEffect(const AddedToken& other) const {
    return content == other.content && id == other.id &&
           single_word == other.single_word && lstrip == other.lstrip &&
           rstrip == other.rstrip && normalized == other.normalized;
  }
};

// Finds tokens in texts. Add all, then search; searching is thread-safe.
class AddedTokenMatcher {
 public:
  // A part of a text: one of a token, which is its index for Add, or one
  // between tokens (-1).
  using Part = absl::FunctionRef<void(int token, size_t begin, size_t end)>;

  // `text`, which is not empty, is what stands for the token. Returns `index`,
  // or that of the token that has the text already.
  int Add(const AddedToken& token, absl::string_view text, int index);

  // Hands out the parts of `text` in order. Of tokens that begin at a place the
  // longest counts; the next one is looked for behind it.
  void Split(absl::string_view text, Part part) const;

 private:
  struct Entry {
    int index;
    bool single_word, lstrip, rstrip;
  };
  // The entry of the longest text that begins at `at`, or null.
  const Entry* Longest(absl::string_view text, size_t at, size_t& size) const;

  absl::flat_hash_map<std::string, Entry> entries_;
  // Lengths of the texts by their first byte, the longest first.
  std::array<std::vector<size_t>, 256> lengths_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_TOKENIZE_WORDPIECE_ADDED_TOKENS_H_
